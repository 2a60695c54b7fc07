package forwarded

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#forwarded\n"

// show writes what the application sees.
func show(w http.ResponseWriter, r *http.Request) {
	env := pipeline.FromRequest(r)
	var left []string
	for name := range r.Header {
		if strings.Contains(name, "Forwarded") || name == "X-Real-Ip" {
			left = append(left, name+"="+strings.Join(r.Header[name], "|"))
		}
	}
	slices.Sort(left)
	fmt.Fprintf(w, "%s %s %s %s %v", env.ClientAddr(), env.Scheme(), r.Host, env.ScriptName(), left)
}

func request(remote string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://in.test/x", nil)
	r.RemoteAddr = remote
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestForwarded(t *testing.T) {
	x := []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: out.test", "X-Forwarded-Prefix: /p", "X-Real-Ip: 6.6.6.6", "Forwarded: for=7.7.7.7"}
	const proxy, stranger = "10.0.0.1:5", "192.0.2.1:5"
	tests := []struct {
		name, lines, remote string
		headers             []string
		want                string
	}{
		{"nothing sent", "trusted_proxies = 10.0.0.0/8", proxy, nil, "10.0.0.1 http in.test  []"},
		{"a proxy of ours", "trusted_proxies = 10.0.0.0/8", proxy, x, "1.1.1.1 https out.test  []"},
		{"with its prefix", "trusted_proxies = 10.0.0.0/8\ntake = prefix", proxy, x, "10.0.0.1 http in.test /p []"},
		{"a stranger", "trusted_proxies = 10.0.0.0/8\ntake = for proto host prefix", stranger, x, "192.0.2.1 http in.test  []"},
		{"nobody is trusted", "", proxy, x, "10.0.0.1 http in.test  []"},
		{"hops alone trust nobody", "hops = 1", proxy, x, "10.0.0.1 http in.test  []"},
		{"a unix socket", "trusted_proxies = unix", "@", x, "1.1.1.1 https out.test  []"},
		{"two proxies", "trusted_proxies = 10.0.0.0/8", proxy, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.0.0.7"}, "1.1.1.1 http in.test  []"},
		{"one hop of two", "trusted_proxies = 10.0.0.0/8\nhops = 1", proxy, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1, 10.0.0.7"}, "10.0.0.7 http in.test  []"},
		{"two hops", "trusted_proxies = 10.0.0.0/8\nhops = 2", proxy, []string{"X-Forwarded-For: 6.6.6.6, 1.1.1.1, 8.8.8.8"}, "1.1.1.1 http in.test  []"},
		{"RFC 7239", "trusted_proxies = 10.0.0.0/8\nheaders = forwarded", proxy, append(x, `Forwarded: for="[2001:db8::1]:9";proto=https;host=rfc.test`), "2001:db8::1 https rfc.test  []"},
		{"the other family is no way in", "trusted_proxies = 10.0.0.0/8\nheaders = forwarded", proxy, x[:5], "10.0.0.1 http in.test  []"},
		{"kept", "trusted_proxies = 10.0.0.0/8\nkeep = on", proxy, []string{"X-Forwarded-For: 1.1.1.1", "Forwarded: for=7.7.7.7"}, "1.1.1.1 http in.test  [X-Forwarded-For=1.1.1.1]"},
		{"not kept for strangers", "trusted_proxies = 10.0.0.0/8\nkeep = on", stranger, []string{"X-Forwarded-For: 1.1.1.1"}, "192.0.2.1 http in.test  []"},
		{"what cannot be meant", "trusted_proxies = 10.0.0.0/8\ntake = for proto host prefix", proxy,
			[]string{"X-Forwarded-For: unknown", "X-Forwarded-Proto: gopher", "X-Forwarded-Host: a/b", "X-Forwarded-Prefix: //evil.test"}, "10.0.0.1 http in.test  []"},
		{"IPv4 as IPv6", "trusted_proxies = 10.0.0.0/8", "[::ffff:10.0.0.1]:1", x, "1.1.1.1 https out.test  []"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := filtertest.Load(t, use+tt.lines, show).Do(request(tt.remote, tt.headers...)).Body.String(); got != tt.want {
				t.Errorf("the application sees %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPrefixesThatLeadElsewhereAreRefused(t *testing.T) {
	for prefix, want := range map[string]bool{
		"/p": true, "/p/q-1.2": true, "": true, "//evil.test": false, `/\evil.test`: false, "/a/../b": false, "/a?b": false, "/a#b": false, "/ä": false, "/a b": false,
	} {
		if got := safePrefix(prefix); got != want {
			t.Errorf("safePrefix(%q) = %v, want %v", prefix, got, want)
		}
	}
}

func TestStrippedRequestsAreCounted(t *testing.T) {
	s := filtertest.Load(t, use+"trusted_proxies = 10.0.0.1", show)
	for _, remote := range []string{"10.0.0.1:1", "192.0.2.1:1", "192.0.2.2:1"} {
		s.Do(request(remote, "X-Forwarded-For: 1.1.1.1"))
		s.Do(request(remote))
	}
	if got := s.Metric(t, "wheatpaste_forwarded_stripped_total"); got != 2 {
		t.Errorf("stripped %v, want 2", got)
	}
}

func TestOptions(t *testing.T) {
	for lines, want := range map[string]string{
		"hops = -1":             "paste.ini:3:8: [filter:f] hops: invalid number -1, want 0 or more",
		"take = for port":       `paste.ini:3:8: [filter:f] take: invalid word "port", want some of for, proto, host and prefix`,
		"headers = both":        `paste.ini:3:11: [filter:f] headers: invalid value "both", want x-forwarded or forwarded`,
		"trusted_proxies = x":   `paste.ini:3:19: [filter:f] trusted_proxies: invalid network "x", want an address, a network such as 10.0.0.0/8, or unix`,
		"":                      "trusted_proxies: not given: nobody is believed, the headers are only removed",
		"trusted_proxies = ::1": "",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#forwarded")
}

func BenchmarkForwarded(b *testing.B) {
	o := Options{Headers: xForwarded, Take: []string{"for", "proto", "host"}}
	if err := o.Trusted.UnmarshalText([]byte("10.0.0.0/8")); err != nil {
		b.Fatal(err)
	}
	wrap, err := New(filtertest.Build(), o)
	if err != nil {
		b.Fatal(err)
	}
	h := wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Run("without", func(b *testing.B) { filtertest.Bench(b, h, request("10.0.0.1:1")) })
	b.Run("with", func(b *testing.B) {
		filtertest.Bench(b, h, request("10.0.0.1:1", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"))
	})
}
