package accesslog

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func formatted(t *testing.T, template string, e Entry) string {
	t.Helper()
	f, err := ParseFormat(template)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(f.append(nil, &e)), "\n")
}

var sample = Entry{
	Client: "10.0.0.1", Port: "4321", User: "bob", Time: time.Date(2026, 8, 5, 9, 8, 7, 0, time.UTC), Method: "GET", URI: "/v2.1/?token=secret", Proto: "HTTP/1.1",
	Status: 200, Bytes: 10, Referer: "http://a/", Agent: "curl", RequestID: "req-1", Duration: 1234567 * time.Microsecond,
}

// HTTP-13: the template language of oslo.service; a body of 10 bytes has length
// 10.
func TestFormat(t *testing.T) {
	for _, tt := range []struct{ name, template, want string }{
		{"nova's", NovaFormat, `10.0.0.1 "GET /v2.1/?token=*** HTTP/1.1" status: 200 len: 10 time: 1.2345670`},
		{"oslo's has two blanks", `%(status_code)s  len: %(body_length)s`, "200  len: 10"},
		{"all others", "%(client_port)s %(date_time)s %(user)s %(request_id)s %(referer)s %(user_agent)s", "4321 05/Aug/2026 09:08:07 bob req-1 http://a/ curl"},
		{"no field", "100%% of it", "100% of it"},
		{"nothing", "", ""},
		{"numbers", "%(status_code)d %(body_length)i %(body_length)f %(wall_seconds)d %(wall_seconds)s %(wall_seconds)f %(wall_seconds).0f", "200 10 10.000000 1 1.234567 1.234567 1"},
		{"width", "[%(body_length)5d|%(body_length)-5d|%(body_length)05d|%(user)5s|%(user)-5s|%(user)05s]", "[   10|10   |00010|  bob|bob  |  bob]"},
		{"precision of a text", "%(user).2s", "bo"},
		{"precision of a number's width", "%(wall_seconds)8.2f", "    1.23"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := formatted(t, tt.template, sample); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A request that could not be read has neither line nor port, one that was not
// answered no status.
func TestFormatOfWhatIsMissing(t *testing.T) {
	if got, want := formatted(t, NovaFormat+" %(client_port)s", Entry{Client: "c"}), `c "-" status: - len: 0 time: 0.0000000 -`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A client cannot write a line of its own.
func TestFormatEscapes(t *testing.T) {
	e := Entry{Client: "c d\n", User: "a\x1b b", Method: "GET", URI: "/\"\n", Proto: "HTTP/1.1", Agent: "x\r\ny"}
	if got, want := formatted(t, `%(client_ip)s %(user)s "%(request_line)s" %(user_agent)s`, e), `c\x20d\x0a a\x1b\x20b "GET /\"\x0a HTTP/1.1" x\x0d\x0ay`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFormatErrors(t *testing.T) {
	const all = "body_length, client_ip, client_port, date_time, referer, request_id, request_line, status_code, user, user_agent, wall_seconds"
	for _, tt := range []struct{ template, want string }{
		{"%(client_up)s", `unknown field "client_up", want one of ` + all},
		{"%s", `"%s" is no field, want %(name)s, or %% for a percent sign`},
		{"100%", `"%" is no field, want %(name)s, or %% for a percent sign`},
		{"%(client_ip", `"%(client_ip" is no field, want %(name)s, or %% for a percent sign`},
		{"%(client_ip)", `"%(client_ip)" is no conversion, want %(client_ip)s, d or .7f`},
		{"%(client_ip)x and more than twenty bytes", `"%(client_ip)x and more than twen..." is no conversion, want %(client_ip)s, d or .7f`},
		{"%(wall_seconds)1000f", `"%(wall_seconds)1000f" is no conversion, want %(wall_seconds)s, d or .7f`},
		{"%(wall_seconds).99f", `"%(wall_seconds).99f" is no conversion, want %(wall_seconds)s, d or .7f`},
		{"%(client_ip)d", `%(client_ip)d: no number, want %(client_ip)s`},
		{"a\nb", `several lines, want one`},
	} {
		t.Run(tt.template, func(t *testing.T) {
			if f, err := ParseFormat(tt.template); f != nil || err == nil || err.Error() != tt.want {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestLogWritesByTheFormat(t *testing.T) {
	f, err := ParseFormat("%(status_code)s %(client_ip)s")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	l, err := Open(Stdout, Options{Stdout: &b, Format: f})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(entry(1))
	mustClose(t, l)
	if b.String() != "200 c\n" {
		t.Errorf("the log is %q", b.String())
	}
}

func FuzzParseFormat(f *testing.F) {
	for _, seed := range []string{NovaFormat, "%", "%(", "%(user)-05.3s%%", "%(wall_seconds).7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		format, err := ParseFormat(template)
		if err != nil {
			return
		}
		if line := format.append(nil, &sample); strings.Count(string(line), "\n") != 1 {
			t.Errorf("%q gives %q, want one line", template, line)
		}
	})
}
