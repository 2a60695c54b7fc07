package authtkt

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/paste/pastetest"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// ticket makes a cookie as mod_auth_tkt does.
func ticket(t testing.TB, o Options, addr string, seconds uint32, user, tokens, data string) string {
	t.Helper()
	f := &filter{Options: o, hash: hashes[o.Digest]}
	digest, err := f.digest(addr, seconds, user, tokens, data)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s%08x%s!", digest, seconds, user)
	if tokens != "" {
		text += tokens + "!"
	}
	return text + data
}

func makeFilter(t testing.TB, o Options) func(http.Handler) http.Handler {
	t.Helper()
	f, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var base = Options{Secret: "s", Cookie: "auth_tkt", IncludeIP: true, Digest: "md5"}

func with(change func(*Options)) Options {
	o := base
	change(&o)
	return o
}

// TestSameAsPaste gives tickets to the original and to ours.
func TestSameAsPaste(t *testing.T) {
	now := uint32(1e9)
	good := ticket(t, base, "10.1.2.3", now, "ann", "", "")
	cookies := []string{
		good, ticket(t, base, "10.1.2.3", now, "ann", "a,b", "data"), ticket(t, base, "10.1.2.3", now, "ann", "", "data"),
		ticket(t, base, "10.1.2.4", now, "ann", "", ""), ticket(t, base, "10.1.2.3", now, "bob", "", "x y"), ticket(t, base, "10.1.2.3", 0, "ann", "", ""),
		"", "x", good[1:], good + "x", strings.ToUpper(good), good[:32], good[:40], strings.Replace(good, "!", "", 1),
		"zzzzzzzz" + good[8:], good[:32] + "zzzzzzzz" + good[40:], strings.Replace(good, "ann", "bob", 1),
		ticket(t, with(func(o *Options) { o.Secret = "other" }), "10.1.2.3", now, "ann", "", ""),
		ticket(t, with(func(o *Options) { o.IncludeIP = false }), "10.1.2.3", now, "ann", "", ""),
	}
	var cases []pastetest.Case
	for _, include := range []string{"true", "false"} {
		for _, cookie := range cookies {
			cases = append(cases, pastetest.Case{
				Factory: "paste.auth.auth_tkt:make_auth_tkt_middleware",
				Options: map[string]string{"secret": "s", "include_ip": include},
				Environ: map[string]string{"REMOTE_ADDR": "10.1.2.3"},
				Headers: [][2]string{{"Cookie", `auth_tkt="` + cookie + `"`}},
			})
		}
	}
	results := pastetest.Run(t, cases)
	for i, c := range cases {
		o := base
		o.IncludeIP = c.Options["include_ip"] == "true"
		user := ""
		c.Serve(makeFilter(t, o), func(r *http.Request) { user = pipeline.FromRequest(r).Identity().UserName })
		want := ""
		if len(results[i].Seen) == 1 {
			want, _ = results[i].Seen[0]["REMOTE_USER"].(string)
		}
		if results[i].Error == "" && user != want {
			t.Errorf("%v %v: user %q, want %q", c.Options, c.Headers, user, want)
		}
	}
}

func serve(t *testing.T, o Options, path, cookie string) (pipeline.Identity, *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Cookie", o.Cookie+"="+cookie)
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, r)
	makeFilter(t, o)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return env.Identity(), rec
}

func TestTickets(t *testing.T) {
	now := uint32(time.Now().Unix())
	sha := with(func(o *Options) { o.Digest = "sha512" })
	short := with(func(o *Options) { o.Timeout = time.Minute })
	tests := []struct {
		name   string
		o      Options
		cookie string
		user   string
		roles  string
	}{
		{"md5", base, ticket(t, base, "192.0.2.1", now, "ann", "a,b", "d"), "ann", "[a b]"},
		{"sha512", sha, ticket(t, sha, "192.0.2.1", now, "ann", "", ""), "ann", "[]"},
		{"sha512 expected", sha, ticket(t, base, "192.0.2.1", now, "ann", "", ""), "", "[]"},
		{"young", short, ticket(t, short, "192.0.2.1", now, "ann", "", ""), "ann", "[]"},
		{"old", short, ticket(t, short, "192.0.2.1", now-120, "ann", "", ""), "", "[]"},
		{"other address", base, ticket(t, base, "192.0.2.2", now, "ann", "", ""), "", "[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, _ := serve(t, tt.o, "/", tt.cookie)
			if id.UserName != tt.user || fmt.Sprint(id.Roles) != tt.roles {
				t.Errorf("user %q roles %v, want %q %s", id.UserName, id.Roles, tt.user, tt.roles)
			}
		})
	}
}

func TestLogout(t *testing.T) {
	o := with(func(o *Options) { o.Logout = "/bye" })
	if _, w := serve(t, o, "/bye", "x"); len(w.Header()["Set-Cookie"]) != 3 || !strings.HasPrefix(w.Header().Get("Set-Cookie"), `auth_tkt=""; Expires=`) {
		t.Errorf("cookies %q, want three that end it", w.Header()["Set-Cookie"])
	}
	if _, w := serve(t, o, "/", "x"); len(w.Header()["Set-Cookie"]) != 0 {
		t.Errorf("cookies %q at another path", w.Header()["Set-Cookie"])
	}
}

func TestOptions(t *testing.T) {
	for want, o := range map[string]Options{
		"empty, want a long random text":                       with(func(o *Options) { o.Secret = "" }),
		`invalid algorithm "sha1", want md5, sha256 or sha512`: with(func(o *Options) { o.Digest = "sha1" }),
		"invalid time -1s, want 0 or more":                     with(func(o *Options) { o.Timeout = -time.Second }),
		`invalid name "a b", want letters and digits`:          with(func(o *Options) { o.Cookie = "a b" }),
	} {
		if _, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), o); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func BenchmarkAuthTkt(b *testing.B) {
	h := makeFilter(b, base)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "auth_tkt="+ticket(b, base, "192.0.2.1", 1e9, "ann", "", ""))
	_, w, r := pipeline.Begin(httptest.NewRecorder(), r)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
