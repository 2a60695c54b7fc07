package services_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/services/microversion"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// ours are the filters of this folder.
var ours = []string{
	"egg:wheatpaste#nova_context", "egg:wheatpaste#cinder_context", "egg:wheatpaste#neutron_context", "egg:wheatpaste#heat_context",
	"egg:wheatpaste#fake_project_id", "egg:wheatpaste#glance_context", "egg:wheatpaste#glance_admin_context",
	"egg:wheatpaste#barbican_context", "egg:wheatpaste#barbican_admin_context", "egg:wheatpaste#nova_noauth",
	"egg:wheatpaste#nova_noauth_v2_18", "egg:wheatpaste#cinder_noauth", "egg:wheatpaste#cinder_noauth_include_project_id",
	"egg:wheatpaste#heat_noauth", "egg:wheatpaste#nova_fault", "egg:wheatpaste#cinder_fault", "egg:wheatpaste#manila_fault",
	"egg:wheatpaste#heat_fault", "egg:wheatpaste#compute_req_id", "egg:wheatpaste#cinder_request_id", "egg:wheatpaste#nova_request_log",
	"egg:wheatpaste#legacy_v2_compatible", "egg:wheatpaste#glance_version_negotiation", "egg:wheatpaste#heat_version_negotiation",
	"egg:wheatpaste#heat_auth_url", "egg:wheatpaste#url_normalize", "egg:wheatpaste#json_body", "egg:osprofiler#osprofiler",
	"heat.common.wsgi:filter_factory",
}

const app = "\n[app:app]\npaste.app_factory = oracle:app_factory\n"

func TestExamplesLoadAndDescriptionsAreWhole(t *testing.T) {
	for _, name := range ours {
		f, ok := paste.DefaultRegistry.Lookup(paste.Filter, name)
		if !ok || f.Help == "" || f.Example == "" {
			t.Errorf("%s: %+v, want a help text and an example", name, f)
			continue
		}
		for _, o := range f.Options() {
			if o.Help == "" {
				t.Errorf("%s: option %s has no help text", name, o.Name)
			}
		}
		header, _, _ := strings.Cut(f.Example, "]")
		_, section, _ := strings.Cut(header, ":")
		if _, err := pipelinetest.Try(t, f.Example+"[pipeline:main]\npipeline = "+section+" app"+app); err != nil {
			t.Errorf("%s: the example does not load: %v", name, err)
		}
	}
}

// TestEveryAliasPassesTheConfProject loads each filter as the services' files
// have it, where options of their conf files may stand beside it.
func TestEveryAliasLoads(t *testing.T) {
	for _, name := range ours {
		f, _ := paste.DefaultRegistry.Lookup(paste.Filter, name)
		for _, alias := range f.Aliases {
			use := "use = " + alias
			if !strings.HasPrefix(alias, "egg:") {
				use = "paste.filter_factory = " + alias
			}
			if _, err := pipelinetest.Try(t, "[pipeline:main]\npipeline = f app\n[filter:f]\n"+use+app); err != nil {
				t.Errorf("%s: %v", alias, err)
			}
		}
	}
}

// answerOf runs a request through one filter.
func answerOf(t *testing.T, section string, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	loaded := pipelinetest.Load(t, "[pipeline:main]\npipeline = f app\n[filter:f]\n"+section+app)
	w := httptest.NewRecorder()
	loaded.ServeHTTP(w, r)
	return w
}

func newRequest(method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

const tell = `X-Probe: {"status": "200", "show": true}`

func TestFilters(t *testing.T) {
	tests := []struct {
		name, section string
		r             *http.Request
		status        int
		body          string // a part of it
	}{
		{"nova's context wants a user", "use = egg:wheatpaste#nova_context", newRequest("GET", "/", tell), 401, "could not verify"},
		{"nova's context is no place for an empty user", "use = egg:wheatpaste#nova_context", newRequest("GET", "/", tell, "X-User-Id: "), 401, "could not verify"},
		{"nova's context knows administrators", "use = egg:wheatpaste#nova_context", newRequest("GET", "/", tell, "X-User-Id: u", "X-Roles: member,ADMIN"), 200, "roles=member,ADMIN admin=True"},
		{"nova's context refuses a broken catalog", "use = egg:wheatpaste#nova_context", newRequest("GET", "/", tell, "X-User-Id: u", "X-Service-Catalog: {"), 500, "Invalid service catalog json."},
		{"nova's context believes a proxy if told so", "use = egg:wheatpaste#nova_context\nuse_forwarded_for = yes", newRequest("GET", "/", tell, "X-User-Id: u", "X-Forwarded-For: 9.9.9.9"), 200, "remote=9.9.9.9"},
		{"nova's context believes no proxy unless told so", "use = egg:wheatpaste#nova_context", newRequest("GET", "/", tell, "X-User-Id: u", "X-Forwarded-For: 9.9.9.9"), 200, "remote=192.0.2.1"},
		{"neutron's fake project is an administrator's", "use = egg:wheatpaste#fake_project_id", newRequest("GET", "/", tell), 200, "project=fake_project_id roles=admin admin=True"},
		{"neutron's fake project leaves others alone", "use = egg:wheatpaste#fake_project_id", newRequest("GET", "/", tell, "X-Project-Id: p"), 200, "no context"},
		{"glance wants a confirmed identity", "use = egg:wheatpaste#glance_context", newRequest("GET", "/", tell, "X-User-Id: u"), 401, "could not verify"},
		{"glance lets anonymous clients read if told so", "use = egg:wheatpaste#glance_context\nallow_anonymous_access = true", newRequest("GET", "/", tell, "X-User-Id: u", "X-Roles: admin"), 200, "user= project= roles= admin=False"},
		{"glance refuses long request ids", "use = egg:wheatpaste#glance_context", newRequest("GET", "/", tell, "X-Identity-Status: Confirmed", "X-Openstack-Request-Id: "+strings.Repeat("x", 65)), 431, "x-openstack-request-id is too long, max size 64"},
		{"glance takes any length if told so", "use = egg:wheatpaste#glance_context\nmax_request_id_length = 0", newRequest("GET", "/", tell, "X-Identity-Status: Confirmed", "X-Openstack-Request-Id: "+strings.Repeat("x", 65)), 200, "admin=False"},
		{"barbican wants a project", "use = egg:wheatpaste#barbican_context", newRequest("GET", "/", tell, "X-Identity-Status: Confirmed"), 401, "could not verify"},
		{"barbican has its own administrators", "use = egg:wheatpaste#barbican_context\nadmin_role = boss", newRequest("GET", "/", tell, "X-Identity-Status: Confirmed", "X-Project-Id: p", "X-Roles: admin,boss"), 200, "admin=True"},
		{"nova's noauth gives tokens", "use = egg:wheatpaste#nova_noauth", newRequest("GET", "/", tell, "X-Auth-User: joe"), 204, ""},
		{"nova's noauth believes tokens", "use = egg:wheatpaste#nova_noauth", newRequest("GET", "/", tell, "X-Auth-Token: admin:p"), 200, "user=admin project=p roles= admin=True"},
		{"a panic is a fault", "use = egg:wheatpaste#nova_fault", newRequest("GET", "/", `X-Probe: {"fail": true}`), 500, `{"computeFault": {"code": 500, "message": "The server has either erred or is incapable of performing the requested operation."}}`},
		{"heat names a fault otherwise", "paste.filter_factory = heat.common.wsgi:filter_factory\nheat.filter_factory = heat.api.openstack:faultwrap_filter", newRequest("GET", "/", `X-Probe: {"fail": true}`), 500, `"error": {"type": "Exception", "traceback": null}`},
		{"legacy clients send no versions", "use = egg:wheatpaste#legacy_v2_compatible", newRequest("GET", "/", tell, "X-OpenStack-Nova-API-Version: 2.5"), 200, "path=|/\nno context"},
		{"glance's versions are all v2", "use = egg:wheatpaste#glance_version_negotiation", newRequest("GET", "/v2.7/images", tell), 200, "path=|/v2/images"},
		{"glance lists its versions", "use = egg:wheatpaste#glance_version_negotiation", newRequest("GET", "/v3/images", tell), 300, `{"versions": [{"id": "v2.15", "status": "CURRENT"`},
		{"glance has the versions of its cache", "use = egg:wheatpaste#glance_version_negotiation\nimage_cache_dir = /x", newRequest("GET", "/v2.16/images", tell), 200, "path=|/v2/images"},
		{"heat takes its version off", "use = egg:wheatpaste#heat_version_negotiation", newRequest("GET", "/v1/p/stacks", tell), 200, "path=/v1|/p/stacks"},
		{"heat wants a version", "use = egg:wheatpaste#heat_version_negotiation", newRequest("GET", "/p/stacks", tell), 404, "could not be found"},
		{"heat is told where keystone is", "use = egg:wheatpaste#heat_auth_url\nauth_uri = http://k/v3", newRequest("GET", "/", tell, "X-Auth-Url: http://evil"), 200, "HTTP_X_AUTH_URL=http://k/v3\n"},
		{"clients choose an allowed keystone", "use = egg:wheatpaste#heat_auth_url\nmulti_cloud = true\nallowed_auth_uris = http://a, http://b", newRequest("GET", "/", tell, "X-Auth-Url: http://b"), 200, "HTTP_X_AUTH_URL=http://b\n"},
		{"clients choose no other keystone", "use = egg:wheatpaste#heat_auth_url\nmulti_cloud = true\nallowed_auth_uris = http://a", newRequest("GET", "/", tell, "X-Auth-Url: http://b"), 401, `Header X-Auth-Url "http://b" not an allowed endpoint`},
		{"clients choose some keystone", "use = egg:wheatpaste#heat_auth_url\nmulti_cloud = true", newRequest("GET", "/", tell), 400, "Request missing required header X-Auth-Url"},
		{"slashes at the end go", "use = egg:wheatpaste#url_normalize", newRequest("GET", "/v3/users//", tell), 200, "path=|/v3/users\n"},
		{"the root stays", "use = egg:wheatpaste#url_normalize", newRequest("GET", "/", tell), 200, "path=|/\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := answerOf(t, tt.section, tt.r)
			if w.Code != tt.status || !strings.Contains(w.Body.String()+"\n", tt.body) {
				t.Errorf("%d %s\nwant %d with %q", w.Code, w.Body, tt.status, tt.body)
			}
		})
	}
}

func TestErrorsOfTheOptions(t *testing.T) {
	tests := []struct{ section, want string }{
		{"use = egg:wheatpaste#glance_context\nmax_request_id_length = -1", "paste.ini:5:25: [filter:f] max_request_id_length: invalid length -1, want 0 or more"},
		{"use = egg:wheatpaste#json_body\nmax_request_body_size = 0", "paste.ini:5:25: [filter:f] max_request_body_size: invalid size 0, want 1 or more"},
		{"paste.filter_factory = heat.common.wsgi:filter_factory\nheat.filter_factory = x", `paste.ini:5:23: [filter:f] heat.filter_factory: invalid factory "x", want one such as heat.api.openstack:faultwrap_filter`},
		{"paste.filter_factory = heat.common.wsgi:filter_factory\nheat.filter_factory = heat.api.openstack:sslmiddleware_filter", "paste.ini:5:23: [filter:f] heat.filter_factory: heat.api.openstack:sslmiddleware_filter cannot be served by Go: use egg:wheatpaste#http_proxy_to_wsgi"},
	}
	for _, tt := range tests {
		_, err := pipelinetest.Try(t, "[pipeline:main]\npipeline = f app\n[filter:f]\n"+tt.section+app)
		if err == nil || err.Error() != tt.want {
			t.Errorf("error %v\nwant  %s", err, tt.want)
		}
	}
}

func init() {
	paste.RegisterApp("oracle:agreed", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			microversion.Requested.Set(pipeline.FromRequest(r), "2.5")
			panic("no luck")
		}), nil
	})
}

func TestAFaultTellsTheVersionThatWasAgreedOn(t *testing.T) {
	for name, want := range map[string]map[string]string{
		"nova":   {"Openstack-Api-Version": "compute 2.5", "X-Openstack-Nova-Api-Version": "2.5", "Vary": "OpenStack-API-Version,X-OpenStack-Nova-API-Version"},
		"cinder": {"Openstack-Api-Version": "volume 2.5", "Vary": "OpenStack-API-Version"},
		"manila": {"X-Openstack-Manila-Api-Version": "2.5", "Vary": "X-OpenStack-Manila-API-Version"},
		"heat":   {"Vary": ""},
	} {
		loaded := pipelinetest.Load(t, "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:wheatpaste#"+name+"_fault\n[app:app]\npaste.app_factory = oracle:agreed\n")
		w := httptest.NewRecorder()
		loaded.ServeHTTP(w, newRequest("GET", "/"))
		for header, value := range want {
			if got := strings.Join(w.Header()[header], ","); got != value {
				t.Errorf("%s: %s is %q, want %q", name, header, got, value)
			}
		}
	}
}

func TestJSONBodies(t *testing.T) {
	tests := []struct {
		body, contentType string
		status            int
	}{
		{"", "", 200}, {"{}", "", 200}, {`{"a": 1}`, "application/json; charset=utf-8", 200}, {" \n", "", 200},
		{"[]", "", 400}, {`"a"`, "", 400}, {"{", "", 400}, {"nonsense", "", 400}, {"{}", "text/plain", 400}, {"{}", "x", 400},
		{"{" + strings.Repeat(" ", 200) + "}", "", 413},
	}
	for _, tt := range tests {
		loaded := pipelinetest.Load(t, "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:keystone#json_body\nmax_request_body_size = 100"+app)
		r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
		if tt.contentType != "" {
			r.Header.Set("Content-Type", tt.contentType)
		}
		w := httptest.NewRecorder()
		loaded.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%q as %q: %d %s, want %d", tt.body, tt.contentType, w.Code, w.Body, tt.status)
		}
	}
}

// BenchmarkFilters measures each filter alone on a request that passes it.
func BenchmarkFilters(b *testing.B) {
	for _, name := range ours {
		b.Run(strings.NewReplacer("egg:wheatpaste#", "", "egg:", "").Replace(name), func(b *testing.B) {
			loaded, err := pipeline.LoadFilter(name)
			if err != nil {
				b.Skip(err) // one that is no egg
			}
			h := loaded.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r := newRequest("GET", "/v2/images", "X-User-Id: u", "X-Project-Id: p", "X-Roles: member,reader", "X-Identity-Status: Confirmed", "X-Auth-Token: a:b", "X-Openstack-Request-Id: req-x")
			rec := httptest.NewRecorder()
			_, w, r := pipeline.Begin(rec, r)
			b.ReportAllocs()
			for b.Loop() {
				clear(rec.Header())
				h.ServeHTTP(w, r)
			}
		})
	}
}
