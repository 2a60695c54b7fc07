package parity

import "strings"

var swiftModules = []string{"swift.common.middleware.catch_errors"}

// swiftPaths are requests as Swift's clients make them.
var swiftPaths = []request{
	{name: "account", path: "/v1/AUTH_test"},
	{name: "container", path: "/v1/AUTH_test/c?format=json"},
	{name: "object", path: "/v1/AUTH_test/c/o"},
	{name: "object in folders", path: "/v1/AUTH_test/c/a/b/c.txt"},
	{name: "container made", method: "PUT", path: "/v1/AUTH_test/c", headers: []string{"X-Container-Meta-A: b", "Content-Length: 0"}},
	{name: "object posted", method: "POST", path: "/v1/AUTH_test/c/o", headers: []string{"X-Object-Meta-A: b", "Content-Length: 0"}},
	{name: "system metadata", path: "/v1/AUTH_test/c", headers: []string{"X-Container-Sysmeta-A: 1", "X-Account-Sysmeta-B: 2", "X-Backend-Storage-Policy-Index: 1", "X-Timestamp: 1"}},
	{name: "reserved name", path: "/v1/AUTH_test/%00a"},
	{name: "forbidden characters", path: "/v1/AUTH_test/c/%3Cscript%3E"},
	{name: "quote in the name", path: "/v1/AUTH_test/c/it's"},
	{name: "relative name", path: "/v1/AUTH_test/c/a/../b"},
	{name: "long name", path: "/v1/AUTH_test/c/" + strings.Repeat("n", 300)},
	{name: "crossdomain.xml", path: "/crossdomain.xml"},
	{name: "info", path: "/info"},
	{name: "transaction id asked for", path: "/v1/AUTH_test", headers: []string{"X-Trans-Id-Extra: myown-42"}},
	{name: "long transaction id", path: "/v1/AUTH_test", headers: []string{"X-Trans-Id-Extra: " + strings.Repeat("e", 100)}},
	{name: "account host", path: "/c/o", headers: []string{"Host: c.AUTH_a.example.com"}},
	{name: "account host in small letters", path: "/c/o", headers: []string{"Host: auth-a.example.com:8080"}},
	{name: "host of many labels", path: "/", headers: []string{"Host: x.c.auth_a.example.com"}},
	{name: "auth without a key", path: "/auth/v1.0", headers: []string{"X-Auth-User: test:tester"}},
	{name: "auth with a wrong key", path: "/auth/v1.0", headers: []string{"X-Auth-User: test:tester", "X-Auth-Key: no"}},
	{name: "auth of nobody", path: "/auth/v1.0", headers: []string{"X-Auth-User: nobody", "X-Auth-Key: no"}},
	{name: "auth by the account", path: "/auth/v1/test/auth", headers: []string{"X-Storage-User: tester", "X-Storage-Pass: no"}},
	{name: "auth by POST", method: "POST", path: "/auth/v1.0", headers: []string{"Content-Length: 0"}},
	{name: "auth of another version", path: "/auth/v9"},
	{name: "storage token", path: "/v1/AUTH_test", headers: []string{"X-Storage-Token: AUTH_tk0123"}},
}

func swift(name, options string, differs ...string) *entry {
	e := &entry{
		name: "swift/" + name, ini: filter("use = egg:swift#" + name + "\n" + options), modules: swiftModules, more: swiftPaths,
		differs: map[string]string{}, readme: "filters/swift/" + strings.ReplaceAll(name, "_", "") + "/README.md",
	}
	for i := 0; i < len(differs); i += 2 {
		e.differs[differs[i]] = differs[i+1]
	}
	return e
}

var swiftOwn = []*entry{
	swift("catch_errors", "", "internal headers of the app", "So has its X-Openstack-Request-Id."),
	swift("gatekeeper", ""),
	swift("healthcheck", ""),
	swift("proxy_logging", ""),
	swift("read_only", "read_only = true"),
	swift("name_check", ""),
	swift("crossdomain", ""),
	swift("domain_remap", ""),
	swift("tempauth", "user_test_tester = testing .admin", "info", "/info is open to everybody, as Swift's proxy has it"),
	swift("ratelimit", ""),
	swift("etag_quoter", "enable_by_default = true"),
	swift("cname_lookup", ""),
	swift("tempurl", ""),
}
