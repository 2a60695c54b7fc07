package basicauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("test:show", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Header, pipeline.FromRequest(r).Identity().UserName)
		}), nil
	})
}

// digest is of the password "geheim".
func digest(t testing.TB) string {
	t.Helper()
	d, err := bcrypt.GenerateFromPassword([]byte("geheim"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(d)
}

func users(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func ini(file, options string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:oslo.middleware#basic_auth\nhttp_basic_auth_user_file = " + file + "\n" + options +
		"\n[app:app]\npaste.app_factory = test:show\n"
}

func ask(h http.Handler, user, password string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = []string{header[i+1]}
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec
}

// The answers are compared with the original's in the folder above; these are the
// rows that matter when it is not installed.
func TestAnswers(t *testing.T) {
	app := pipelinetest.Load(t, ini(users(t, "alice:"+digest(t)+"\n"), ""))
	const refused = `{"error":{"message":"This server could not verify that you are authorized to access the document you requested. Either you supplied ` +
		`the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials required.","code":401}}`
	tests := []struct {
		name, user, password string
		header               []string
		status               int
		body                 string
	}{
		{"the right one", "alice", "geheim", nil, 200, "map[X-User:[alice] X-User-Name:[alice]]alice"},
		{"who says to be another", "alice", "geheim", []string{"X-User", "root", "X_user_name", "root", "X_USER", "root", "X-Other_Name", "x"}, 200,
			"map[X-Other_Name:[x] X-User:[alice] X-User-Name:[alice]]alice"},
		{"a wrong password", "alice", "falsch", nil, 401, refused},
		{"an unknown user", "eve", "geheim", nil, 401, refused},
		{"nobody", "", "", nil, 401, refused},
		{"nobody, with the headers", "", "", []string{"X-User", "root"}, 401, refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := ask(app, tt.user, tt.password, tt.header...)
			if rec.Code != tt.status || rec.Body.String() != tt.body {
				t.Errorf("%d %s\nwant %d %s", rec.Code, rec.Body, tt.status, tt.body)
			}
			if _, challenged := rec.Header()["Www-Authenticate"]; challenged {
				t.Error("the original sends no WWW-Authenticate")
			}
		})
	}
}

func TestRealm(t *testing.T) {
	app := pipelinetest.Load(t, ini(users(t, ""), `realm = the "inner" \ door`))
	if got, want := ask(app, "", "").Header().Get("WWW-Authenticate"), `Basic realm="the \"inner\" \\ door"`; got != want {
		t.Errorf("WWW-Authenticate %s, want %s", got, want)
	}
}

// The file is read for each request, and a right password is remembered together
// with what the file has.
func TestChangesOfTheFileCountAtOnce(t *testing.T) {
	for _, cache := range []string{"0", "3600"} {
		file := users(t, "alice:"+digest(t)+"\n")
		app := pipelinetest.Load(t, ini(file, "cache_time = "+cache))
		for _, step := range []struct {
			text   string
			status int
		}{{"", 200}, {"alice:$2y$05$" + strings.Repeat("x", 53), 401}, {"alice:" + digest(t), 200}, {"bob:" + digest(t), 401}} {
			if step.text != "" {
				if err := os.WriteFile(file, []byte(step.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if rec := ask(app, "alice", "geheim"); rec.Code != step.status {
					t.Errorf("cache_time %s, file %.10q: %d, want %d", cache, step.text, rec.Code, step.status)
				}
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if rec := ask(app, "alice", "geheim"); rec.Code != 401 || rec.Body.String() != `{"error":{"message":"Problem reading auth file","code":401}}` {
			t.Errorf("without the file %d %s", rec.Code, rec.Body)
		}
	}
}

func TestKnownPasswords(t *testing.T) {
	now := time.Unix(0, 0)
	k := &known{life: time.Minute, now: func() time.Time { return now }}
	k.add("digest", "right")
	for _, tt := range []struct {
		after             time.Duration
		crypted, password string
		want              bool
	}{{0, "digest", "right", true}, {0, "digest", "wrong", false}, {0, "another", "right", false}, {59 * time.Second, "digest", "right", true}, {time.Minute, "digest", "right", false}} {
		now = time.Unix(0, 0).Add(tt.after)
		if got := k.has(tt.crypted, tt.password); got != tt.want {
			t.Errorf("after %s %s %s: %v, want %v", tt.after, tt.crypted, tt.password, got, tt.want)
		}
	}
	for i := range 2 * maxKnown {
		k.add("digest", fmt.Sprint(i))
	}
	if len(k.until) > maxKnown {
		t.Errorf("%d passwords are remembered, want at most %d", len(k.until), maxKnown)
	}
}

// A client that leaves does not wait for the others' computations.
func TestComputationsAreBounded(t *testing.T) {
	f := &filter{file: users(t, "alice:"+digest(t)), slots: make(chan struct{}, 1), log: paste.NewBuild(&paste.Context{}, paste.BuildConfig{}).Logger()}
	f.slots <- struct{}{}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got := f.check(gone, "alice", "geheim"); got != unauthorized {
		t.Errorf("who has left gets %q", got)
	}
	var all sync.WaitGroup
	all.Go(func() {
		if got := f.check(t.Context(), "alice", "geheim"); got != "" {
			t.Errorf("who has waited gets %q", got)
		}
	})
	<-f.slots
	all.Wait()
}

func TestStart(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"no file", "/nonexistent/htpasswd", "[filter:f] http_basic_auth_user_file: open /nonexistent/htpasswd: no such file or directory"},
		{"another digest", users(t, "alice:"+digest(t)+"\nbob:$apr1$x$y\n"), `[filter:f] http_basic_auth_user_file: only bcrypt passwords are supported, the one of "bob" is another, want htpasswd -B`},
		{"no text", users(t, "alice:\xff"), "[filter:f] http_basic_auth_user_file: the file is not UTF-8"},
		{"lines without a colon", users(t, "# who may come in\n\n"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pipelinetest.Try(t, ini(tt.file, ""))
			got := ""
			if err != nil {
				_, got, _ = strings.Cut(err.Error(), "paste.ini:5:29: ")
			}
			if got != tt.want {
				t.Errorf("error %v\n want %s", err, tt.want)
			}
		})
	}
}

func TestConfFileNamesTheFile(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "ironic.conf")
	if err := os.WriteFile(conf, []byte("[oslo_middleware]\nhttp_basic_auth_user_file = "+users(t, "alice:"+digest(t))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	app := pipelinetest.Load(t, strings.Replace(ini("", ""), "http_basic_auth_user_file =", "oslo_config_file = "+conf, 1))
	if rec := ask(app, "alice", "geheim"); rec.Code != 200 {
		t.Errorf("%d, want 200", rec.Code)
	}
}

// What Apache's own tool writes is read.
func TestFileOfHtpasswd(t *testing.T) {
	tool, err := exec.LookPath("htpasswd")
	if err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal("apache2-utils is needed")
		}
		t.Skip("apache2-utils is not installed")
	}
	file := users(t, "")
	if out, err := exec.Command(tool, "-B", "-b", "-C", "4", file, "alice", "ge:heim").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	app := pipelinetest.Load(t, ini(file, ""))
	if rec := ask(app, "alice", "ge:heim"); rec.Code != 200 {
		t.Errorf("%d, want 200", rec.Code)
	}
}

func TestExampleLoads(t *testing.T) {
	f, ok := paste.DefaultRegistry.Lookup(paste.Filter, "oslo_middleware:BasicAuthMiddleware.factory")
	if !ok {
		t.Fatal("not registered")
	}
	example := strings.Replace(f.Example, "/etc/ironic/htpasswd", users(t, ""), 1)
	if _, err := pipelinetest.Try(t, example+"[pipeline:main]\npipeline = basic_auth app\n[app:app]\npaste.app_factory = test:show\n"); err != nil {
		t.Error(err)
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"", "Basic", "Basic YWxpY2U6eA==", "basic \xa0x", "Digest \"\\"} {
		f.Add(s)
	}
	h := (&filter{file: users(f, "alice:"+digest(f)), slots: make(chan struct{}, 1), log: paste.NewBuild(&paste.Context{}, paste.BuildConfig{}).Logger()}).wrap(http.NotFoundHandler())
	f.Fuzz(func(t *testing.T, value string) {
		if rec := ask(h, "", "", "Authorization", value); rec.Code != 401 || !strings.HasPrefix(rec.Body.String(), `{"error":{"message":"`) {
			t.Errorf("%q: %d %s", value, rec.Code, rec.Body)
		}
	})
}

func BenchmarkKnownPassword(b *testing.B) {
	f := &filter{file: users(b, "alice:"+digest(b)), slots: make(chan struct{}, 1), known: &known{life: time.Hour, now: time.Now}, log: paste.NewBuild(&paste.Context{}, paste.BuildConfig{}).Logger()}
	h := f.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	authorization := []string{"Basic YWxpY2U6Z2VoZWlt"}
	b.ReportAllocs()
	for b.Loop() {
		r.Header["Authorization"] = authorization
		h.ServeHTTP(w, r)
	}
}
