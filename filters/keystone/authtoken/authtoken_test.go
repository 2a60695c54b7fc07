package authtoken_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/wheatpaste/wheatpaste/filters/keystone/authtoken"
	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/keystonetest"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	// The app shows the identity headers, sorted, and what the Environ says.
	paste.RegisterApp("test:shows", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var list []string
			for name, values := range r.Header {
				if !strings.HasPrefix(name, "X-Do") && !strings.HasSuffix(name, "Token") {
					list = append(list, name+"="+strings.Join(values, ","))
				}
			}
			slices.Sort(list)
			if r.Header.Get("X-Do") != "" {
				w.WriteHeader(http.StatusUnauthorized)
			}
			env := pipeline.FromRequest(r)
			info, _ := token.Info.Get(env)
			auth, _ := token.Checked.Get(env)
			fmt.Fprintf(w, "%s | %s %t %t %t", strings.Join(list, " "), env.Identity().UserID, info != nil, auth.User != nil, auth.Service != nil)
		}), nil
	})
}

func ini(options string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:keystonemiddleware#auth_token\n" + options +
		"\n[app:app]\npaste.app_factory = test:shows\n"
}

func ask(app http.Handler, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/v2/servers/1", nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header[name] = append(r.Header[name], value)
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, r)
	return rec
}

const (
	member  = `{"id": "1", "name": "member"}`
	service = `{"id": "2", "name": "service"}`

	user = "X-Identity-Status=Confirmed X-Is-Admin-Project=True X-Project-Domain-Id=default X-Project-Domain-Name=Default X-Project-Id=p1 " +
		"X-Project-Name=demo X-Role=member X-Roles=member X-Tenant-Id=p1 X-Tenant-Name=demo X-Tenant=demo X-User-Domain-Id=default " +
		"X-User-Domain-Name=Default X-User-Id=u1 X-User-Name=jo X-User=jo"
	refused = `401 [Keystone uri="http://public"] {"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}`
)

func keystone(tb testing.TB) *keystonetest.Server {
	k := keystonetest.New(tb)
	k.Put("good", keystonetest.User(time.Hour, member, ""))
	k.Put("old", keystonetest.User(-time.Minute, member, ""))
	k.Put("service", keystonetest.User(time.Hour, service, ""))
	k.Put("system", keystonetest.User(time.Hour, member, `, "system": {"all": true}, "is_admin_project": false`))
	k.Put("bound", keystonetest.User(time.Hour, member, `, "bind": {"kerberos": "jo"}`))
	k.Put("rules", keystonetest.User(time.Hour, member, `, "catalog": [{"type": "compute", "endpoints": []}],
		"application_credential": {"access_rules": [{"service": "compute", "method": "GET", "path": "/v2/servers/*"}]}`))
	k.Put("norules", keystonetest.User(time.Hour, member, `, "catalog": [{"type": "compute", "endpoints": []}], "application_credential": {"access_rules": []}`))
	k.Put("smuggler", strings.ReplaceAll(keystonetest.User(time.Hour, member, ""), `"jo"`, `"jo\r\nX-Roles: admin"`))
	k.Put("empty", ``)
	return k
}

func TestRequests(t *testing.T) {
	delay := "delay_auth_decision = true"
	invalid := "X-Identity-Status=Invalid"
	tests := []struct {
		name, options string
		headers       []string
		want          string
	}{
		{"no token", "", nil, refused},
		{"no token, delayed", delay, nil, "200 [] " + invalid + " |  false false false"},
		{"good", "", []string{"X-Auth-Token: good"}, "200 [] " + user + " | u1 true true false"},
		{"storage token", "", []string{"X-Storage-Token: good"}, "200 [] " + user + " | u1 true true false"},
		{"empty token before a storage token", "", []string{"X-Auth-Token: ", "X-Storage-Token: good"}, refused},
		{"spaces around", "", []string{"X-Auth-Token:  good "}, "200 [] " + user + " | u1 true true false"},
		{"two tokens", "", []string{"X-Auth-Token: good", "X-Auth-Token: good"}, refused},
		{"unknown", "", []string{"X-Auth-Token: bad"}, refused},
		{"expired", "", []string{"X-Auth-Token: old"}, refused},
		{"no description", "", []string{"X-Auth-Token: empty"}, refused},
		{"line breaks in a name", "", []string{"X-Auth-Token: smuggler"}, refused},
		{"letters that no token has", "", []string{"X-Auth-Token: a\tb"}, refused},
		{"too long", "", []string{"X-Auth-Token: " + strings.Repeat("x", 8<<10+1)}, refused},
		{"401 of the app", "", []string{"X-Auth-Token: good", "X-Do: 401"}, `401 [Keystone uri="http://public"] ` + user + " | u1 true true false"},
		{"service alone", "", []string{"X-Service-Token: service"}, refused},
		{"bad service", "", []string{"X-Auth-Token: good", "X-Service-Token: bad"}, refused},
		{"bad service, delayed", delay, []string{"X-Auth-Token: good", "X-Service-Token: bad"},
			"200 [] " + strings.Replace(user, "X-Tenant-Id", "X-Service-Identity-Status=Invalid X-Tenant-Id", 1) + " | u1 true true false"},
		{"expired with a service", "", []string{"X-Auth-Token: old", "X-Service-Token: service"}, "200 with service"},
		{"expired with a user as service", "", []string{"X-Auth-Token: old", "X-Service-Token: good"}, refused},
		{"user as service", "", []string{"X-Auth-Token: good", "X-Service-Token: good"}, "200 with service"},
		{"user as service, roles required", "service_token_roles_required = true", []string{"X-Auth-Token: good", "X-Service-Token: good"}, refused},
		{"other roles of services", "service_token_roles_required = true\nservice_token_roles = a, member", []string{"X-Auth-Token: good", "X-Service-Token: good"}, "200 with service"},
		{"system", "", []string{"X-Auth-Token: system"}, "200 [] Openstack-System-Scope=all " + strings.Replace(user, "Project=True", "Project=False", 1) + " | u1 true true false"},
		{"bound to kerberos", "", []string{"X-Auth-Token: bound"}, refused},
		{"binding disabled", "enforce_token_bind = disabled", []string{"X-Auth-Token: bound"}, "200 [] " + user + " | u1 true true false"},
		{"binding required", "enforce_token_bind = required", []string{"X-Auth-Token: good"}, refused},
		{"access rules without service_type", "", []string{"X-Auth-Token: rules"}, refused},
		{"access rules", "service_type = compute\ninclude_service_catalog = false", []string{"X-Auth-Token: rules"}, "200 [] " + user + " | u1 true true false"},
		{"access rules of another service", "service_type = image", []string{"X-Auth-Token: rules"}, refused},
		{"no access rule at all", "service_type = compute", []string{"X-Auth-Token: norules"}, refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := keystone(t)
			rec := ask(pipelinetest.Load(t, ini(k.Options()+tt.options)), tt.headers...)
			got := fmt.Sprint(rec.Code, " ", rec.Header()["Www-Authenticate"], " ", rec.Body)
			if tt.want == "200 with service" {
				if rec.Code != 200 || !strings.Contains(got, "X-Service-User-Id=u1") || !strings.HasSuffix(got, "u1 true true true") {
					t.Errorf("got %s", got)
				}
				return
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestForgedHeadersAreRemoved(t *testing.T) {
	k := keystone(t)
	app := pipelinetest.Load(t, ini(k.Options()+"delay_auth_decision = true"))
	var forged []string
	for _, name := range []string{
		"X-Roles", "X-User-Id", "X-User-Name", "X-User-Domain-Id", "X-User-Domain-Name", "X-Project-Id", "X-Project-Name", "X-Project-Domain-Id",
		"X-Project-Domain-Name", "X-Domain-Id", "X-Domain-Name", "X-Role", "X-User", "X-Tenant", "X-Tenant-Id", "X-Tenant-Name", "X-Service-Catalog",
		"X-Identity-Status", "X-Service-Identity-Status", "X-Is-Admin-Project", "Openstack-System-Scope", "X-Service-Roles", "X-Service-User-Id",
		"X-Service-User-Name", "X-Service-User-Domain-Id", "X-Service-User-Domain-Name", "X-Service-Project-Id", "X-Service-Project-Name",
		"X-Service-Project-Domain-Id", "X-Service-Project-Domain-Name", "X-Service-Domain-Id", "X-Service-Domain-Name",
	} {
		underscored := strings.ReplaceAll(name, "-", "_")
		forged = append(forged, name+": forged", underscored+": forged", strings.ToLower(underscored)+": forged", strings.Replace(name, "-", "_", 1)+": forged")
	}
	forged = append(forged, "X_auth_token: good", "X_Service-Token: good", "X-Other: stays", "X_other: stays")
	want := "200 X-Identity-Status=Invalid X-Other=stays X_other=stays |  false false false"
	rec := ask(app, forged...)
	if got := fmt.Sprint(rec.Code, " ", rec.Body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestServiceTokenAddsNoSystemScope(t *testing.T) {
	k := keystone(t)
	app := pipelinetest.Load(t, ini(k.Options()))
	for _, tt := range []struct {
		user, service string
		want          bool
	}{{"good", "system", false}, {"system", "service", false}, {"system", "system", true}} {
		rec := ask(app, "X-Auth-Token: "+tt.user, "X-Service-Token: "+tt.service)
		if got := strings.Contains(rec.Body.String(), "Openstack-System-Scope=all"); got != tt.want || rec.Code != 200 {
			t.Errorf("%v: %d %s", tt, rec.Code, rec.Body)
		}
	}
}

func TestThousandRequestsWithOneNewTokenAskKeystoneOnce(t *testing.T) {
	for _, tok := range []string{"good", "bad"} {
		k := keystone(t)
		app := pipelinetest.Load(t, ini(k.Options()))
		var all sync.WaitGroup
		codes := make([]int, 1000)
		for i := range codes {
			all.Go(func() { codes[i] = ask(app, "X-Auth-Token: "+tok).Code })
		}
		all.Wait()
		want := map[string]int{"good": 200, "bad": 401}[tok]
		if n := k.Calls.Load(); n != 1 || slices.ContainsFunc(codes, func(c int) bool { return c != want }) {
			t.Errorf("%s: %d calls of Keystone, want 1; answers %v", tok, n, codes)
		}
	}
}

func TestCaching(t *testing.T) {
	tests := []struct {
		name, options string
		tokens        []string
		want          int64
	}{
		{"cached", "", []string{"good", "good", "good"}, 1},
		{"for ever", "token_cache_time = 0", []string{"good", "good"}, 1},
		{"never", "token_cache_time = -1", []string{"good", "good", "bad", "bad"}, 4},
		{"unknown", "", []string{"bad", "bad"}, 1},
		{"expired", "", []string{"old", "old"}, 1},
		{"each token", "", []string{"good", "service", "good", "service"}, 2},
		{"refused before anything", "", []string{strings.Repeat("y", 9000), "a b"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := keystone(t)
			app := pipelinetest.Load(t, ini(k.Options()+tt.options))
			for _, tok := range tt.tokens {
				ask(app, "X-Auth-Token: "+tok)
			}
			if got := k.Calls.Load(); got != tt.want {
				t.Errorf("%d calls of Keystone, want %d", got, tt.want)
			}
		})
	}
}

func TestKeystoneIsAskedWith(t *testing.T) {
	for options, want := range map[string]string{"": " 1", "include_service_catalog = false": "nocatalog 1"} {
		k := keystone(t)
		app := pipelinetest.Load(t, ini(k.Options()+options))
		ask(app, "X-Auth-Token: good", "X-Service-Token: service")
		flags := strings.Fields(want)
		expired := strings.Join(append(flags[:len(flags)-1:len(flags)-1], "allow_expired=1"), "&") + " 1"
		if got := strings.Join(k.Asked, ", "); got != want+", "+expired {
			t.Errorf("%q: asked with %q, want %q", options, got, want+", "+expired)
		}
	}
}

func TestServiceUserAuthenticatesAgain(t *testing.T) {
	k := keystone(t)
	app := pipelinetest.Load(t, ini(k.Options()+"token_cache_time = -1"))
	ask(app, "X-Auth-Token: good")
	k.Forget()
	if rec := ask(app, "X-Auth-Token: good"); rec.Code != 200 || k.Logins.Load() != 2 {
		t.Errorf("%d after %d logins, want 200 after 2", rec.Code, k.Logins.Load())
	}
}

const page = `The server is currently unavailable. Please try again at a later time.<br /><br />\nThe Keystone service is temporarily unavailable.\n\n`

func TestKeystoneIsDown(t *testing.T) {
	tests := []struct {
		name   string
		before func(http.ResponseWriter) bool
	}{
		{"errors", func(w http.ResponseWriter) bool { w.WriteHeader(500); return true }},
		{"refuses the service user", func(w http.ResponseWriter) bool { w.WriteHeader(401); return true }},
		{"redirects elsewhere", func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "http://192.0.2.1/")
			w.WriteHeader(302)
			return true
		}},
		{"says nothing of use", func(w http.ResponseWriter) bool { io.WriteString(w, "{}"); return true }},
		{"breaks off", func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := keystone(t)
			k.Before = tt.before
			rec := ask(pipelinetest.Load(t, ini(k.Options())), "X-Auth-Token: good", "Accept: application/json")
			want := `{"message": "` + page + `", "code": "503 Service Unavailable", "title": "Service Unavailable"}`
			if rec.Code != 503 || rec.Body.String() != want || rec.Header()["Www-Authenticate"] != nil {
				t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
			}
			rec = ask(pipelinetest.Load(t, ini(k.Options()+"delay_auth_decision = true")), "X-Auth-Token: good")
			if got := rec.Body.String(); rec.Code != 200 || got != "X-Identity-Status=Invalid |  false false false" {
				t.Errorf("delayed: %d %s", rec.Code, got)
			}
		})
	}
}

func TestSilentKeystoneHoldsNobodyLongerThanTheTimeout(t *testing.T) {
	k := keystone(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var asked atomic.Int64
	k.Before = func(http.ResponseWriter) bool { asked.Add(1); <-release; return true }
	app := pipelinetest.Load(t, ini(k.Options()+"http_connect_timeout = 1"))
	start := time.Now()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if rec := ask(app, fmt.Sprintf("X-Auth-Token: good%d", i%3)); rec.Code != 503 {
				t.Errorf("status %d, want 503", rec.Code)
			}
		})
	}
	all.Wait()
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("answered after %v, want about 1s", d)
	}
	calls := asked.Load()
	if rec := ask(app, "X-Auth-Token: new"); rec.Code != 503 || asked.Load() != calls {
		t.Errorf("%d after %d more calls, want 503 without one: keystone is known to be down", rec.Code, asked.Load()-calls)
	}
}

func TestKeystoneComesBack(t *testing.T) {
	k := keystone(t)
	var mu sync.Mutex
	down := true
	k.Before = func(w http.ResponseWriter) bool {
		mu.Lock()
		defer mu.Unlock()
		if down {
			w.WriteHeader(502)
		}
		return down
	}
	app := pipelinetest.Load(t, ini(k.Options()))
	if rec := ask(app, "X-Auth-Token: good"); rec.Code != 503 {
		t.Fatalf("status %d, want 503", rec.Code)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	for deadline := time.Now().Add(5 * time.Second); ask(app, "X-Auth-Token: good").Code != 200; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("still 503")
		}
	}
}

func TestSecretsAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	k := keystone(t)
	loader := &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	app, err := pipelinetest.TryWith(t, loader, ini(k.Options()+"service_type = compute"))
	if err != nil {
		t.Fatal(err)
	}
	ask(app, "X-Auth-Token: norules", "X-Service-Token: good")
	ask(app, "X-Auth-Token: smuggler")
	k.Close()
	ask(app, "X-Auth-Token: seventh-secret")
	for _, secret := range []string{"hush-hush", "norules", "smuggler", "seventh-secret", "own-1"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, log.String())
		}
	}
	if n := strings.Count(log.String(), "tokens cannot be checked"); n != 1 {
		t.Errorf("the log says %d times that keystone is down, want 1\n%s", n, log.String())
	}
}

func TestOptionsOfConfFile(t *testing.T) {
	k := keystone(t)
	file := filepath.Join(t.TempDir(), "nova.conf")
	text := "[keystone_authtoken]\nauth_section = creds\nauth_uri = http://public\n[creds]\n" + strings.Replace(k.Options(), "username", "user_name", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	app := pipelinetest.Load(t, ini("oslo_config_project = nova\noslo_config_file = "+file))
	if rec := ask(app, "X-Auth-Token: good"); rec.Code != 200 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := ask(app); fmt.Sprint(rec.Code, " ", rec.Header()["Www-Authenticate"], " ", rec.Body) != refused {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

func TestCredentials(t *testing.T) {
	const uri = "www_authenticate_uri = http://x\nauth_url = URL\nhttp_request_max_retries = 0\n"
	tests := []struct{ name, options, want string }{
		{"password", uri + "auth_type = password\nusername = u\npassword = p\nuser_domain_name = D\nproject_name = pr\nproject_domain_name = D",
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"D"},"name":"u","password":"p"}}},"scope":{"project":{"domain":{"name":"D"},"name":"pr"}}}}`},
		{"old names", uri + "auth_plugin = password\nuser_name = u\npassword = p\ndefault_domain_id = d\ntenant_name = pr",
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"id":"d"},"name":"u","password":"p"}}},"scope":{"project":{"domain":{"id":"d"},"name":"pr"}}}}`},
		{"v3password with ids", uri + "auth_type = v3password\nuser_id = u\npassword = p\nsystem_scope = all",
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}},"scope":{"system":{"all":true}}}}`},
		{"v3applicationcredential", uri + "auth_type = v3applicationcredential\napplication_credential_id = i\napplication_credential_secret = s",
			`{"auth":{"identity":{"application_credential":{"id":"i","secret":"s"},"methods":["application_credential"]}}}`},
		{"v3applicationcredential by name", uri + "auth_type = v3applicationcredential\napplication_credential_name = n\napplication_credential_secret = s\nusername = u\nuser_domain_id = d",
			`{"auth":{"identity":{"application_credential":{"name":"n","secret":"s","user":{"domain":{"id":"d"},"name":"u"}},"methods":["application_credential"]}}}`},
		{"token", uri + "auth_type = token\ntoken = t\nproject_id = p",
			`{"auth":{"identity":{"methods":["token"],"token":{"id":"t"}},"scope":{"project":{"id":"p"}}}}`},
		{"trust", uri + "auth_type = password\nuser_id = u\npassword = p\ntrust_id = t",
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"u","password":"p"}}},"scope":{"OS-TRUST:trust":{"id":"t"}}}}`},
		{"before auth_type", "identity_uri = URL/\nadmin_user = u\nadmin_password = p\nadmin_tenant_name = pr",
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"id":"default"},"name":"u","password":"p"}}},"scope":{"project":{"domain":{"id":"default"},"name":"pr"}}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := keystone(t)
			app := pipelinetest.Load(t, ini(strings.ReplaceAll(tt.options, "URL", k.URL)))
			rec := ask(app, "X-Auth-Token: good")
			if got := strings.Join(k.Auth, " "); got != tt.want || rec.Code != 200 {
				t.Errorf("%d %s\n got %s\nwant %s", rec.Code, rec.Body, got, tt.want)
			}
		})
	}
}

func TestBadOptions(t *testing.T) {
	base := "auth_type = password\nauth_url = http://k\nusername = u\nwww_authenticate_uri = http://p\n"
	tests := []struct{ name, options, want string }{
		{"nothing", "auth_type = password", "auth_url: missing, want auth_url = the URL of Keystone"},
		{"no URL", "auth_type = password\nauth_url = keystone:5000", "auth_url: invalid URL, want http://HOST:PORT/PATH or https"},
		{"no user", "auth_type = password\nauth_url = http://k", "username: missing, want username = text or user_id = text (the service user)"},
		{"other plugin", "auth_type = v3kerberos", `auth_type: unsupported auth_type "v3kerberos", want password, v3password, v3applicationcredential, token, v3token, admin_token`},
		{"no domain", "auth_type = v3password\nauth_url = http://k\nusername = u", "user_domain_name: missing, want user_domain_name or user_domain_id with username"},
		{"strategy", base + "memcache_security_strategy = ROT13", `memcache_security_strategy: invalid strategy "ROT13", want None, MAC or ENCRYPT`},
		{"no key", base + "memcache_security_strategy = mac", "memcache_secret_key: missing, want memcache_secret_key = text with a memcache_security_strategy"},
		{"interface", base + "interface = outer", `interface: invalid interface "outer", want public, internal or admin`},
		{"timeout", base + "http_connect_timeout = 0", "http_connect_timeout: invalid number 0, want 1 or more seconds"},
		{"retries", base + "http_request_max_retries = -1", "http_request_max_retries: invalid number -1, want 0 to 20"},
		{"cache time", base + "token_cache_time = -2", "token_cache_time: invalid number -2, want seconds, 0 for ever or -1 for never"},
		{"server", base + "memcached_servers = h:port", `memcached_servers: invalid server "h:port", want HOST:PORT, inet6:[ADDRESS]:PORT or unix:PATH`},
		{"sasl", base + "memcache_sasl_enabled = true", "memcache_sasl_enabled: SASL with memcached is not supported, want false, and memcache_tls_certfile if the servers ask who comes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pipelinetest.Try(t, ini(tt.options))
			_, got, _ := strings.Cut(fmt.Sprint(err), "[filter:f] ")
			if got != tt.want {
				t.Errorf("error %v\n want %s", err, tt.want)
			}
		})
	}
}

// The files of packages have no options: those are in a conf file, without which
// nobody gets in.
func TestWithoutOptions(t *testing.T) {
	app := pipelinetest.Load(t, ini(""))
	if rec := ask(app); rec.Code != 401 || rec.Header().Get("Www-Authenticate") != `Keystone uri="https://127.0.0.1:35357"` {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	if rec := ask(app, "X-Auth-Token: x"); rec.Code != 503 {
		t.Errorf("status %d, want 503", rec.Code)
	}
	want := "auth_type: missing; no token can be checked, want auth_type = password with auth_url, username, password and project_name, here or in [keystone_authtoken] of a conf file"
	if got := fmt.Sprint(app.Warnings()); !strings.Contains(got, want) {
		t.Errorf("warnings %s", got)
	}
}

func TestAsApplicationIsRefused(t *testing.T) {
	_, err := pipelinetest.Try(t, "[app:main]\npaste.app_factory = keystonemiddleware.auth_token:app_factory\n")
	if err == nil || !strings.Contains(err.Error(), "nothing to pass requests on to") {
		t.Errorf("error %v", err)
	}
}

// discard takes an answer without recording it.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkAuthToken(b *testing.B) {
	k := keystone(b)
	paste.RegisterApp("test:none", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil
	})
	app := pipelinetest.Load(b, strings.Replace(ini(k.Options()), "test:shows", "test:none", 1))
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		r.Header["X-Auth-Token"] = []string{"good"}
		app.ServeHTTP(discard{http.Header{}}, r)
	}
	if n := k.Calls.Load(); n != 1 {
		b.Errorf("%d calls of Keystone, want 1", n)
	}
}
