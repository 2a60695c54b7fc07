package externaloauth2_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	_ "github.com/wheatpaste/wheatpaste/filters/keystone/externaloauth2"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func init() {
	paste.RegisterApp("shown:app_factory", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(shown), nil
	})
}

// shown answers with the headers that it got.
func shown(w http.ResponseWriter, r *http.Request) {
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name != "Authorization" && name != "User-Agent" {
			fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header[name], "|"))
		}
	}
	fmt.Fprintf(w, "%+v", pipeline.FromRequest(r).Identity())
}

const mappings = `
mapping_roles = roles
mapping_user_id = sub
mapping_user_name = username
mapping_user_domain_id = user_domain.id
mapping_user_domain_name = user_domain.name
mapping_project_id = project.id
mapping_project_name = project.name
mapping_project_domain_id = project.domain.id
mapping_project_domain_name = project.domain.name
mapping_system_scope = system.all
mapping_expires_at = exp
`

const who = `"active": true, "sub": "u1", "username": "Ann", "user_domain": {"id": "d1", "name": "Dom"}`

const project = `"project": {"id": "p1", "name": "Pro", "domain": {"id": "d2", "name": "Other"}}`

func file(options string) string {
	return "[pipeline:main]\npipeline = oauth app\n[filter:oauth]\nuse = egg:keystonemiddleware#external_oauth2_token\n" + options +
		"\n[app:app]\npaste.app_factory = shown:app_factory\n"
}

func (s *server) options(more string) string {
	return fmt.Sprintf("introspect_endpoint = %s/introspect\naudience = %s\nauth_method = %s\nclient_id = %s\nclient_secret = %s\ncafile = %s\njwt_bearer_time_out = 90\n",
		s.URL, audience, s.method, clientID, strings.ReplaceAll(secret, "%", "%%"), s.file("ca.pem")) + mappings + more
}

func get(app http.Handler, token string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header[headers[i]] = []string{headers[i+1]}
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return w
}

const anns = `X-Identity-Status: Confirmed
X-Project-Domain-Id: d2
X-Project-Domain-Name: Other
X-Project-Id: p1
X-Project-Name: Pro
X-Role: member,reader
X-Roles: member,reader
X-Tenant: p1
X-Tenant-Id: p1
X-Tenant-Name: Pro
X-User: Ann
X-User-Domain-Id: d1
X-User-Domain-Name: Dom
X-User-Id: u1
X-User-Name: Ann
{UserID:u1 UserName:Ann ProjectID:p1 ProjectName:Pro DomainID: DomainName: Roles:[member reader]}`

func TestClientAuthentication(t *testing.T) {
	tests := []struct {
		name, method, more string
		prepare            func(*server) string // gives more options
	}{
		{name: "client_secret_basic", method: "client_secret_basic"},
		{name: "client_secret_post", method: "client_secret_post"},
		{name: "tls_client_auth", method: "tls_client_auth", prepare: func(s *server) string {
			return "certfile = " + s.file("client.pem") + "\nkeyfile = " + s.file("client.key")
		}},
		{name: "client_secret_jwt", method: "client_secret_jwt", prepare: func(s *server) string {
			s.keys["HS384"] = []byte(secret)
			return "jwt_algorithm = HS384"
		}},
		{name: "private_key_jwt with RSA", method: "private_key_jwt", prepare: func(s *server) string {
			s.rsaKey()
			return "jwt_algorithm = RS256\njwt_key_file = " + s.file("rsa.key")
		}},
		{name: "private_key_jwt with RSA-PSS", method: "private_key_jwt", prepare: func(s *server) string {
			s.rsaKey()
			return "jwt_algorithm = PS256\njwt_key_file = " + s.file("rsa.key")
		}},
		{name: "private_key_jwt with a curve", method: "private_key_jwt", prepare: func(s *server) string {
			s.ecKey()
			return "jwt_algorithm = ES256\njwt_key_file = " + s.file("ec.key")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, tt.method)
			more := "token_cache_time = -1\n"
			if tt.prepare != nil {
				more += tt.prepare(s)
			}
			app := pipelinetest.Load(t, file(s.options(more)))
			s.set("good&=+%/", `{`+who+`, `+project+`, "roles": "member,reader"}`)
			for range 2 { // an assertion is used once
				if w := get(app, "good&=+%/"); w.Code != 200 || w.Body.String() != anns {
					t.Errorf("%d\n%s\nwant 200\n%s", w.Code, w.Body, anns)
				}
			}
			if w := get(app, "bad"); w.Code != 401 {
				t.Errorf("%d for a bad token, want 401", w.Code)
			}
			if n := s.calls.Load(); n != 3 {
				t.Errorf("%d questions, want 3", n)
			}
		})
	}
}

func TestTheServerDoesNotKnowUs(t *testing.T) {
	s := newServer(t, "client_secret_basic")
	app := pipelinetest.Load(t, file(strings.Replace(s.options(""), "s e+c", "wrong", 1)))
	w := get(app, "t")
	if w.Code != 500 || w.Body.String() != unavailable {
		t.Errorf("%d %s, want 500 %s", w.Code, w.Body, unavailable)
	}
}

const (
	invalid     = `{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made is denied, because the token is invalid."}}`
	forbidden   = `{"error": {"code": 403, "title": "Forbidden", "message": "The request you have made is denied, because the necessary information could not be parsed."}}`
	unavailable = `{"error": {"code": 500, "title": "Internal Server Error", "message": "The request you have made is denied, because an exception occurred while accessing the external authentication server for token validation."}}`
	misconfig   = `{"error": {"code": 500, "title": "Internal Server Error", "message": "The request you have made is denied, because the configuration parameters are incorrect and the token can not be verified."}}`
)

func TestClaims(t *testing.T) {
	s := newServer(t, "client_secret_post")
	app := pipelinetest.Load(t, file(s.options("")))
	head := "X-Identity-Status: Confirmed\n"
	tail := "X-User: Ann\nX-User-Domain-Id: d1\nX-User-Domain-Name: Dom\nX-User-Id: u1\nX-User-Name: Ann\n"
	tests := []struct {
		name, claims string
		code         int
		want         string // of the body; "" for any
	}{
		{"a project", who + `, "roles": "member,reader", ` + project, 200, anns},
		{"a domain", who + `, "roles": "r", "project": {"domain": {"id": "d2", "name": "Other"}}`, 200,
			"X-Domain-Id: d2\nX-Domain-Name: Other\n" + head + "X-Role: r\nX-Roles: r\n" + tail +
				"{UserID:u1 UserName:Ann ProjectID: ProjectName: DomainID:d2 DomainName:Other Roles:[r]}"},
		{"the system", who + `, "roles": "Admin,r", "system": {"all": true}`, 200,
			"Openstack-System-Scope: all\n" + head + "X-Is-Admin-Project: true\nX-Role: Admin,r\nX-Roles: Admin,r\n" + tail +
				"{UserID:u1 UserName:Ann ProjectID: ProjectName: DomainID: DomainName: Roles:[Admin r]}"},
		{"not the system", who + `, "roles": "r", "system": {"all": false}, ` + project, 200, ""},
		{"a system that is no boolean", who + `, "roles": "r", "system": {"all": "true"}`, 403, forbidden},
		{"nothing it is for", who + `, "roles": "r"`, 403, forbidden},
		{"a project without a name", who + `, "roles": "r", "project": {"id": "p1", "domain": {"id": "d2", "name": "Other"}}`, 403, forbidden},
		{"no roles", who + `, ` + project, 403, forbidden},
		{"empty roles", who + `, "roles": "", ` + project, 403, forbidden},
		{"roles in a list", who + `, "roles": ["admin"], ` + project, 403, forbidden},
		{"a text where an object must be", who + `, "roles": "r", "project": "p1"`, 403, forbidden},
		{"names at the root in place of an object", who + `, "roles": "r", "id": "p1", "name": "Pro", "domain": {"id": "d2", "name": "Other"}`, 403, forbidden},
		{"a line end", who + `, "roles": "r\r\nX-Is-Admin-Project: true", ` + project, 403, forbidden},
		{"not expired", who + `, "roles": "r", "exp": 99999999999, ` + project, 200, ""},
		{"expired", who + `, "roles": "r", "exp": 1000000000, ` + project, 401, invalid},
		{"a time that is no number", who + `, "roles": "r", "exp": "99999999999", ` + project, 403, forbidden},
		{"not active", `"active": false`, 401, invalid},
		{"active as a text", strings.Replace(who, "true", `"true"`, 1) + `, "roles": "r", ` + project, 401, invalid},
		{"no word about it", `"a": 1`, 401, invalid},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token := fmt.Sprintf("t%d", i)
			s.set(token, "{"+tt.claims+"}")
			for range 2 { // the second time from the cache
				w := get(app, token)
				if w.Code != tt.code || tt.want != "" && w.Body.String() != tt.want {
					t.Errorf("%d\n%s\nwant %d\n%s", w.Code, w.Body, tt.code, tt.want)
				}
				if challenge := w.Header().Get("Www-Authenticate"); (challenge == `Authorization OAuth 2.0 uri="`+audience+`"`) != (tt.code == 401) {
					t.Errorf("%d with challenge %q", w.Code, challenge)
				}
			}
		})
	}
	for _, answer := range []string{"", "[]", "null", "{", `{"active": true`, strings.Repeat(" ", 300<<10) + "{}"} {
		s.set("odd", answer)
		if w := get(app, "odd"); w.Code != 500 || w.Body.String() != unavailable {
			t.Errorf("%.20q: %d %s, want 500", answer, w.Code, w.Body)
		}
	}
}

func TestProjectWithoutMappings(t *testing.T) {
	s := newServer(t, "client_secret_post")
	options := strings.NewReplacer("mapping_project_domain_id", "#", "mapping_project_domain_name", "#").Replace(s.options(""))
	app := pipelinetest.Load(t, file(options))
	s.set("t", `{`+who+`, "roles": "r", `+project+`}`)
	if w := get(app, "t"); w.Code != 500 || w.Body.String() != misconfig {
		t.Errorf("%d %s, want 500 %s", w.Code, w.Body, misconfig)
	}
}

func TestForgedHeadersAreRemoved(t *testing.T) {
	s := newServer(t, "client_secret_basic")
	app := pipelinetest.Load(t, file(s.options("")))
	s.set("t", `{`+who+`, "roles": "member,reader", `+project+`}`)
	w := get(app, "t", "X-Roles", "admin", "X_roles", "admin", "X-Is-Admin-Project", "true", "Openstack-System-Scope", "all",
		"X-Domain-Id", "x", "X-Service-Roles", "service", "X-Service-Catalog", "[]")
	if w.Code != 200 || w.Body.String() != anns {
		t.Errorf("%d\n%s\nwant 200\n%s", w.Code, w.Body, anns)
	}
}

func TestRequestsWithoutAToken(t *testing.T) {
	s := newServer(t, "client_secret_basic")
	app := pipelinetest.Load(t, file(s.options("")))
	for _, value := range []string{"", "Bearer", "Bearer ", "bearer t", "Basic t", "Bearer a b", "Bearer \x01", "Bearer " + strings.Repeat("a", 20000)} {
		if w := get(app, "", "Authorization", value); w.Code != 401 || w.Body.String() != invalid {
			t.Errorf("%.20q: %d %s, want 401 %s", value, w.Code, w.Body, invalid)
		}
	}
	if w := get(app, ""); w.Code != 401 {
		t.Errorf("%d without a header, want 401", w.Code)
	}
	if n := s.calls.Load(); n != 0 {
		t.Errorf("the server was asked %d times, want 0", n)
	}
}

func TestBoundTokens(t *testing.T) {
	s := newServer(t, "client_secret_basic")
	app := pipelinetest.Load(t, file(s.options("thumbprint_verify = true")))
	mine, other := s.certificate("mine"), s.certificate("other")
	s.set("bound", `{`+who+`, "roles": "r", "cnf": {"x5t#S256": "`+thumbprint(mine)+`"}, `+project+`}`)
	s.set("free", `{`+who+`, "roles": "r", `+project+`}`)
	tests := []struct {
		token       string
		certificate *x509.Certificate
		code        int
	}{{"bound", mine, 200}, {"bound", other, 401}, {"bound", nil, 401}, {"free", mine, 401}, {"bound", mine, 200}}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+tt.token)
		if tt.certificate != nil {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{tt.certificate}}
		}
		w := httptest.NewRecorder()
		if app.ServeHTTP(w, r); w.Code != tt.code {
			t.Errorf("%s: %d, want %d", tt.token, w.Code, tt.code)
		}
	}
	if n := s.calls.Load(); n != 2 {
		t.Errorf("the server was asked %d times, want 2", n)
	}
}

func TestManyRequestsAskOnce(t *testing.T) {
	s := newServer(t, "client_secret_basic")
	s.gate = make(chan struct{})
	app := pipelinetest.Load(t, file(s.options("")))
	s.set("t", `{`+who+`, "roles": "r", `+project+`}`)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if w := get(app, "t"); w.Code != 200 {
				t.Errorf("%d, want 200", w.Code)
			}
		})
	}
	close(s.gate)
	all.Wait()
	if n := s.calls.Load(); n != 1 {
		t.Errorf("the server was asked %d times, want 1", n)
	}
}

func TestServerThatHangs(t *testing.T) {
	s := newServer(t, "client_secret_basic")
	s.gate = make(chan struct{})
	defer close(s.gate)
	app := pipelinetest.Load(t, file(s.options("http_connect_timeout = 1")))
	start := time.Now()
	if w := get(app, "t"); w.Code != 500 || w.Body.String() != unavailable {
		t.Errorf("%d %s, want 500 %s", w.Code, w.Body, unavailable)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	s := newServer(t, "client_secret_basic")
	var text strings.Builder
	loader := &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	app, err := pipelinetest.TryWith(t, loader, file(s.options("")))
	if err != nil {
		t.Fatal(err)
	}
	s.set("sesame", `{`+who+`}`)
	get(app, "sesame")
	s.Close()
	get(app, "open-sesame")
	if out := text.String(); strings.Contains(out, "sesame") || strings.Contains(out, secret) || !strings.Contains(out, "no answer of the authorization server") {
		t.Errorf("the log is\n%s", out)
	}
}

func TestRedirectsToAnotherServerAreNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	s := newServer(t, "client_secret_post")
	app := pipelinetest.Load(t, file(strings.Replace(s.options(""), s.URL, server.URL, 1)))
	if w := get(app, "t"); w.Code != 500 {
		t.Errorf("%d, want 500", w.Code)
	}
}

func TestOptionErrors(t *testing.T) {
	s := newServer(t, "private_key_jwt")
	s.rsaKey()
	good := s.options("jwt_algorithm = RS256\njwt_key_file = " + s.file("rsa.key"))
	tests := []struct{ old, new, want string }{
		{"introspect_endpoint = https", "introspect_endpoint = ftp", "introspect_endpoint: invalid URL, want https://HOST:PORT/PATH"},
		{"audience = ", "#", "audience: missing, want the URL of the token endpoint"},
		{"client_id = ", "#", "client_id: missing, want the id of this service at the authorization server"},
		{"auth_method = private_key_jwt", "auth_method = none", `auth_method: unknown method "none", want client_secret_basic, client_secret_post, tls_client_auth, private_key_jwt, client_secret_jwt`},
		{"RS256", "HS256", `jwt_algorithm: invalid algorithm "HS256" with private_key_jwt, want RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA`},
		{"RS256", "ES256", fmt.Sprintf("jwt_key_file: %q does not fit jwt_algorithm ES256", s.file("rsa.key"))},
		{s.file("rsa.key"), s.file("ca.pem"), fmt.Sprintf("jwt_key_file: %q holds no private key in PEM without a password", s.file("ca.pem"))},
		{"private_key_jwt\nclient_id = nova-1", "client_secret_basic\nclient_id = a:b", `client_id: invalid id "a:b" with client_secret_basic, want one without a colon`},
		{"mapping_roles = ", "#", "mapping_roles: missing, want the claim with the roles"},
		{"= project.id", "= project..id", `mapping_project_id: invalid claim "project..id", want names with one dot between them`},
		{"mapping_project_name", "#", "mapping_project_name: missing, want the claim with the project's name"},
		{"jwt_bearer_time_out = 90", "jwt_bearer_time_out = 0", "jwt_bearer_time_out: invalid number 0, want 1 or more seconds"},
		{"private_key_jwt", "tls_client_auth", "certfile: missing, want the path of a client certificate in PEM"},
		{"client_secret = s", "token_cache_time = -2\nlog_name = s", "token_cache_time: invalid number -2, want seconds, 0 for ever or -1 for never"},
	}
	for _, tt := range tests {
		_, err := pipelinetest.Try(t, file(strings.Replace(good, tt.old, tt.new, 1)))
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.new, err, tt.want)
		}
	}
}

func TestTheExampleOfTheREADMELoads(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```ini\n")
	example, _, ok := strings.Cut(example, "```")
	if !ok {
		t.Fatal("there is none")
	}
	pipelinetest.Load(t, "[pipeline:main]\npipeline = oauth2 app\n[app:app]\npaste.app_factory = quiet:app_factory\n"+example)
}

func BenchmarkExternalOAuth2Token(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{`+who+`, "roles": "r", `+project+`}`)
	}))
	defer s.Close()
	options := "introspect_endpoint = " + s.URL + "\naudience = x\nclient_id = x\nclient_secret = x\n" + mappings
	app := pipelinetest.Load(b, strings.Replace(file(options), "shown:", "quiet:", 1))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer t")
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(w, r)
	}
}

func init() {
	paste.RegisterApp("quiet:app_factory", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil
	})
}
