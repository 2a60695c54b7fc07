package httpproxytowsgi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/apps/respond"
)

func init() {
	paste.RegisterApp("test:show", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			env := pipeline.FromRequest(r)
			fmt.Fprintf(w, "%s %s %s %s", env.Scheme(), r.Host, env.ClientAddr(), env.ScriptName())
		}), nil
	})
}

func ini(options string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:oslo.middleware#http_proxy_to_wsgi\n" +
		strings.ReplaceAll(options, "; ", "\n") + "\n[app:app]\npaste.app_factory = test:show\n"
}

// ask sends a request to the filter with these options, from peer.
func ask(t *testing.T, options, peer string, headers ...string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://own/", nil)
	r.RemoteAddr = peer
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	pipelinetest.Load(t, ini(options)).ServeHTTP(rec, r)
	return strings.TrimSpace(rec.Body.String())
}

const (
	on    = "enable_proxy_headers_parsing = true"
	proxy = "10.0.0.9:1234"
	guest = "192.0.2.66:1234"
)

// What the original does is compared with it in the folder above; these are the
// rows that matter when it is not installed.
func TestCompatible(t *testing.T) {
	tests := []struct {
		name, options string
		headers       []string
		want          string
	}{
		{"off by default", "", []string{"X-Forwarded-Proto: https", "Forwarded: for=1.2.3.4", "X-Forwarded-Prefix: /p"}, "http own 192.0.2.66"},
		{"whole values", on, []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: a, b", "X-Forwarded-For: 1.2.3.4, 5.6.7.8", "X-Forwarded-Prefix: /p"}, "https a, b 1.2.3.4, 5.6.7.8 /p"},
		{"first of Forwarded, not unquoted", on, []string{`Forwarded: For="[::1]";host=h;proto=https, for=1.2.3.4`, "X-Forwarded-For: 9.9.9.9"}, `https h "[::1]"`},
		{"switched on in DEFAULT", "set " + on, []string{"X-Forwarded-Proto: https"}, "https own 192.0.2.66"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, tt.options, guest, tt.headers...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	const trusted = on + "; trusted_proxies = 10.0.0.0/8 2001:db8::1, unix"
	tests := []struct {
		name, options, peer string
		headers             []string
		want                string
	}{
		{"stranger", trusted, guest, []string{"X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /p"}, "http own 192.0.2.66"},
		{"one proxy", trusted, proxy, []string{"X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: pub", "X-Forwarded-Prefix: /p/"}, "https pub 1.2.3.4 /p"},
		{"single address", trusted, "[2001:db8::1]:1", []string{"X-Forwarded-For: 1.2.3.4"}, "http own 1.2.3.4"},
		{"mapped address", trusted, "[::ffff:10.1.1.1]:1", []string{"X-Forwarded-For: 1.2.3.4"}, "http own 1.2.3.4"},
		{"unix socket", trusted, "@", []string{"X-Forwarded-For: 1.2.3.4"}, "http own 1.2.3.4"},
		{"unix socket not trusted", on + "; trusted_proxies = 10.0.0.0/8", "@", []string{"X-Forwarded-For: 1.2.3.4"}, "http own @"},
		{"forged items", trusted, proxy, []string{"X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1", "X-Forwarded-Proto: http, https, http"}, "https own 1.2.3.4"},
		{"forged line", trusted, proxy, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 1.2.3.4"}, "http own 1.2.3.4"},
		{"ports and brackets", trusted, proxy, []string{"X-Forwarded-For: [2001:db8::5]:80, 10.1.1.1:443"}, "http own 2001:db8::5"},
		{"only proxies", trusted, proxy, []string{"X-Forwarded-For: 10.2.2.2, 10.1.1.1"}, "http own 10.2.2.2"},
		{"not an address", trusted, proxy, []string{"X-Forwarded-For: 1.2.3.4, unknown"}, "http own 10.0.0.9"},
		{"odd scheme", trusted, proxy, []string{"X-Forwarded-Proto: gopher"}, "http own 10.0.0.9"},
		{"odd prefix", trusted, proxy, []string{"X-Forwarded-Prefix: p"}, "http own 10.0.0.9"},
		{"no headers", trusted, proxy, nil, "http own 10.0.0.9"},
		{"replaced scheme", trusted, proxy, []string{"X-Forwarded-For: 1.2.3.4, 10.1.1.1", "X-Forwarded-Proto: https"}, "https own 1.2.3.4"},
		{"forwarded", trusted, proxy, []string{`Forwarded: for=6.6.6.6, for="[2001:db8::5]:80";proto=HTTPS;host="pub";by=10.1.1.1, For=10.1.1.1`, "X-Forwarded-Prefix: /p"}, "https pub 2001:db8::5 /p"},
		{"quoted comma", trusted, proxy, []string{`Forwarded: for=1.2.3.4;host="a,b\"c"`}, `http a,b"c 1.2.3.4`},
		{"forwarded is the client's own", trusted, proxy, []string{"Forwarded: for=6.6.6.6;proto=https", "X-Forwarded-For: 1.2.3.4"}, "http own 1.2.3.4"},
		{"forwarded by option", trusted + "; proxy_headers = forwarded", proxy, []string{"Forwarded: for=1.2.3.4;proto=https", "X-Forwarded-For: 6.6.6.6"}, "https own 1.2.3.4"},
		{"not forwarded by option", trusted + "; proxy_headers = x-forwarded", proxy, []string{"Forwarded: for=6.6.6.6;proto=https"}, "http own 10.0.0.9"},
		{"empty forwarded", trusted + "; proxy_headers = forwarded", proxy, []string{"Forwarded: ,"}, "http own 10.0.0.9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, tt.options, tt.peer, tt.headers...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHops(t *testing.T) {
	tests := []struct {
		name, options, peer string
		headers             []string
		want                string
	}{
		{"one", on + "; hops = 1", guest, []string{"X-Forwarded-For: 6.6.6.6, 1.2.3.4", "X-Forwarded-Proto: http, https"}, "https own 1.2.3.4"},
		{"two", on + "; hops = 2", guest, []string{"X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.1.1.1", "X-Forwarded-Proto: https"}, "https own 1.2.3.4"},
		{"past the outer one", on + "; hops = 2", guest, []string{"X-Forwarded-For: 1.2.3.4"}, "http own 1.2.3.4"},
		{"with trusted_proxies", on + "; hops = 1; trusted_proxies = 10.0.0.0/8", proxy, []string{"X-Forwarded-For: 1.2.3.4, 10.1.1.1"}, "http own 10.1.1.1"},
		{"with trusted_proxies, stranger", on + "; hops = 1; trusted_proxies = 10.0.0.0/8", guest, []string{"X-Forwarded-For: 1.2.3.4"}, "http own 192.0.2.66"},
		{"forwarded", on + "; hops = 2", guest, []string{"Forwarded: for=6.6.6.6, for=1.2.3.4;proto=https, for=10.1.1.1"}, "https own 1.2.3.4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, tt.options, tt.peer, tt.headers...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLocationHasTheOutsideName(t *testing.T) {
	app := pipelinetest.Load(t, strings.Replace(ini(on), "paste.app_factory = test:show", "use = egg:wheatpaste#respond\nstatus = 302\nheader Location = x", 1))
	r := httptest.NewRequest(http.MethodGet, "http://own/a/b", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-Host", "pub")
	r.Header.Set("X-Forwarded-Prefix", "/p")
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, r)
	if got := rec.Header().Get("Location"); got != "https://pub/p/a/x" {
		t.Errorf("Location %q, want https://pub/p/a/x", got)
	}
}

func TestBadOptions(t *testing.T) {
	tests := []struct{ option, want string }{
		{"enable_proxy_headers_parsing = perhaps", "paste.ini:5:32: [filter:f] enable_proxy_headers_parsing: String is not true/false: 'perhaps', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"hops = -1", "paste.ini:5:8: [filter:f] hops: invalid number -1, want 0 or more"},
		{"hops = two", "paste.ini:5:8: [filter:f] hops: Bad integer value: 'two', want a whole number"},
		{"trusted_proxies = 10.0.0.300", `paste.ini:5:19: [filter:f] trusted_proxies: invalid network "10.0.0.300", want an address, a network such as 10.0.0.0/8, or unix`},
		{"trusted_proxies = 10.0.0.0/33", `paste.ini:5:19: [filter:f] trusted_proxies: invalid network "10.0.0.0/33", want an address, a network such as 10.0.0.0/8, or unix`},
		{"proxy_headers = all", `paste.ini:5:17: [filter:f] proxy_headers: unknown word "all", want auto, forwarded or x-forwarded`},
	}
	for _, tt := range tests {
		t.Run(tt.option, func(t *testing.T) {
			_, err := pipelinetest.Try(t, ini(tt.option))
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v\n want %s", err, tt.want)
			}
		})
	}
}

func TestWarnsWhenSwitchedOff(t *testing.T) {
	for _, option := range []string{"trusted_proxies = 10.0.0.0/8", "hops = 1"} {
		warnings := fmt.Sprint(pipelinetest.Load(t, ini(option)).Warnings())
		name, _, _ := strings.Cut(option, " ")
		if want := name + ": has no effect without enable_proxy_headers_parsing = true"; !strings.Contains(warnings, want) {
			t.Errorf("%s: warnings %s, want %s", option, warnings, want)
		}
	}
}
