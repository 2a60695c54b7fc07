package authbasic_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/wheatpaste/wheatpaste/filters/paste/authfile"
	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/filters/paste/authbasic"
)

func init() {
	paste.RegisterApp("test:user", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("hello " + pipeline.FromRequest(r).Identity().UserName))
		}), nil
	})
}

func users(t testing.TB) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(name, []byte("ann:"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func ini(authfunc string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:Paste#auth_basic\nrealm = my realm\nauthfunc = " + authfunc +
		"\n[app:app]\npaste.app_factory = test:user\n"
}

func TestLogin(t *testing.T) {
	app := pipelinetest.Load(t, ini(users(t)))
	tests := []struct {
		name, authorization string
		status              int
	}{
		{"right", "Basic YW5uOnNlY3JldA==", 200}, {"right again", "basic YW5uOnNlY3JldA==", 200},
		{"none", "", 401}, {"wrong password", "Basic YW5uOnNlY3JldQ==", 401}, {"no colon", "Basic YW5u", 401},
		{"unknown user", "Basic ZXZlOnNlY3JldA==", 401}, {"other scheme", "Bearer YW5uOnNlY3JldA==", 401},
		{"no base64", "Basic !", 401}, {"empty user", "Basic OnNlY3JldA==", 401}, {"scheme alone", "Basic", 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			if tt.authorization != "" {
				r.Header.Set("Authorization", tt.authorization)
			}
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			if w.Code != tt.status || w.Code == 200 && w.Body.String() != "hello ann" {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.status)
			}
			if got := w.Header().Get("Www-Authenticate"); w.Code == 401 && got != `Basic realm="my realm"` {
				t.Errorf("challenge %q", got)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		ini("myapp:check"): `paste.ini:6:12: [filter:f] authfunc: a Python function such as "myapp:check" cannot be called, want the path of a file with users`,
		"[filter:f]\nuse = egg:Paste#auth_basic\nrealm = a\"b\nauthfunc = /x\n[pipeline:main]\npipeline = f app\n[app:app]\npaste.app_factory = test:user\n": "paste.ini:3:9: [filter:f] realm: invalid realm \"a\\\"b\", want no quotes and no backslashes",
	} {
		if _, err := pipelinetest.Try(t, text); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

// TestRefusalIsThatOfPaste compares the page and its headers.
func TestRefusalIsThatOfPaste(t *testing.T) {
	var cases []pastetest.Case
	for _, accept := range []string{"", "*/*", "text/html", "application/json", "text/plain, text/html;q=0.1"} {
		for _, auth := range []string{"", "Bearer x", "Digest x"} {
			c := pastetest.Case{Factory: "paste.auth.basic:make_basic", Options: map[string]string{"realm": "my realm", "authfunc": "posixpath:isabs"}}
			if accept != "" {
				c.Headers = append(c.Headers, [2]string{"Accept", accept})
			}
			if auth != "" {
				c.Headers = append(c.Headers, [2]string{"Authorization", auth})
			}
			cases = append(cases, c)
		}
	}
	results := pastetest.Run(t, cases)
	for i, c := range cases {
		rec := c.Serve(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { authfile.Refuse(w, r, `Basic realm="my realm"`) })
		}, nil)
		want := results[i]
		if want.Error != "" {
			t.Errorf("%v: the original fails: %s", c.Headers, want.Error)
			continue
		}
		if rec.Body.String() != want.Body {
			t.Errorf("%v: body %q\nwant %q", c.Headers, rec.Body, want.Body)
		}
		for _, h := range []string{"Content-Type", "WWW-Authenticate"} {
			if got := rec.Header().Get(h); len(want.Header(h)) != 1 || got != want.Header(h)[0] {
				t.Errorf("%v: %s is %q, want %q", c.Headers, h, got, want.Header(h))
			}
		}
	}
}

func BenchmarkAuthBasic(b *testing.B) {
	app, err := pipelinetest.Try(b, ini(users(b)))
	if err != nil {
		b.Fatal(err)
	}
	if err := app.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("ann", "secret")
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(httptest.NewRecorder(), r)
	}
}
