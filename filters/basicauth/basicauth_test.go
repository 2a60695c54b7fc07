package basicauth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#basic_auth\n"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The hash of "secret" by openssl passwd -apr1 -salt saltsalt.
const apr1Secret = "$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0"

func cheap(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(string(h), "$2a$", "$2y$", 1)
}

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func as(user, password string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	return r
}

func show(w http.ResponseWriter, r *http.Request) {
	id := pipeline.FromRequest(r).Identity()
	fmt.Fprintf(w, "%s %s %q %q", id.UserID, id.UserName, r.Header["X-User"], r.Header["Authorization"])
}

func TestWhoGetsIn(t *testing.T) {
	path := file(t, "# users\n\nann:"+cheap(t, "secret")+"\nbob:"+cheap(t, "")+"\n")
	s := filtertest.Load(t, use+"user_header = x-user\nrealm = a \"b\"\nhtpasswd = "+path, show)
	tests := []struct {
		user, password string
		code           int
	}{
		{"ann", "secret", 200}, {"ann", "secret", 200}, {"ann", "Secret", 401}, {"ann", "", 401}, {"ann", "secret ", 401},
		{"Ann", "secret", 401}, {"bob", "", 200}, {"mallory", "secret", 401}, {"mallory", "", 401}, {"", "", 401},
		{"ann", strings.Repeat("x", 5000), 401}, {"ann\x00", "secret", 401}, {"ann", "\x00secret", 401},
	}
	for _, tt := range tests {
		r := as(tt.user, tt.password)
		r.Header.Set("X-User", "root") // a forged one
		rec := s.Do(r)
		if rec.Code != tt.code {
			t.Errorf("%q, %q: %d, want %d", tt.user, tt.password, rec.Code, tt.code)
		}
		if got, want := rec.Body.String(), fmt.Sprintf(`%s %[1]s [%[1]q] []`, tt.user); tt.code == 200 && got != want {
			t.Errorf("the application sees %s, want %s", got, want)
		}
		if got := fmt.Sprint(rec.Header()["Www-Authenticate"]); tt.code == 401 && got != `[Basic realm="a \"b\"", charset="UTF-8"]` {
			t.Errorf("challenge %s", got)
		}
	}
	for result, want := range map[string]float64{"ok": 2, "cached": 1, "missing": 1, "refused": 9} {
		if got := s.Metric(t, "wheatpaste_basic_auth_total", "result="+result); got != want {
			t.Errorf("%s: %v, want %v", result, got, want)
		}
	}
	if log := s.Log(); strings.Contains(log, "ecret") || strings.Contains(log, "mallory") || !strings.Contains(log, "wrong user or password") {
		t.Errorf("log:\n%s", log)
	}
}

func TestForgedIdentityDoesNotPassWithoutAPassword(t *testing.T) {
	s := filtertest.Load(t, use+"user_header = X-User\nremove_authorization = off\nhtpasswd = "+file(t, "ann:"+cheap(t, "p")), show)
	for _, value := range []string{"Bearer x", "Basic", "Basic !!", "Basic YW5u", "basic YW5uOnE="} {
		r := as("", "")
		r.Header.Set("Authorization", value)
		if got := s.Do(r).Code; got != 401 {
			t.Errorf("%s: %d, want 401", value, got)
		}
	}
	if got := s.Do(as("ann", "p")).Body.String(); got != `ann ann ["ann"] ["Basic YW5uOnA="]` {
		t.Errorf("Authorization kept: %s", got)
	}
}

func TestWeakHashes(t *testing.T) {
	path := file(t, "md5:"+apr1Secret+"\nsha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
	s := filtertest.Load(t, use+"allow_weak = on\nhtpasswd = "+path, show)
	for _, user := range []string{"md5", "sha"} {
		if a, b := s.Do(as(user, "secret")).Code, s.Do(as(user, "other")).Code; a != 200 || b != 401 {
			t.Errorf("%s: %d with the password, %d with another", user, a, b)
		}
	}
	if got := s.Do(as("mallory", "secret")).Code; got != 401 {
		t.Errorf("an unknown user: %d", got)
	}
}

// TestHtpasswd reads what Apache's tool writes.
func TestHtpasswd(t *testing.T) {
	tool, err := exec.LookPath("htpasswd")
	if err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal(err)
		}
		t.Skip("no htpasswd here (Debian: apache2-utils)")
	}
	for _, kind := range []string{"-B", "-m", "-s"} {
		for _, password := range []string{"x", "secret", "a long one, with more than sixteen characters", "grüße"} {
			line, err := exec.Command(tool, "-n", "-b", kind, "ann", password).Output()
			if err != nil {
				t.Fatal(err)
			}
			s := filtertest.Load(t, use+"allow_weak = on\nhtpasswd = "+file(t, string(line)), show)
			if a, b := s.Do(as("ann", password)).Code, s.Do(as("ann", password+"x")).Code; a != 200 || b != 401 {
				t.Errorf("htpasswd %s, %q: %d with the password, %d with another", kind, password, a, b)
			}
		}
	}
}

// TestAnUnknownUserCostsTheSame: both compute one hash of the same cost.
// TestManyAtOnceComputeOnce: a page with many requests costs one bcrypt.
func TestManyAtOnceComputeOnce(t *testing.T) {
	s := filtertest.Load(t, use+"max_checks = 1\nhtpasswd = "+file(t, "ann:"+cheap(t, "secret")), show)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got := s.Do(as("ann", "secret")).Code; got != 200 {
				t.Errorf("%d, want 200", got)
			}
		})
	}
	wg.Wait()
	if got := s.Metric(t, "wheatpaste_basic_auth_total", "result=ok"); got != 1 {
		t.Errorf("%v computed, want 1", got)
	}
}

func TestOptions(t *testing.T) {
	good := file(t, "ann:"+cheap(t, "x"))
	bad := func(text string) string { return "htpasswd = " + file(t, text) }
	gone := filepath.Join(t.TempDir(), "gone")
	tests := []struct{ lines, want string }{
		{"", "paste.ini:1:1: [filter:f] htpasswd: missing, want htpasswd = text (the file of users, as htpasswd -B writes it; read at the start and at each reload)"},
		{"htpasswd = " + good + "\nmax_checks = 0", "paste.ini:4:14: [filter:f] max_checks: invalid number 0, want 1 or more"},
		{"htpasswd = " + good + "\nrealm = a\n  b", `paste.ini:4:9: [filter:f] realm: invalid text "a\nb", want printable ASCII`},
		{"htpasswd = " + good + "\nuser_header = a b", `paste.ini:4:15: [filter:f] user_header: invalid header name "a b", want letters, digits and dashes`},
		{"htpasswd = " + good + "\nallow_weak = on", "allow_weak: MD5 and SHA-1 protect no password, want htpasswd -B"},
		{"htpasswd = " + good, ""},
		{"htpasswd = " + gone, "open FILE: no such file or directory"},
		{bad("\n"), "FILE: no users in it, want lines user:hash"},
		{bad("ann"), "FILE, line 1: no user, want user:hash"},
		{bad("#\nann:s3cret"), `FILE, line 2: user "ann": unknown kind of hash, want bcrypt (htpasswd -B)`},
		{bad("ann:$2y$05$short"), `FILE, line 1: user "ann": invalid bcrypt hash, want one of htpasswd -B`},
		{bad("ann:" + apr1Secret), `FILE, line 1: user "ann": its hash is MD5, want bcrypt (htpasswd -B), or allow_weak = true`},
		{bad("ann:{SHA}x"), `FILE, line 1: user "ann": its hash is SHA-1, want bcrypt (htpasswd -B), or allow_weak = true`},
		{bad("ann:" + cheap(t, "x") + "\nann:" + cheap(t, "x")), `FILE, line 2: user "ann" is there twice`},
	}
	for _, tt := range tests {
		got := filtertest.Problem(t, use+tt.lines)
		if _, path, ok := strings.Cut(tt.lines, "htpasswd = "); ok {
			got = strings.ReplaceAll(got, strings.Split(path, "\n")[0], "FILE")
		}
		if got = strings.TrimPrefix(got, "htpasswd: "); !strings.HasSuffix(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %s\nwant %s", tt.lines, got, tt.want)
		}
	}
}

func TestExample(t *testing.T) {
	path := file(t, "ann:"+cheap(t, "x"))
	if got := filtertest.Problem(t, strings.Replace(exampleLines(t), "/etc/wheatpaste/users", path, 1)); got != "" {
		t.Error(got)
	}
}

// exampleLines are those of the registered example.
func exampleLines(t *testing.T) string {
	t.Helper()
	f, ok := paste.DefaultRegistry.Lookup(paste.Filter, "egg:wheatpaste#basic_auth")
	if !ok {
		t.Fatal("not registered")
	}
	_, lines, _ := strings.Cut(strings.TrimSpace(f.Example), "\n")
	return lines
}

func BenchmarkBasicAuth(b *testing.B) {
	s := filtertest.Load(b, use+"htpasswd = "+file(b, "ann:"+cheap(b, "secret")), func(http.ResponseWriter, *http.Request) {})
	filtertest.Bench(b, s, as("ann", "secret"))
}
