package forwarded

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func reader(p Proxies, hops int) Reader {
	return Reader{
		Proxies: p, Hops: hops,
		Host:   []string{"X-Forwarded-Host", "X-Forwarded-Server"},
		Proto:  []string{"X-Forwarded-Proto"},
		Prefix: []string{"X-Forwarded-Prefix"},
	}
}

func header(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

func TestBelieves(t *testing.T) {
	tests := []struct {
		proxies, remote string
		want            bool
	}{
		{"", "192.0.2.1:1", true},
		{"", "@", true},
		{"10.0.0.0/8", "10.1.1.1:1", true},
		{"10.0.0.0/8", "[::ffff:10.1.1.1]:1", true},
		{"10.0.0.0/8", "192.0.2.1:1", false},
		{"10.0.0.0/8", "@", false},
		{"unix", "@", true},
		{"unix", "192.0.2.1:1", false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.remote
		if got := reader(proxies(t, tt.proxies), 0).Believes(r); got != tt.want {
			t.Errorf("with proxies %q, %q is believed: %v, want %v", tt.proxies, tt.remote, got, tt.want)
		}
	}
}

func TestXForwarded(t *testing.T) {
	const ours = "10.0.0.0/8"
	tests := []struct {
		name, proxies string
		hops          int
		headers       []string
		want          Hop
	}{
		{"nothing", ours, 0, nil, Hop{}},
		{"one proxy", ours, 0, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1", "X-Forwarded-Proto: http, HTTPS", "X-Forwarded-Prefix: /evil, /p/"}, Hop{"1.1.1.1", "https", "", "/p"}},
		{"two proxies", ours, 0, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.1.1.2", "X-Forwarded-Host: evil.test, out.test, mid.test"}, Hop{Client: "1.1.1.1", Host: "out.test"}},
		{"only proxies", ours, 0, []string{"X-Forwarded-For: 10.1.1.1, 10.1.1.2"}, Hop{Client: "10.1.1.1"}},
		{"several lines", ours, 0, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.1.1.1"}, Hop{Client: "1.1.1.1"}},
		{"no client", ours, 0, []string{"X-Forwarded-Proto: http, https"}, Hop{Proto: "https"}},
		{"a client that is no address", ours, 0, []string{"X-Forwarded-For: 6.6.6.6, unknown", "X-Forwarded-Proto: http, https"}, Hop{Proto: "https"}},
		{"a shorter list", ours, 0, []string{"X-Forwarded-For: 1.1.1.1, 10.1.1.2", "X-Forwarded-Host: out.test"}, Hop{Client: "1.1.1.1", Host: "out.test"}},
		{"the second name", ours, 0, []string{"X-Forwarded-Host: ,", "X-Forwarded-Server: srv"}, Hop{Host: "srv"}},
		{"the first name", ours, 0, []string{"X-Forwarded-Host: out.test", "X-Forwarded-Server: srv"}, Hop{Host: "out.test"}},
		{"two hops", "", 2, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.1.1.1", "X-Forwarded-Proto: http, https, http"}, Hop{Client: "1.1.1.1", Proto: "https"}},
		{"past the outer hop", "", 2, []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: http, https"}, Hop{Client: "1.1.1.1", Proto: "https"}},
		{"hops count more than proxies", ours, 1, []string{"X-Forwarded-For: 1.1.1.1, 10.1.1.1"}, Hop{Client: "10.1.1.1"}},
		{"everyone is believed", "", 0, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1", "X-Forwarded-Proto: https, http, http"}, Hop{Client: "6.6.6.6", Proto: "https"}},
		{"what cannot be meant", ours, 0, []string{"X-Forwarded-For: x", "X-Forwarded-Proto: gopher", "X-Forwarded-Prefix: p"}, Hop{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reader(proxies(t, tt.proxies), tt.hops).XForwarded(header(tt.headers...)); got != tt.want {
				t.Errorf("XForwarded(%q) = %q, want %q", tt.headers, got, tt.want)
			}
		})
	}
}

func TestForwarded(t *testing.T) {
	const ours = "10.0.0.0/8"
	tests := []struct {
		name, proxies string
		hops          int
		headers       []string
		want          Hop
	}{
		{"nothing", ours, 0, nil, Hop{}},
		{"empty", ours, 0, []string{"Forwarded: ,", "X-Forwarded-Prefix: /evil, /p"}, Hop{Prefix: "/p"}},
		{"from its end", ours, 0, []string{"Forwarded: for=6.6.6.6;host=evil.test, for=1.1.1.1;host=out.test", "Forwarded: for=10.2.2.2", "X-Forwarded-Prefix: /evil, /p, /q"}, Hop{"1.1.1.1", "", "out.test", "/p"}},
		{"quoted", ours, 0, []string{`Forwarded: for="[2001:db8::5]:80";proto=HTTPS, for=10.1.1.1`}, Hop{Client: "2001:db8::5", Proto: "https"}},
		{"no client", ours, 0, []string{`Forwarded: for=6.6.6.6, proto=https`}, Hop{Proto: "https"}},
		{"two hops", "", 2, []string{"Forwarded: for=6.6.6.6, for=1.1.1.1;proto=https, for=10.1.1.1"}, Hop{Client: "1.1.1.1", Proto: "https"}},
		{"everyone is believed", "", 0, []string{"Forwarded: for=6.6.6.6, for=1.1.1.1"}, Hop{Client: "6.6.6.6"}},
		{"X-Forwarded-For is not read", ours, 0, []string{"X-Forwarded-For: 6.6.6.6"}, Hop{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reader(proxies(t, tt.proxies), tt.hops).Forwarded(header(tt.headers...)); got != tt.want {
				t.Errorf("Forwarded(%q) = %q, want %q", tt.headers, got, tt.want)
			}
		})
	}
}
