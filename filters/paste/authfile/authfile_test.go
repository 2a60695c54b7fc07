package authfile

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPasswords(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ReadPasswords(file(t, "# comment\n\nann:"+string(hash)+"\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		user, password string
		want           bool
	}{
		{"ann", "secret", true}, {"ann", "secret", true}, {"ann", "Secret", false}, {"ann", "", false}, {"bob", "secret", true},
		{"bob", "x", false}, {"eve", "secret", false}, {"", "", false}, {"ann", strings.Repeat("x", 100), false},
	} {
		if got := p.Check(tt.user, tt.password); got != tt.want {
			t.Errorf("Check(%q, %q) = %t, want %t", tt.user, tt.password, got, tt.want)
		}
	}
}

func TestMemoryOfLoginsIsBounded(t *testing.T) {
	p := &Passwords{good: map[[32]byte]struct{}{}}
	for i := range 2 * most {
		p.remember([32]byte{byte(i), byte(i >> 8)})
		if len(p.good) > most {
			t.Fatalf("%d logins are remembered, want at most %d", len(p.good), most)
		}
	}
}

func TestFilesThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"ann\n":              ":1: want 2 fields between colons",
		"ann:plain\n":        `: the hash of user "ann" is of no known kind, want one of htpasswd -B`,
		"ann:$apr1$a$b\n":    `: the hash of user "ann" is of no known kind, want one of htpasswd -B`,
		"# x\n\nann\nb:$2y$": ":3: want 2 fields between colons",
	} {
		name := file(t, text)
		if _, err := ReadPasswords(name); err == nil || err.Error() != name+want {
			t.Errorf("%q: error %v, want %s", text, err, name+want)
		}
	}
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
