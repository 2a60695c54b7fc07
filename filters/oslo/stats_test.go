package oslo_test

import (
	"net"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// statsPaths are those of requests, quoted.
var statsPaths = []string{
	"/", "//", "/v2.0", "/v2.0/", "/v2.0/servers", "/v2.1/servers/v2.1", "/v2.10/x", "/v21/x", "/x/v2.0", "/V2.0/x", "/v2.0x", "/v2.x", "//v2.0",
	"/servers/", "/servers//detail", "/a.b/c", "/a%20b/%C3%A9", "/a~b/c;d=e,f@g", "/%2Fa", "/a%2Fb", "/a%7Cb", "/(x)'!$&*+",
	"/servers/01234567-89ab-cdef-0123-456789abcdef", "/servers/01234567-89ab-cdef-0123-456789abcdef/action",
	"/servers/01234567-89AB-CDEF-0123-456789ABCDEF/bbb", "/01234567-89ab-cdef-0123-456789abcdef/x/11234567-89ab-cdef-0123-456789abcdef/data",
	"/01234567-89ab-cdef-0123-456789abcdef/01234567-89ab-cdef-0123-456789abcdef/a", "/x01234567-89ab-cdef-0123-456789abcdef/a", "/01234567-89ab-cdef-0123-456789abcdefx/a",
	"/0123456789abcdef0123456789abcdef", "/v2.0/0123456789ABCDEF0123456789abcdef/servers", "/0123456789abcdef0123456789abcdef0/x", "/x0123456789abcdef0123456789abcdef/x",
	"/0123456789abcdef0123456789abcdef/11111111111111111111111111111111/x", "/0123456789abcdef0123456789abcde/x",
	"/" + strings.Repeat("long/", 40),
}

// TestStatsOfOsloMiddleware compares the names of the timers: all of them with
// compat = strict, and without it those that are not about its faults.
func TestStatsOfOsloMiddleware(t *testing.T) {
	needOracle(t)
	listener, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := strconv.Itoa(listener.LocalAddr().(*net.UDPAddr).Port)
	const base = "name = app\nstats_host = 127.0.0.1\n"
	var all, plain []request
	for _, path := range statsPaths {
		for _, method := range []string{"GET", "DELETE"} {
			all = append(all, ask(method, path, hi))
			if !strings.ContainsAny(path, "-") && !strings.Contains(path, "0123456789") {
				plain = append(plain, ask(method, path, hi))
			}
		}
	}
	all = append(all, ask("GET", "/a:b", hi), ask("GET", "/x", with("500 Internal Server Error")))
	stats := func(options string) string {
		return filtered("oslo_middleware.stats:StatsMiddleware.factory", base+"stats_port = "+port+"\n"+options)
	}
	cases := []conformance{
		{"strict", stats("compat = strict\n"), all},
		{"strict, without UUIDs", stats("compat = strict\nremove_uuid = True\n"), all},
		{"strict, without short UUIDs", stats("compat = strict\nremove_short_uuid = false\n"), all},
		{"strict, without both", stats("compat = strict\nremove_uuid = no\nremove_short_uuid = yes\n"), all},
		{"as they are", stats(""), plain},
		{"without both", stats("remove_uuid = True\nremove_short_uuid = True\n"), plain},
		{"the options of DEFAULT", "[DEFAULT]\n" + base + "[pipeline:main]\npipeline = f app\n[filter:f]\npaste.filter_factory = oslo_middleware.stats:StatsMiddleware.factory\nstats_port = " + port, plain[:2]},
	}
	value := regexp.MustCompile(`:[0-9]+\.[0-9]{6}\|ms$`)
	want := askOracle(t, cases)
	packet := make([]byte, 64<<10)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.load(t))
			defer server.Close()
			for j, req := range c.requests {
				if len(want[i][j].Stats) != 1 || !value.MatchString(want[i][j].Stats[0]) {
					t.Fatalf("the original sends %q %s", want[i][j].Stats, want[i][j].Error)
				}
				send(t, server, req)
				if err := listener.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
					t.Fatal(err)
				}
				n, _, err := listener.ReadFrom(packet)
				if err != nil {
					t.Fatal(err)
				}
				got, theirs := string(packet[:n]), want[i][j].Stats[0]
				if value.ReplaceAllString(got, "") != value.ReplaceAllString(theirs, "") || !value.MatchString(got) {
					t.Errorf("%s %s\n got %s\nwant %s", req.Method, req.Path, got, theirs)
				}
			}
		})
	}
}
