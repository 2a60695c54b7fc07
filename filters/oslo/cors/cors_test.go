package cors

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	// The app answers with the status and the headers that the request asks for.
	paste.RegisterApp("test:answers", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, line := range r.Header["X-Do"] {
				name, value, _ := strings.Cut(line, ": ")
				w.Header().Add(name, value)
			}
			status := http.StatusOK
			fmt.Sscan(r.Header.Get("X-Status"), &status)
			w.WriteHeader(status)
			fmt.Fprint(w, "body")
		}), nil
	})
}

func ini(options ...string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:oslo.middleware#cors\n" + strings.Join(options, "\n") +
		"\n[app:app]\npaste.app_factory = test:answers\n"
}

const a = "https://a.example.com"

// ask gives the answer on one line: status, body, and the headers by name.
func ask(t *testing.T, ini, method string, headers ...string) string {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	pipelinetest.Load(t, ini).ServeHTTP(rec, r)
	var list []string
	for name, values := range rec.Header() {
		list = append(list, fmt.Sprintf("%s%q", strings.TrimPrefix(name, "Access-Control-"), values))
	}
	slices.Sort(list)
	return fmt.Sprintf("%d %s %s", rec.Code, rec.Body, strings.Join(list, " "))
}

func TestRequests(t *testing.T) {
	allowed := ini("allowed_origin = "+a+", https://b.example.com", "expose_headers = X-A , X-B")
	tests := []struct {
		name    string
		ini     string
		headers []string
		want    string
	}{
		{"no origin", allowed, nil, `200 body `},
		{"origin", allowed, []string{"Origin: " + a}, `200 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Expose-Headers["X-A,X-B"] Vary["Origin"]`},
		{"other origin", allowed, []string{"Origin: https://c.example.com"}, `200 body `},
		{"case of the origin counts", allowed, []string{"Origin: HTTPS://a.example.com"}, `200 body `},
		{"status stays", allowed, []string{"Origin: " + a, "X-Status: 404"}, `404 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Expose-Headers["X-A,X-B"] Vary["Origin"]`},
		{"vary grows", allowed, []string{"Origin: " + a, "X-Do: Vary: Accept"}, `200 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Expose-Headers["X-A,X-B"] Vary["Accept,Origin"]`},
		{"of several vary the last", allowed, []string{"Origin: " + a, "X-Do: Vary: Accept", "X-Do: Vary: Cookie"}, `200 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Expose-Headers["X-A,X-B"] Vary["Cookie,Origin"]`},
		{"the application knows better", allowed, []string{"Origin: " + a, "X-Do: Access-Control-Allow-Origin: x"}, `200 body Allow-Origin["x"]`},
		{"everyone", ini("allowed_origin = *"), []string{"Origin: null"}, `200 body Allow-Credentials["true"] Allow-Origin["*"] Vary["Origin"]`},
		{"named before everyone", ini("allowed_origin = *, " + a), []string{"Origin: " + a}, `200 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Vary["Origin"]`},
		{"no credentials", ini("allowed_origin = "+a, "allow_credentials = false"), []string{"Origin: " + a}, `200 body Allow-Origin["https://a.example.com"] Vary["Origin"]`},
		{"no origins yet", ini("oslo_config_project = wheatpaste-test"), []string{"Origin: " + a}, `200 body `},
		{"allowed_origin is empty", ini("allowed_origin ="), []string{"Origin: " + a}, `200 body `},
		{"options of DEFAULT", "[DEFAULT]\nexpose_headers = X-C\n" + ini("allowed_origin = "+a), []string{"Origin: " + a}, `200 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Expose-Headers["X-C"] Vary["Origin"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, tt.ini, "GET", tt.headers...); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestPreflights(t *testing.T) {
	allowed := ini("allowed_origin = "+a, "allow_headers = X-Foo")
	const (
		plain   = `200  Content-Length["0"]`
		granted = `200  Allow-Credentials["true"] %sAllow-Methods["PUT"] Allow-Origin["https://a.example.com"] Content-Length["0"] Max-Age["3600"] Vary["Origin"]`
	)
	yes := fmt.Sprintf(granted, "")
	put, missing := "Access-Control-Request-Method: PUT", "X-Status: 404"
	tests := []struct {
		name    string
		ini     string
		headers []string
		want    string
	}{
		{"no origin", allowed, []string{put, missing}, plain},
		{"other origin", allowed, []string{"Origin: https://c.example.com", put, missing}, plain},
		{"no method", allowed, []string{"Origin: " + a, missing}, plain},
		{"method", allowed, []string{"Origin: " + a, put, missing, "X-Do: X-Inner: gone"}, yes},
		{"case of the method counts", allowed, []string{"Origin: " + a, "Access-Control-Request-Method: put", missing}, plain},
		{"other method", allowed, []string{"Origin: " + a, "Access-Control-Request-Method: LINK", missing}, plain},
		{"headers", allowed, []string{"Origin: " + a, put, missing, "Access-Control-Request-Headers: x-FOO , ,accept,"}, fmt.Sprintf(granted, `Allow-Headers["x-FOO,accept"] `)},
		{"other header", allowed, []string{"Origin: " + a, put, missing, "Access-Control-Request-Headers: x-foo,x-bar"}, plain},
		{"the application answers", allowed, []string{"Origin: " + a, put, "X-Do: Vary: Accept", "X-Do: X-Inner: kept"},
			`200 body Allow-Credentials["true"] Allow-Methods["PUT"] Allow-Origin["https://a.example.com"] Max-Age["3600"] Vary["Origin"] X-Inner["kept"]`},
		{"the application answers the whole", allowed, []string{"Origin: " + a, put, missing, "X-Do: Access-Control-Allow-Origin: x"}, `404 body Allow-Origin["x"]`},
		{"max_age", ini("allowed_origin = "+a, "max_age = 5"), []string{"Origin: " + a, put, missing}, strings.Replace(yes, "3600", "5", 1)},
		{"no max_age", ini("allowed_origin = "+a, "max_age = 0"), []string{"Origin: " + a, put, missing}, strings.Replace(yes, ` Max-Age["3600"]`, "", 1)},
		{"empty max_age", ini("allowed_origin = "+a, "max_age ="), []string{"Origin: " + a, put, missing}, strings.Replace(yes, ` Max-Age["3600"]`, "", 1)},
		{"allow_methods", ini("allowed_origin = "+a, "allow_methods = GET, put"), []string{"Origin: " + a, put, missing}, plain},
		{"latent options do nothing", ini("allowed_origin = "+a, "latent_allow_methods = GET", "latent_allow_headers = X-Z", "latent_expose_headers = X-Z", "latent_max_age = 1", "latent_allow_credentials = false"),
			[]string{"Origin: " + a, put, missing}, yes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, tt.ini, "OPTIONS", tt.headers...); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// withConf writes a conf file and gives the options that name it.
func withConf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cors.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "oslo_config_project = wheatpaste-test\noslo_config_file = " + path
}

func TestConfFiles(t *testing.T) {
	const conf = "[cors]\nallowed_origin = " + a + "\nexpose_headers = X-Main\nmax_age = 5\nallow_methods = GET,PUT\n" +
		"[cors.two]\nallowed_origin = https://b.example.com, " + a + "\nallow_credentials = off\nexpose_headers = X-Two\n" +
		"[cors.one]\nallowed_origin = *\nallow_headers = X-One\nallow_credentials = no\n[cors.none]\n[corset]\nallowed_origin = https://c.example.com\n"
	put, missing := "Access-Control-Request-Method: PUT", "X-Status: 404"
	tests := []struct {
		name, method, options string
		headers               []string
		want                  string
	}{
		{"the group", "GET", "", []string{"Origin: " + a}, `200 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Expose-Headers["X-Main"] Vary["Origin"]`},
		{"another group", "GET", "", []string{"Origin: https://b.example.com"}, `200 body Allow-Origin["https://b.example.com"] Expose-Headers["X-Two"] Vary["Origin"]`},
		{"a group for all others", "GET", "", []string{"Origin: https://c.example.com"}, `200 body Allow-Origin["*"] Expose-Headers["X-Main"] Vary["Origin"]`},
		{"the section goes first", "GET", "\nexpose_headers = X-Own", []string{"Origin: " + a}, `200 body Allow-Credentials["true"] Allow-Origin["https://a.example.com"] Expose-Headers["X-Own"] Vary["Origin"]`},
		{"a group takes over what it does not set", "OPTIONS", "", []string{"Origin: https://c.example.com", put, missing, "Access-Control-Request-Headers: x-one"},
			`200  Allow-Headers["x-one"] Allow-Methods["PUT"] Allow-Origin["*"] Content-Length["0"] Max-Age["5"] Vary["Origin"]`},
		{"and no more", "OPTIONS", "", []string{"Origin: " + a, put, missing, "Access-Control-Request-Headers: x-one"}, `200  Content-Length["0"]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, ini(withConf(t, conf)+tt.options), tt.method, tt.headers...); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	app := pipelinetest.Load(t, ini(withConf(t, conf)))
	if got, want := fmt.Sprint(app.Warnings()), `:7:18: [cors.two] allowed_origin: origin "https://a.example.com" comes again, the first one counts`; !strings.HasSuffix(got, want) {
		t.Errorf("warnings %s, want %s", got, want)
	}
}

func BenchmarkDecorate(b *testing.B) {
	filter, err := New(paste.NewBuild(&paste.Context{Local: paste.NewConf(map[string]string{"allowed_origin": a})}, paste.BuildConfig{}), Options{Origins: paste.CommaList{a}})
	if err != nil {
		b.Fatal(err)
	}
	h := filter(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Origin", a)
	_, w, r := pipeline.Begin(httptest.NewRecorder(), r)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

func TestReplacedPreflightKeepsOuterHeaders(t *testing.T) {
	local := paste.NewConf(map[string]string{"allowed_origin": a})
	filter, err := New(paste.NewBuild(&paste.Context{Local: local}, paste.BuildConfig{}), defaults)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("X-Outer", "kept")
	_, w, r := pipeline.Begin(rec, httptest.NewRequest(http.MethodOptions, "/", nil))
	filter(http.NotFoundHandler()).ServeHTTP(w, r)
	if got, want := fmt.Sprint(rec.Code, rec.Header(), rec.Body), "200 map[Content-Length:[0] X-Outer:[kept]] "; got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
}

func TestBadOptions(t *testing.T) {
	const required = "allowed_origin: allowed_origin or oslo_config_project is required, in this section itself (those of [DEFAULT] do not count)"
	tests := []struct{ name, ini, want string }{
		{"neither", ini(), "paste.ini:3:1: [filter:f] " + required},
		{"only in DEFAULT", "[DEFAULT]\nallowed_origin = x\n" + ini(), "paste.ini:2:18: [DEFAULT] " + required},
		{"allow_credentials", ini("allowed_origin =", "allow_credentials = x"), "paste.ini:6:21: [filter:f] allow_credentials: String is not true/false: 'x', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"max_age", ini("allowed_origin =", "max_age = 1h"), "paste.ini:6:11: [filter:f] max_age: Bad integer value: '1h', want a whole number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pipelinetest.Try(t, tt.ini)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v\n want %s", err, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		options []string
		want    string
	}{
		{[]string{"allowed_origin = *", "allow_credentials = false"}, ""},
		{[]string{"allowed_origin = *"}, "[filter:f] allowed_origin: browsers refuse credentials from the origin *, want named origins or allow_credentials = false"},
		{[]string{"allowed_origin = https://x/"}, `[filter:f] allowed_origin: origin "https://x/" never matches, want it without the slash at its end`},
		{[]string{"allowed_origin = x", "allow_methods = *"}, "[filter:f] allow_methods: * stands for no other method, want their names"},
		{[]string{"allowed_origin = x", "allow_headers = *"}, "[filter:f] allow_headers: * stands for no other header, want their names"},
		{[]string{"allowed_origin = x", "latent_max_age = 1"}, "[filter:f] latent_max_age: has no effect in oslo.middleware any more, want max_age"},
	}
	for _, tt := range tests {
		warnings := pipelinetest.Load(t, ini(tt.options...)).Warnings()
		got := ""
		if len(warnings) > 0 {
			_, got, _ = strings.Cut(fmt.Sprint(warnings), " ")
		}
		if got != tt.want {
			t.Errorf("%s: warning %q, want %q", tt.options, got, tt.want)
		}
	}
}
