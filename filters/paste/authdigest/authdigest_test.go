package authdigest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/paste/authfile"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/apps/respond"
)

func newFilter(t testing.TB, now func() time.Time) *filter {
	t.Helper()
	name := filepath.Join(t.TempDir(), "htdigest")
	if err := os.WriteFile(name, []byte("ann:r:"+hash("ann:r:secret")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	users, err := authfile.ReadDigests(name)
	if err != nil {
		t.Fatal(err)
	}
	return &filter{realm: "r", lifetime: time.Minute, users: users, now: now, used: map[string]uint64{}}
}

// login is the header of a client that knows the password.
func login(method, uri, nonce, nc, password string) string {
	ha1, ha2 := hash("ann:r:"+password), hash(method+":"+uri)
	response := hash(ha1 + ":" + nonce + ":" + nc + ":c:auth:" + ha2)
	return fmt.Sprintf(`Digest username="ann", realm="r", nonce="%s", uri="%s", qop=auth, nc=%s, cnonce="c", response="%s", opaque="x"`, nonce, uri, nc, response)
}

func serve(f *filter, method, target, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	rec := httptest.NewRecorder()
	_, w, r := pipeline.Begin(rec, r)
	f.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(pipeline.FromRequest(r).Identity().UserName))
	})).ServeHTTP(w, r)
	return rec
}

func TestLogin(t *testing.T) {
	f := newFilter(t, time.Now)
	nonce := f.nonce()
	other := newFilter(t, time.Now) // another worker, with the same file
	tests := []struct {
		name, method, target, authorization string
		status                              int
	}{
		{"none", "GET", "/x", "", 401},
		{"right", "GET", "/x?y=z", login("GET", "/x?y=z", nonce, "00000001", "secret"), 200},
		{"replayed", "GET", "/x?y=z", login("GET", "/x?y=z", nonce, "00000001", "secret"), 401},
		{"next", "POST", "/x", login("POST", "/x", nonce, "00000002", "secret"), 200},
		{"wrong password", "GET", "/x", login("GET", "/x", nonce, "00000003", "Secret"), 401},
		{"other path", "GET", "/y", login("GET", "/x", nonce, "00000004", "secret"), 401},
		{"other method", "POST", "/x", login("GET", "/x", nonce, "00000005", "secret"), 401},
		{"made-up nonce", "GET", "/x", login("GET", "/x", "abc", "00000006", "secret"), 401},
		{"nonce of another worker", "GET", "/x", login("GET", "/x", other.nonce(), "00000001", "secret"), 200},
		{"no number", "GET", "/x", login("GET", "/x", nonce, "zz", "secret"), 401},
		{"field twice", "GET", "/x", login("GET", "/x", nonce, "00000007", "secret") + `, username="eve"`, 401},
		{"basic", "GET", "/x", "Basic YW5uOnNlY3JldA==", 401},
		{"no fields", "GET", "/x", "Digest", 401},
		{"broken fields", "GET", "/x", `Digest username="ann`, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(f, tt.method, tt.target, tt.authorization)
			if w.Code != tt.status || w.Code == 200 && w.Body.String() != "ann" {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.status)
			}
		})
	}
}

func TestOldNoncesAreStale(t *testing.T) {
	now := time.Unix(1e9, 0)
	f := newFilter(t, func() time.Time { return now })
	nonce := f.nonce()
	now = now.Add(time.Minute)
	w := serve(f, "GET", "/", login("GET", "/", nonce, "00000001", "secret"))
	if w.Code != 401 || !strings.Contains(w.Header().Get("Www-Authenticate"), `stale="true"`) {
		t.Errorf("%d %q, want 401 and stale", w.Code, w.Header().Get("Www-Authenticate"))
	}
	w = serve(f, "GET", "/", login("GET", "/", nonce, "00000001", "wrong"))
	if w.Code != 401 || strings.Contains(w.Header().Get("Www-Authenticate"), "stale") {
		t.Errorf("%d %q, want 401 and not stale: the password is wrong", w.Code, w.Header().Get("Www-Authenticate"))
	}
}

func TestMemoryOfNoncesIsBounded(t *testing.T) {
	f := newFilter(t, time.Now)
	for i := range mostNonces {
		f.used[fmt.Sprint(i)] = 1
	}
	if !f.use("new", "1") || len(f.used) != 1 {
		t.Errorf("%d nonces are remembered, want the new one alone: the others are none of ours", len(f.used))
	}
}

func TestOptions(t *testing.T) {
	const rest = "\n[pipeline:main]\npipeline = f app\n[app:app]\nuse = egg:wheatpaste#respond\n"
	for text, want := range map[string]string{
		"[filter:f]\nuse = egg:Paste#auth_digest\nrealm = r\nauthfunc = a.b:c":                  `paste.ini:4:12: [filter:f] authfunc: a Python function such as "a.b:c" cannot be called, want the path of a file with users`,
		"[filter:f]\nuse = egg:Paste#auth_digest\nrealm = r\nauthfunc = /x\nnonce_lifetime = 0": "paste.ini:5:18: [filter:f] nonce_lifetime: invalid time 0s, want more than 0",
		"[filter:f]\nuse = egg:wheatpaste#auth_digest\nrealm = \"r\"\nauthfunc = /x":            `paste.ini:3:9: [filter:f] realm: invalid realm "\"r\"", want no quotes and no backslashes`,
	} {
		if _, err := pipelinetest.Try(t, text+rest); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}

func FuzzFields(f *testing.F) {
	f.Add(`username="ann", realm=r, x="a\"b"`)
	f.Fuzz(func(_ *testing.T, text string) { fields(text) })
}

func BenchmarkAuthDigest(b *testing.B) {
	f := newFilter(b, time.Now)
	b.ReportAllocs()
	for b.Loop() {
		serve(f, "GET", "/", "")
	}
}
