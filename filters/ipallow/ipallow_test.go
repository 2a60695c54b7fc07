package ipallow

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#ip_allow\n"

func ok(http.ResponseWriter, *http.Request) {}

func from(remote, client string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = remote
	_, _, r = pipeline.Begin(httptest.NewRecorder(), r)
	if client != "" {
		pipeline.FromRequest(r).SetClientAddr(client)
	}
	return r
}

func TestWhoIsLetIn(t *testing.T) {
	const lists = "allow = 10.0.0.0/8 2001:db8::/32\ndeny = 10.9.0.0/16"
	tests := []struct {
		lines, remote, client string
		want                  int
	}{
		{lists, "10.1.1.1:1", "", 200},
		{lists, "10.9.1.1:1", "", 403},
		{lists, "192.0.2.1:1", "", 403},
		{lists, "[2001:db8::5]:1", "", 200},
		{lists, "[::ffff:10.1.1.1]:1", "", 200},
		{lists, "[::ffff:10.9.1.1]:1", "", 403},
		{lists, "@", "", 403},
		{"allow = unix", "@", "", 200},
		{"allow = unix", "", "", 200},
		{"deny = unix", "@", "", 403},
		{"allow = unix", "10.1.1.1:1", "", 403},
		{"deny = 10.9.0.0/16", "192.0.2.1:1", "", 200},
		{"deny = 10.9.0.0/16", "not-an-address:1", "", 403},
		{"allow = 0.0.0.0/0 ::/0 unix", "not-an-address:1", "", 403},
		{"allow = 10.0.0.0/8", "192.0.2.1:1", "10.1.1.1", 200},
		{"allow = 10.0.0.0/8\nby = peer", "192.0.2.1:1", "10.1.1.1", 403},
		{"allow = 10.0.0.0/8\nby = peer", "10.1.1.1:1", "192.0.2.1", 200},
	}
	for _, tt := range tests {
		s := filtertest.Load(t, use+tt.lines, ok)
		if got := s.Do(from(tt.remote, tt.client)).Code; got != tt.want {
			t.Errorf("%s: %q as %q gets %d, want %d", tt.lines, tt.remote, tt.client, got, tt.want)
		}
		if got := s.Metric(t, "wheatpaste_ip_allow_refused_total"); (got == 1) != (tt.want == 403) {
			t.Errorf("%s: %v counted", tt.lines, got)
		}
	}
}

// TestHeadersAreNotBelieved: only the forwarded filter reads them.
func TestHeadersAreNotBelieved(t *testing.T) {
	s := filtertest.Load(t, use+"allow = 10.0.0.0/8", ok)
	r := from("192.0.2.1:1", "")
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "X-Client-Ip", "True-Client-Ip"} {
		r.Header.Set(name, "10.1.1.1")
	}
	if got := s.Do(r).Code; got != 403 {
		t.Errorf("%d, want 403", got)
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"":                   "paste.ini:1:1: [filter:f] allow: neither allow nor deny is given, want one of them",
		"allow = 10.0.0.0/x": `paste.ini:3:9: [filter:f] allow: invalid network "10.0.0.0/x", want an address, a network such as 10.0.0.0/8, or unix`,
		"deny = ::1\nby = x": `paste.ini:4:6: [filter:f] by: invalid value "x", want client or peer`,
		"deny = ::1":         "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#ip_allow")
}

func BenchmarkIPAllow(b *testing.B) {
	o := Options{By: client}
	if err := o.Allow.UnmarshalText([]byte("10.0.0.0/8 192.0.2.0/24 2001:db8::/32")); err != nil {
		b.Fatal(err)
	}
	wrap, err := New(filtertest.Build(), o)
	if err != nil {
		b.Fatal(err)
	}
	filtertest.Bench(b, wrap(http.HandlerFunc(ok)), from("192.0.2.1:1", ""))
}
