package keystone_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/wheatpaste/wheatpaste/filters/keystone/authtoken"
	_ "github.com/wheatpaste/wheatpaste/filters/keystone/oauth2token"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("echo:app_factory", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(echo), nil
	})
}

// shown is what testdata/echo.py answers.
type shown struct {
	Headers map[string]string `json:"headers"`
	Info    bool              `json:"info"`
}

func echo(w http.ResponseWriter, r *http.Request) {
	s := shown{Headers: map[string]string{}}
	for name, values := range r.Header {
		s.Headers[strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = strings.Join(values, ",")
	}
	_, s.Info = token.Info.Get(pipeline.FromRequest(r))
	body, _ := json.Marshal(s)
	w.Header().Set("Content-Type", "application/x-echo")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	status := 200
	if text := r.Header.Get("X-Do-Status"); text != "" {
		status, _ = strconv.Atoi(text[:3])
	}
	w.WriteHeader(status)
	w.Write(body)
}

// pair is ours and the original in front of the same app, from the same file.
type pair struct{ ours, original string }

// pairs makes a pair for each set of options.
func pairs(t *testing.T, filter string, options map[string]string) map[string]pair {
	t.Helper()
	dir := t.TempDir()
	args := []string{"testdata/original.py", filepath.Join(dir, "original.log")}
	made, names := map[string]pair{}, []string{}
	for name, text := range options {
		ini := "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:keystonemiddleware#" + filter + "\n" + text +
			"\n[app:app]\npaste.app_factory = echo:app_factory\n"
		file := filepath.Join(dir, name+".ini")
		if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(pipelinetest.Load(t, ini))
		t.Cleanup(server.Close)
		made[name] = pair{ours: server.URL}
		args, names = append(args, file), append(names, name)
	}
	line, _ := start(t, python, args...)
	for i, port := range strings.Fields(line) {
		p := made[names[i]]
		p.original = "http://127.0.0.1:" + port
		made[names[i]] = p
	}
	return made
}

// question is a request; headers are "Name: value".
type question struct {
	name, method, path string
	headers            []string
}

type reply struct {
	Status    int
	Type      string
	Challenge []string
	Body      string
	App       shown
}

func (q question) ask(t *testing.T, base string) reply {
	t.Helper()
	method := q.method
	if method == "" {
		method = "GET"
	}
	r, err := http.NewRequest(method, base+"/"+q.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "test")
	for _, h := range q.headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header[name] = append(r.Header[name], value)
	}
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := reply{Status: resp.StatusCode, Type: resp.Header.Get("Content-Type"), Challenge: resp.Header["Www-Authenticate"], Body: string(body)}
	if a.Type == "application/x-echo" && len(body) > 0 {
		if err := json.Unmarshal(body, &a.App); err != nil {
			t.Fatal(err)
		}
		a.Body = ""
		delete(a.App.Headers, "HOST")
		delete(a.App.Headers, "CONNECTION")
		delete(a.App.Headers, "CONTENT_LENGTH") // which WSGI does not count among headers
	}
	return a
}

// same asks both and wants equal answers; it gives ours.
func (p pair) same(t *testing.T, q question) reply {
	t.Helper()
	want, got := q.ask(t, p.original), q.ask(t, p.ours)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("ours     %+v\noriginal %+v", got, want)
	}
	return got
}

// world is a Keystone with tokens of every kind.
type world struct {
	*keystone
	options string // of the service user
	tokens  map[string]string
	credID  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	k := newKeystone(t)
	k.configure(4) // for a token that will have expired
	k.start()
	inAdmin := object{"project": inDefault("admin")}
	k.admin = k.login("admin", "secret", inAdmin)
	w := &world{keystone: k, tokens: map[string]string{"expired": k.admin}}
	issued := time.Now()
	k.stop()
	k.configure(3600)
	k.start()
	k.admin = k.login("admin", "secret", inAdmin)
	w.fill()
	w.options = "auth_type = password\nauth_url = " + k.url() + "\nusername = svc\npassword = svcpass\nuser_domain_name = Default\n" +
		"project_name = service\nproject_domain_name = Default\nhttp_request_max_retries = 0\nwww_authenticate_uri = http://public.example.com/identity\nservice_type = compute\n"
	time.Sleep(time.Until(issued.Add(5 * time.Second))) // until the first token has expired
	return w
}

// fill makes users, and a token of each kind.
func (w *world) fill() {
	role := func(name string) string {
		list, _ := w.call("GET", "/roles?name="+name, w.admin, nil)
		if roles := list["roles"].([]any); len(roles) > 0 {
			return roles[0].(object)["id"].(string)
		}
		return w.create("/roles", "role", object{"name": name})
	}
	project := w.create("/projects", "project", object{"name": "service"})
	svc := w.create("/users", "user", object{"name": "svc", "password": "svcpass"})
	odd := w.create("/users", "user", object{"name": "jörg 日本", "password": "pass"})
	w.call("PUT", "/projects/"+project+"/users/"+svc+"/roles/"+role("service"), w.admin, nil)
	w.call("PUT", "/projects/"+project+"/users/"+odd+"/roles/"+role("member"), w.admin, nil)
	w.call("PUT", "/domains/default/users/"+odd+"/roles/"+role("member"), w.admin, nil)
	compute := w.create("/services", "service", object{"name": "nova", "type": "compute"})
	for _, iface := range []string{"public", "internal"} {
		w.create("/endpoints", "endpoint", object{"service_id": compute, "interface": iface, "url": "http://nova/v2.1", "region_id": "RegionOne"})
	}
	inService := object{"project": inDefault("service")}
	w.tokens["good"] = w.login("jörg 日本", "pass", inService)
	w.tokens["domain"] = w.login("jörg 日本", "pass", object{"domain": object{"id": "default"}})
	w.tokens["unscoped"] = w.login("jörg 日本", "pass", nil)
	w.tokens["system"] = w.login("admin", "secret", object{"system": object{"all": true}})
	w.tokens["service"] = w.login("svc", "svcpass", inService)
	w.tokens["revoked"] = w.login("jörg 日本", "pass", inService)
	w.revoke(w.tokens["revoked"])
	w.applicationCredential(odd)
	w.tokens["unknown"] = w.tokens["good"][:40] + "AAAA" + w.tokens["good"][44:]
}

// applicationCredential makes one with access rules, and a token of it.
func (w *world) applicationCredential(user string) {
	body := object{"application_credential": object{"name": "restricted", "secret": "credsecret", "access_rules": []object{
		{"service": "compute", "method": "GET", "path": "/v2.1/servers/*"},
		{"service": "compute", "method": "POST", "path": "/v2.1/{project}/action/**"},
	}}}
	result, _ := w.call("POST", "/users/"+user+"/application_credentials", w.tokens["good"], body)
	w.credID = result["application_credential"].(object)["id"].(string)
	auth := object{"identity": object{"methods": []string{"application_credential"}, "application_credential": object{"id": w.credID, "secret": "credsecret"}}}
	_, w.tokens["restricted"] = w.call("POST", "/auth/tokens", "", object{"auth": auth})
}

// conf writes the options to a conf file; there the service user has another
// plugin.
func (w *world) conf(more string) string {
	file := filepath.Join(w.dir, "nova.conf")
	text := "[keystone_authtoken]\n" + strings.Replace(w.options, "= password", "= v3password", 1) + more + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

func (w *world) user(name string) string    { return "X-Auth-Token: " + w.tokens[name] }
func (w *world) service(name string) string { return "X-Service-Token: " + w.tokens[name] }

// questions are asked in every mode.
func (w *world) questions() []question {
	forged := []string{"X-Identity-Status: Confirmed", "X-Roles: admin", "X-User-Id: root", "X-Project-Id: p", "X-Tenant: t", "X-Role: admin",
		"X-Service-Roles: service", "X-Service-Identity-Status: Confirmed", "X-Is-Admin-Project: True", "X-Service-Catalog: []", "X-Service-User-Name: n"}
	return []question{
		{name: "no token"},
		{name: "no token HEAD", method: "HEAD"},
		{name: "no token, JSON", headers: []string{"Accept: application/json"}},
		{name: "empty token", headers: []string{"X-Auth-Token: "}},
		{name: "empty token and another one", headers: []string{"X-Auth-Token: ", "X-Storage-Token: " + w.tokens["good"]}},
		{name: "no token of Keystone", headers: []string{"X-Auth-Token: abc"}},
		{name: "token that looks real", headers: []string{w.user("unknown")}},
		{name: "good", headers: []string{w.user("good")}},
		{name: "good again", headers: []string{w.user("good")}, path: "a/b?c=d"},
		{name: "POST", method: "POST", headers: []string{w.user("good")}},
		{name: "storage token", headers: []string{"X-Storage-Token: " + w.tokens["good"]}},
		{name: "two tokens", headers: []string{w.user("good"), w.user("good")}},
		{name: "domain", headers: []string{w.user("domain")}},
		{name: "unscoped", headers: []string{w.user("unscoped")}},
		{name: "system", headers: []string{w.user("system")}},
		{name: "revoked", headers: []string{w.user("revoked")}},
		{name: "expired", headers: []string{w.user("expired")}},
		{name: "forged", headers: forged},
		{name: "forged and good", headers: append([]string{w.user("good")}, forged...)},
		{name: "forged and bad", headers: append([]string{"X-Auth-Token: abc"}, forged...)},
		{name: "service token alone", headers: []string{w.service("service")}},
		{name: "good with service", headers: []string{w.user("good"), w.service("service")}},
		{name: "good with a user as service", headers: []string{w.user("good"), w.service("good")}},
		{name: "good with bad service", headers: []string{w.user("good"), "X-Service-Token: abc"}},
		{name: "good with expired service", headers: []string{w.user("good"), w.service("expired")}},
		{name: "bad with service", headers: []string{w.user("unknown"), w.service("service")}},
		{name: "expired with a user as service", headers: []string{w.user("expired"), w.service("good")}},
		{name: "expired with service", headers: []string{w.user("expired"), w.service("service")}},
		{name: "expired without service again", headers: []string{w.user("expired")}},
		{name: "revoked with service", headers: []string{w.user("revoked"), w.service("service")}},
		{name: "system with system as service", headers: []string{w.user("system"), w.service("system")}},
		{name: "401 of the app", headers: []string{w.user("good"), "X-Do-Status: 401 Unauthorized"}},
		{name: "403 of the app", headers: []string{w.user("good"), "X-Do-Status: 403 Forbidden"}},
		{name: "access rule", path: "v2.1/servers/1", headers: []string{w.user("restricted")}},
		{name: "access rule, too deep", path: "v2.1/servers/1/2", headers: []string{w.user("restricted")}},
		{name: "access rule, other method", method: "PUT", path: "v2.1/servers/1", headers: []string{w.user("restricted")}},
		{name: "access rule with a tag", method: "POST", path: "v2.1/p/action/a/b", headers: []string{w.user("restricted")}},
		{name: "no access rule", path: "v2.1/images", headers: []string{w.user("restricted")}},
		{name: "no access rule but a service token", path: "v2.1/images", headers: []string{w.user("restricted"), w.service("service")}},
	}
}

// startMemcached runs one; it is listening when this returns.
func startMemcached(t *testing.T, port string) (stop func()) {
	t.Helper()
	_, stop = start(t, "sh", "-c", "exec memcached -u nobody -l 127.0.0.1 -p "+port+" -vv 2>&1")
	deadline := time.Now().Add(5 * time.Second)
	for {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			return stop
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// full are the modes in which everything is asked; the others differ in what
// brief shows.
var (
	full  = map[string]bool{"plain": true, "delay": true}
	brief = []string{
		"no token", "no token of Keystone", "good", "good again", "domain", "expired", "good with service", "good with a user as service",
		"expired with service", "system with system as service",
	}
)

// TestSameAsKeystonemiddleware asks both in front of a real Keystone, in all
// modes, also while Keystone is down, and with a cache that both share.
func TestSameAsKeystonemiddleware(t *testing.T) {
	needPython(t)
	w := newWorld(t)
	port := freePort(t)
	startMemcached(t, port)
	shared := w.options + "memcached_servers = 127.0.0.1:" + port + "\nmemcache_secret_key = k3y\n"
	modes := pairs(t, "auth_token", map[string]string{
		"plain":     w.options,
		"delay":     w.options + "delay_auth_decision = true",
		"nocatalog": w.options + "include_service_catalog = false",
		"required":  w.options + "service_token_roles_required = true",
		"nocache":   "oslo_config_project = nova\noslo_config_file = " + w.conf("token_cache_time = -1"),
		"memcached": shared,
		"mac":       shared + "memcache_security_strategy = MAC",
		"encrypt":   shared + "memcache_security_strategy = ENCRYPT\ndelay_auth_decision = true",
	})
	for name, p := range modes {
		t.Run(name, func(t *testing.T) {
			for _, q := range w.questions() {
				if !full[name] && !slices.Contains(brief, q.name) {
					continue
				}
				t.Run(q.name, func(t *testing.T) { p.same(t, q) })
			}
		})
	}
	t.Run("oauth2_token", func(t *testing.T) { oauth2(t, w) })
	t.Run("keystone is down", func(t *testing.T) { down(t, w, modes) })
}

// oauth2 asks the filter oauth2_token.
func oauth2(t *testing.T, w *world) {
	p := pairs(t, "oauth2_token", map[string]string{"plain": w.options})["plain"]
	bearer := func(name string) string { return "Authorization: Bearer " + w.tokens[name] }
	for _, q := range []question{
		{name: "no token"},
		{name: "forged", headers: []string{"X-Identity-Status: Confirmed", "X-Roles: admin"}},
		{name: "good", headers: []string{bearer("good")}},
		{name: "good, forged", headers: []string{bearer("good"), "X-Project-Id: p", "X-Service-Roles: service"}},
		{name: "domain", headers: []string{bearer("domain")}},
		{name: "system", headers: []string{bearer("system")}},
		{name: "expired", headers: []string{bearer("expired")}},
		{name: "revoked", headers: []string{bearer("revoked")}},
		{name: "unknown", headers: []string{bearer("unknown")}},
		{name: "small letters", headers: []string{strings.ToLower("Authorization: Bearer ") + w.tokens["good"]}},
		{name: "basic", headers: []string{"Authorization: Basic " + w.tokens["good"]}},
		{name: "of auth_token", headers: []string{w.user("good")}},
		{name: "access rule", path: "v2.1/servers/1", headers: []string{bearer("restricted")}},
		{name: "no access rule", path: "v2.1/images", headers: []string{bearer("restricted")}},
		{name: "401 of the app", headers: []string{bearer("good"), "X-Do-Status: 401 Unauthorized"}},
	} {
		t.Run(q.name, func(t *testing.T) { p.same(t, q) })
	}
}

// down stops Keystone and starts it again.
func down(t *testing.T, w *world, modes map[string]pair) {
	fresh := map[string]string{} // a token that only one of both has seen
	for name, p := range modes {
		fresh[name] = w.login("admin", "secret", nil)
		seen := p.ours
		if name == "mac" || name == "encrypt" {
			seen = p.original
		}
		question{headers: []string{"X-Auth-Token: " + fresh[name]}}.ask(t, seen)
	}
	late := w.login("admin", "secret", object{"project": inDefault("admin")})
	w.stop()
	for name, p := range modes {
		t.Run(name, func(t *testing.T) {
			p.same(t, question{headers: []string{w.user("good")}})
			p.same(t, question{headers: []string{"X-Auth-Token: " + late}})
			p.same(t, question{headers: []string{"X-Auth-Token: " + late, "Accept: text/html"}})
			p.same(t, question{headers: []string{w.user("good"), "X-Service-Token: " + late, "Accept: application/json"}})
			if name == "memcached" || name == "mac" || name == "encrypt" {
				if got := p.same(t, question{headers: []string{"X-Auth-Token: " + fresh[name]}}); got.Status != 200 {
					t.Errorf("status %d for a token in the shared cache", got.Status)
				}
			}
		})
	}
	w.start()
	for name, p := range modes {
		q := question{headers: []string{"X-Auth-Token: " + late}}
		deadline := time.Now().Add(10 * time.Second)
		for got := q.ask(t, p.ours); got.App.Headers["X_IDENTITY_STATUS"] != token.Confirmed; got = q.ask(t, p.ours) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v long after keystone is back", name, got)
			}
			time.Sleep(50 * time.Millisecond)
		}
		p.same(t, q)
	}
}
