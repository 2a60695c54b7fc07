package accesslog

import (
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 11, 22, 21, 11, 5, 987654321, time.FixedZone("", 3600))

func TestLine(t *testing.T) {
	full := Entry{
		Client: "192.0.2.7", User: "alice", Time: at, Method: "GET", URI: "/v2.1/servers?limit=2",
		Proto: "HTTP/1.1", Status: 200, Bytes: 15, Referer: "http://example.org/a", Agent: "curl/8.0",
		RequestID: "req-1", Duration: 1234567 * time.Microsecond,
	}
	change := func(f func(*Entry)) Entry { e := full; f(&e); return e }
	tests := []struct {
		name  string
		entry Entry
		want  string
	}{
		{"all fields", full,
			`192.0.2.7 - alice [22/Nov/2026:21:11:05 +0100] "GET /v2.1/servers?limit=2 HTTP/1.1" 200 15 "http://example.org/a" "curl/8.0" req-1 1.234567`},
		{"absent fields are dashes", Entry{Client: "::1", Time: at, Method: "HEAD", URI: "/", Proto: "HTTP/1.0", Status: 204},
			`::1 - - [22/Nov/2026:21:11:05 +0100] "HEAD / HTTP/1.0" 204 0 "-" "-" - 0.000000`},
		{"no answer and no request", Entry{Time: at},
			`- - - [22/Nov/2026:21:11:05 +0100] "-" - 0 "-" "-" - 0.000000`},
		{"a line cannot be forged", change(func(e *Entry) { e.Agent = "a\"\r\n127.0.0.1 - - \x1b[2J\\\x7f\u009bé" }),
			`192.0.2.7 - alice [22/Nov/2026:21:11:05 +0100] "GET /v2.1/servers?limit=2 HTTP/1.1" 200 15 "http://example.org/a" ` +
				`"a\"\x0d\x0a127.0.0.1 - - \x1b[2J\\\x7f\xc2\x9b\xc3\xa9" req-1 1.234567`},
		{"a word cannot become two", change(func(e *Entry) { e.User = `bob "x"`; e.RequestID = "a b"; e.Client = "un ix" }),
			`un\x20ix - bob\x20\"x\" [22/Nov/2026:21:11:05 +0100] "GET /v2.1/servers?limit=2 HTTP/1.1" 200 15 "http://example.org/a" "curl/8.0" a\x20b 1.234567`},
		{"a clock that went back", change(func(e *Entry) { e.Duration = -time.Second }),
			`192.0.2.7 - alice [22/Nov/2026:21:11:05 +0100] "GET /v2.1/servers?limit=2 HTTP/1.1" 200 15 "http://example.org/a" "curl/8.0" req-1 0.000000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l Log
			got := string(tt.entry.append(nil, l.timestamp(tt.entry.Time)))
			if got != tt.want+"\n" {
				t.Errorf("line\n%q, want\n%q", got, tt.want+"\n")
			}
		})
	}
}

func TestSecretsInTargetsAreMasked(t *testing.T) {
	tests := []struct{ uri, want string }{
		{"/a/b", "/a/b"},
		{"/a?", "/a?"},
		{"/a?token", "/a?token"},
		{"/a?limit=1&marker=2", "/a?limit=1&marker=2"},
		{"/a?token=abc", "/a?token=***"},
		{"/a?x=1&X-Auth-Token=abc&y=2", "/a?x=1&X-Auth-Token=***&y=2"},
		{"/a?access_token=abc;y=2", "/a?access_token=***;y=2"},
		{"/a?%74oken=abc", "/a?%74oken=***"},
		{"/a?%zztoken=abc", "/a?%zztoken=***"},
		{"/v1/AUTH_t/c/o?temp_url_sig=da39&temp_url_expires=17", "/v1/AUTH_t/c/o?temp_url_sig=***&temp_url_expires=17"},
		{"/b?X-Amz-Signature=s&X-Amz-Date=d&X-Amz-Credential=c", "/b?X-Amz-Signature=***&X-Amz-Date=d&X-Amz-Credential=***"},
		{"/a?PASSWORD=p", "/a?PASSWORD=***"},
		{"/a?sort_key=name&key=k", "/a?sort_key=name&key=***"},
		{"/a?q=a?token=b", "/a?q=a?token=b"},
		{"/a?token==b=", "/a?token=***"},
		{"http://u:p@h/x?token=1", "http://***@h/x?token=***"},
		{"http://h/x@y", "http://h/x@y"},
		{"/a?x=\"\n", `/a?x=\"\x0a`},
	}
	for _, tt := range tests {
		if got := string(AppendURI(nil, tt.uri)); got != tt.want {
			t.Errorf("AppendURI(%q) = %q, want %q", tt.uri, got, tt.want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("/a?token=s3cr3t-value", "agent", "user")
	f.Add("http://u:p@h/?", "\x00\"", " ")
	f.Fuzz(func(t *testing.T, uri, agent, user string) {
		e := Entry{Time: at, Method: "GET", URI: uri, Agent: agent, User: user, Proto: "HTTP/1.1"}
		line := string(e.append(nil, "t"))
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%q is not one line", line)
		}
		for _, c := range []byte(line[:len(line)-1]) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q holds the byte %#x", line, c)
			}
		}
	})
}
