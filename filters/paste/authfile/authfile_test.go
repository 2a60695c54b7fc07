package authfile

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFilesThatAreWrong(t *testing.T) {
	if _, err := ReadDigests(file(t, "ann:realm\n")); err == nil || !strings.HasSuffix(err.Error(), ":1: want 3 fields between colons") {
		t.Errorf("error %v, want one about three fields", err)
	}
}

func TestPathOfAnAuthfunc(t *testing.T) {
	for authfunc, want := range map[string]string{"/etc/x": "/etc/x", "./x": "./x", "file:/etc/x": "/etc/x"} {
		if got, err := Path(authfunc); got != want || err != nil {
			t.Errorf("Path(%q) = %q, %v, want %q", authfunc, got, err, want)
		}
	}
	const want = `a Python function such as "myapp.auth:check" cannot be called, want the path of a file with users`
	if _, err := Path("myapp.auth:check"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestDigests(t *testing.T) {
	one, err := ReadDigests(file(t, "ann:r:0123456789ABCDEF0123456789abcdef\n"))
	if err != nil {
		t.Fatal(err)
	}
	if h, ok := one.Get("ann", "r"); !ok || h != "0123456789abcdef0123456789abcdef" {
		t.Errorf("Get = %q, %t", h, ok)
	}
	if _, ok := one.Get("ann", "x"); ok {
		t.Error("a user of another realm is found")
	}
	two, _ := ReadDigests(file(t, "ann:r:0123456789ABCDEF0123456789abcdef\n"))
	if one.Sum != two.Sum {
		t.Error("two who read one file have different secrets")
	}
}

func TestRefuse(t *testing.T) {
	w := httptest.NewRecorder()
	Refuse(w, httptest.NewRequest("GET", "/", nil), `Basic realm="r"`)
	if w.Code != 401 || w.Header().Get("Www-Authenticate") != `Basic realm="r"` || !strings.HasPrefix(w.Body.String(), "401 Unauthorized\r\n") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
