package stats

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("test:app", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/panic") {
				panic("no luck")
			}
			w.WriteHeader(http.StatusNoContent)
		}), nil
	})
}

func ini(options string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:wheatpaste#stats\n" + options + "\n[app:app]\npaste.app_factory = test:app\n"
}

const (
	id    = "01234567-89ab-CDEF-0123-456789abcdef"
	short = "0123456789abcdef0123456789ABCDEF"
)

// How the original makes the names is compared with it in the folder above.
func TestNames(t *testing.T) {
	all := namer{name: "n", uuid: true, short: true}
	tests := []struct {
		name   string
		namer  namer
		path   string
		script string
		want   string
	}{
		{"a UUID at the end", all, "/servers/" + id, "", "n.GET.servers"},
		{"UUIDs between", all, "/" + id + "/servers/" + id + "/ip", "", "n.GET.servers.ip"},
		{"short ones", all, "/v2.1/" + short + "/servers/" + short, "", "n.GET.v21.servers"},
		{"nothing but one", all, "/" + id, "", "n.GET"},
		{"a part of a longer one stays", all, "/x" + id + "/" + short + "0", "", "n.GET.x" + id + "." + short + "0"},
		{"no hexadecimal digits", all, "/g" + id[1:] + "/g" + short[1:], "", "n.GET.g" + id[1:] + ".g" + short[1:]},
		{"they stay without the options", namer{name: "n"}, "/" + id + "/" + short, "", "n.GET." + id + "." + short},
		{"what separates values", all, "/a:b|c", "", "n.GET.a_b%7Cc"},
		{"strict keeps it", namer{name: "n", strict: true}, "/a:b", "", "n.GET.a:b"},
		{"strict needs an a behind it", namer{name: "n", uuid: true, strict: true}, "/servers/" + id + "/ips", "", "n.GET.servers." + id + ".ips"},
		{"the script's name counts", all, "/x", "/v2.0", "n.GET.v20.x"},
		{"bytes that are no UTF-8", all, "/\xff", "", "n.GET.%FF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			_, _, r = pipeline.Begin(httptest.NewRecorder(), r)
			r = pipeline.Rebase(r, tt.script, tt.path)
			if got := string(tt.namer.append(nil, r)); got != tt.want {
				t.Errorf("name %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPackets(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	listener, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := strconv.Itoa(listener.LocalAddr().(*net.UDPAddr).Port)
	app := pipelinetest.Load(t, ini("name = n\nstats_host = 127.0.0.1\nstats_port = "+port))
	packet := make([]byte, 1024)
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{{"/a/b", 204, "n.GET.a.b:"}, {"/panic", 500, "n.GET.panic:"}, {"/" + strings.Repeat("x", maxPacket), 204, ""}, {"/", 204, "n.GET:"}} {
		rec := httptest.NewRecorder()
		app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, tt.path, nil))
		if rec.Code != tt.status {
			t.Errorf("%.20s: status %d, want %d", tt.path, rec.Code, tt.status)
		}
		if tt.want == "" { // the next packet is that of the next request
			continue
		}
		if err := listener.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := listener.ReadFrom(packet)
		if got := string(packet[:n]); err != nil || !strings.HasPrefix(got, tt.want) || !strings.HasSuffix(got, "|ms") {
			t.Errorf("%.20s: packet %q, %v, want %s", tt.path, got, err, tt.want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	const base = "name = n\nstats_host = 127.0.0.1\n"
	tests := []struct{ name, options, want string }{
		{"no name", "stats_host = h", "paste.ini:3:1: [filter:f] name: missing, want name = text (begins the names of all timers, such as glance)"},
		{"no host", "name = n", "paste.ini:3:1: [filter:f] stats_host: missing, want stats_host = text (host name or address of the statsd)"},
		{"no truth value", base + "remove_uuid = maybe", "paste.ini:7:15: [filter:f] remove_uuid: String is not true/false: 'maybe', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"which strict does not mind", base + "compat = strict\nremove_uuid = maybe", ""},
		{"compat", base + "compat = loose", `paste.ini:7:10: [filter:f] compat: unknown word "loose", want strict or nothing`},
		{"port", base + "stats_port = 0", "paste.ini:7:14: [filter:f] stats_port: invalid port 0, want 1 to 65535"},
		{"a host that is not there", "name = n\nstats_host = nowhere.invalid", "paste.ini:6:14: [filter:f] stats_host: dial udp: lookup nowhere.invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pipelinetest.Try(t, ini(tt.options))
			got := ""
			if err != nil {
				got = err.Error()
				_, rest, _ := strings.Cut(got, "paste.ini") // of an error of the start the folder stands before it
				got = "paste.ini" + rest
			}
			if got != tt.want && (!strings.Contains(tt.want, "lookup") || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("error %s\n want %s", got, tt.want)
			}
		})
	}
}

func TestExampleLoads(t *testing.T) {
	f, ok := paste.DefaultRegistry.Lookup(paste.Filter, "oslo_middleware.stats:StatsMiddleware.factory")
	if !ok {
		t.Fatal("not registered")
	}
	if _, err := pipelinetest.Try(t, f.Example+"[pipeline:main]\npipeline = stats app\n[app:app]\npaste.app_factory = test:app\n"); err != nil {
		t.Error(err)
	}
}

func BenchmarkStats(b *testing.B) {
	for _, path := range []string{"/v2.1/servers/detail", "/v2.1/servers/" + id + "/action"} {
		b.Run(path, func(b *testing.B) {
			f := &filter{namer: namer{name: "nova", uuid: true, short: true}, now: time.Now}
			h := f.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
			_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
