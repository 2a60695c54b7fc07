package swift_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	_ "github.com/wheatpaste/wheatpaste/filters/swift/catcherrors"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/crossdomain"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/domainremap"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/etagquoter"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/gatekeeper"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/keystoneauth"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/memcache"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/namecheck"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/proxylogging"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/ratelimit"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/readonly"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/tempauth"
	_ "github.com/wheatpaste/wheatpaste/filters/swift/tempurl"
)

// ask makes a request; headers are "Name: value".
func ask(method, path string, do spec, headers ...string) request {
	text, err := json.Marshal(do)
	if err != nil {
		panic(err)
	}
	q := request{method: method, path: path, headers: [][2]string{{"X-Probe", string(text)}}}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		q.headers = append(q.headers, [2]string{name, strings.TrimSpace(value)})
	}
	return q
}

var shown = spec{Show: true, Measure: true}

// sends gives the headers of an answer.
func sends(code, body string, headers ...string) spec {
	s := spec{Status: code, Body: body, Measure: true}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		s.Headers = append(s.Headers, []string{name, strings.TrimSpace(value)})
	}
	return s
}

func filter(name, options string) string {
	return "[filter:" + name + "]\nuse = egg:swift#" + name + "\n" + options + "\n"
}

func cache() string { return filter("memcache", "memcache_servers = {MEMCACHED}") }

// says makes the options of the app: what it says about account and container.
func says(account, container about) string {
	a, _ := json.Marshal(account)
	c, _ := json.Marshal(container)
	return fmt.Sprintf("account = %s\ncontainer = %s\n", a, c)
}

func head(code string, headers ...string) about {
	a := about{Status: code, Headers: [][]string{}}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		a.Headers = append(a.Headers, []string{name, strings.TrimSpace(value)})
	}
	return a
}

var methods = []string{"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "COPY"}

// each asks by every method.
func each(path string, do spec, headers ...string) []request {
	var list []request
	for _, m := range methods {
		list = append(list, ask(m, path, do, headers...))
	}
	return list
}

func all(lists ...[]request) []request {
	var list []request
	for _, l := range lists {
		list = append(list, l...)
	}
	return list
}

func gets(do spec, paths ...string) []request {
	var list []request
	for _, p := range paths {
		list = append(list, ask("GET", p, do))
	}
	return list
}

func cases() []conformance {
	return all2(catchErrors(), gatekeeper(), nameCheck(), readOnly(), crossDomain(), domainRemap(), rateLimit(), tempAuth(), keystoneAuth(), proxyLogging(), tempURL(), etagQuoter())
}

func all2(lists ...[]conformance) []conformance {
	var list []conformance
	for _, l := range lists {
		list = append(list, l...)
	}
	return list
}

func catchErrors() []conformance {
	var requests []request
	for _, m := range methods {
		requests = append(requests, ask(m, "/v1/a", sends("200 OK", "hi", "X-A: b")), ask(m, "/v1/a/c/o", spec{Fail: true}),
			ask(m, "/", sends("404 Not Found", "")))
	}
	extra := []string{"abc", strings.Repeat("x", 40), "a b/c", "ü", "%41", ""}
	for _, e := range extra {
		requests = append(requests, ask("GET", "/", sends("200 OK", "hi"), "X-Trans-Id-Extra: "+e), ask("GET", "/", spec{Fail: true}, "X-Trans-Id-Extra: "+e))
	}
	requests = append(requests,
		ask("GET", "/", sends("304 Not Modified", "")), ask("GET", "/", sends("204 No Content", "")))
	return []conformance{
		{name: "catch_errors", filters: filter("catch_errors", ""), requests: requests},
		{name: "catch_errors, suffix", filters: filter("catch_errors", "trans_id_suffix = -x y"), requests: requests[:12]},
		{name: "catch_errors, suffix in DEFAULT", filters: "[DEFAULT]\ntrans_id_suffix = -d\n" + filter("catch_errors", ""), requests: requests[:6]},
	}
}

func gatekeeper() []conformance {
	names := []string{"X-Account-Sysmeta-A", "x-container-sysmeta-b", "X-OBJECT-SYSMETA-c", "X-Object-Transient-Sysmeta-D", "X-Backend-Foo",
		"X-Backendfoo", "X-Account-Host", "X-Account-Hosts", "X-Account-Device", "X-Account-Partition", "X-Container-Host", "X-Container-Device",
		"X-Container-Partition", "X-Container-Root-Db-State", "X-Delete-At-Host", "X-Delete-At-Device", "X-Delete-At-Partition",
		"X-Delete-At-Container", "X-Delete-At", "X-Account-Meta-A", "X-Timestamp", "X-Allow-Reserved-Names", "X-Object-Meta-X-Backend"}
	var requests []request
	for _, n := range names {
		requests = append(requests, ask("GET", "/v1/a", shown, n+": v"), ask("PUT", "/v1/a", sends("201 Created", "x", n+": v", "X-Stays: y")))
	}
	for _, l := range []string{"http://h/p?q=1#f", "/p", "p?x", "https://h:1/", "//h/p", "http://h"} {
		requests = append(requests, ask("GET", "/", spec{Status: "302 Found", Headers: [][]string{{"Location", l}}, Relative: true, Measure: true}),
			ask("GET", "/", sends("302 Found", "", "Location: "+l)))
	}
	return []conformance{
		{name: "gatekeeper", filters: filter("gatekeeper", ""), requests: requests},
		{name: "gatekeeper, other options", filters: filter("gatekeeper", "shunt_inbound_x_timestamp = no\nallow_reserved_names_header = yes"),
			requests: []request{ask("GET", "/", shown, "X-Timestamp: 1"), ask("GET", "/", shown, "X-Allow-Reserved-Names: true")}},
	}
}

func nameCheck() []conformance {
	paths := []string{"/v1/a", "/v1/a'b", "/v1/%22", "/v1/%60x", "/a%3C", "/a%3E", "/a/./b", "/a/../b", "/a/.", "/a/..", "/a/.b", "/a.", "/a/%2e/b",
		"/" + strings.Repeat("x", 254), "/" + strings.Repeat("x", 255), "/" + strings.Repeat("%C3%BC", 127), "/" + strings.Repeat("%C3%BC", 128),
		"/v1/%C3%BC", "/v1/%E4", "/?a='", "/v1/a%0Ab"}
	var requests []request
	for _, p := range paths {
		requests = append(requests, ask("GET", p, shown), ask("HEAD", p, shown))
	}
	return []conformance{
		{name: "name_check", filters: filter("name_check", ""), requests: requests},
		{name: "name_check, own options", filters: filter("name_check", "forbidden_chars = xü\nmaximum_length = 9\nforbidden_regexp = a+b"), requests: gets(shown,
			"/v1/a", "/x", "/%C3%BC", "/%FC", "/aab", "/ab", "/ba", "/12345678", "/123456789", "/a'b")},
		{name: "name_check, no pattern", filters: filter("name_check", "forbidden_regexp =\nforbidden_chars ="), requests: gets(shown, "/a/../b", "/a'b")},
	}
}

func readOnly() []conformance {
	paths := func(do spec) []request {
		return all(each("/v1/a", do), each("/v1/a/c", do), each("/v1/a/c/o", do), each("/v2/a", do), each("/info", do), each("/v1/", do), each("/v1.0/a", do))
	}
	marked := says(head("204 No Content", "X-Account-Sysmeta-Read-Only: true"), about{Status: "404 Not Found"})
	free := says(head("204 No Content", "X-Account-Sysmeta-Read-Only: off"), about{Status: "404 Not Found"})
	copies := []request{
		ask("COPY", "/v1/a/c/o", shown, "Destination-Account: b"), ask("PUT", "/v1/a/c/o", shown, "Destination-Account: b/c"),
	}
	return []conformance{
		{name: "read_only", filters: filter("read_only", ""), requests: all(paths(shown), copies)},
		{name: "read_only, all", filters: filter("read_only", "read_only = true"), requests: all(paths(shown), copies)},
		{name: "read_only, deletes", filters: filter("read_only", "read_only = on\nallow_deletes = t"), requests: paths(shown)},
		{name: "read_only, odd words", filters: filter("read_only", "read_only = maybe\nallow_deletes = 2"), requests: each("/v1/a/c", shown)},
		{name: "read_only, marked account", filters: filter("read_only", ""), app: marked, requests: paths(shown)},
		{name: "read_only, free account", filters: filter("read_only", "read_only = yes"), app: free, requests: paths(shown)},
		{name: "read_only, cached", filters: cache() + filter("read_only", ""), app: marked, requests: each("/v1/cached/c", shown)},
	}
}

func crossDomain() []conformance {
	requests := all(each("/crossdomain.xml", shown), each("/crossdomain.xml/", shown), each("/v1/a", shown), each("/x/crossdomain.xml", shown),
		gets(shown, "/crossdomain.xml?a=b", "/crossdomain%2Exml", "/CROSSDOMAIN.xml"))
	return []conformance{
		{name: "crossdomain", filters: filter("crossdomain", ""), requests: requests},
		{name: "crossdomain, own policy", filters: filter("crossdomain", "cross_domain_policy = <a b=\"*.x\" />\n  <c d=\"ü\" />"), requests: requests},
	}
}

func domainRemap() []conformance {
	hosts := []string{"example.com", "a.example.com", "AUTH_a.example.com", "auth-a.example.com", "auth_a.example.com:8080", "c.auth-a-b.example.com",
		"c.AUTH-a.example.com:80", "x.c.auth-a.example.com", "other.org", ".example.com", "prefix-c.example.com", "c.auth.example.com", "Auth-A.EXAMPLE.com",
		"c..auth-a.example.com", "192.0.2.1"}
	paths := []string{"/", "/o", "/v1/AUTH_a/c", "/v1", "/v1x", "/dir/o%20x?q=1"}
	var requests []request
	for _, h := range hosts {
		for _, p := range paths {
			requests = append(requests, ask("GET", p, shown, "Host: "+h))
		}
	}
	for _, l := range []string{"http://h/v1/AUTH_a/c/o/x", "https://h/v1/AUTH_a/c/o", "/v1/AUTH_a/c/o", "http://h/other", "http://h/v1/AUTH_a/c/oo", "ftp://h/v1/AUTH_a/c/o"} {
		requests = append(requests, ask("GET", "/o", sends("201 Created", "", "Location: "+l, "Content-Location: "+l), "Host: c.auth-a.example.com"))
	}
	return []conformance{
		{name: "domain_remap", filters: filter("domain_remap", ""), requests: requests},
		{name: "domain_remap, mangled", filters: filter("domain_remap", "mangle_client_paths = true\npath_root = /v1/\nstorage_domain = .example.com, example.com, x.org\nreseller_prefixes = AUTH, PRE_fix\ndefault_reseller_prefix = AUTH"), requests: requests},
		{name: "domain_remap, no prefixes", filters: filter("domain_remap", "reseller_prefixes =\nstorage_domain = example.com"), requests: requests},
		{name: "domain_remap, no domain", filters: filter("domain_remap", "storage_domain ="), requests: requests[:5]},
	}
}

func rateLimit() []conformance {
	full := says(head("204 No Content", "X-Account-Container-Count: 3"), head("204 No Content", "X-Container-Object-Count: 150"))
	slow := "account_ratelimit = 0.001\nmax_sleep_time_seconds = 1\ncontainer_ratelimit_100 = 0.001\ncontainer_ratelimit_200 = 0.002\ncontainer_listing_ratelimit_0 = 0.001\n"
	twice := func(account string) []request {
		var list []request
		for _, m := range methods {
			for _, p := range []string{"/v1/" + account, "/v1/" + account + "/" + m, "/v1/" + account + "/c" + m + "/o"} {
				list = append(list, ask(m, p, shown), ask(m, p, shown))
			}
		}
		return list
	}
	below := func(account string) []request { // a limit on the account itself is an exception in Swift
		return slices.DeleteFunc(twice(account), func(q request) bool { return q.path == "/v1/"+account })
	}
	limited := func(value string) string {
		return says(head("204 No Content", "X-Account-Sysmeta-Global-Write-Ratelimit: "+value), head("204 No Content", "X-Container-Object-Count: 0"))
	}
	return []conformance{
		{name: "ratelimit", filters: cache() + filter("ratelimit", slow), app: full, requests: twice("one")},
		{name: "ratelimit, lists", filters: cache() + filter("ratelimit", slow+"account_whitelist = white, w2\naccount_blacklist = black"), app: full,
			requests: all(twice("white"), []request{ask("GET", "/v1/black", shown), ask("HEAD", "/v1/black/c", shown), ask("PUT", "/v1.0/black/c/o", shown), ask("PUT", "/v2/black/c/o", shown)})},
		{name: "ratelimit, no cache", filters: filter("ratelimit", slow), app: full, requests: twice("two")[:20]},
		{name: "ratelimit, blacklisted by the account", filters: cache() + filter("ratelimit", ""), app: limited("BLACKLIST"), requests: []request{ask("PUT", "/v1/three/c", shown)}},
		{name: "ratelimit, whitelisted by the account", filters: cache() + filter("ratelimit", slow), app: limited("WHITELIST"), requests: twice("four")[:20]},
		{name: "ratelimit, global rate of the account", filters: cache() + filter("ratelimit", "max_sleep_time_seconds = 1"), app: limited("0.001"), requests: below("five")},
		{name: "ratelimit, odd rate of the account", filters: cache() + filter("ratelimit", "max_sleep_time_seconds = 1"), app: limited("fast"), requests: twice("six")[:10]},
	}
}

func tempAuth() []conformance {
	users := "user_test_tester = testing .admin\nuser_test_other = pw role2\nuser_test2_tester2 = testing2 .admin extra\nuser_admin_admin = admin .admin .reseller_admin\n" +
		"user_r_reader = rr .reseller_reader\nuser64_dW5kZXJfc2NvcmU_YV9i = testing4\nuser_url_user = k g http://$HOST/x/AUTH_zz\n"
	container := head("204 No Content", "X-Container-Read: .r:*,.rlistings,test:other", "X-Container-Write: test2:tester2,role2", "X-Container-Sync-Key: sync")
	account := head("204 No Content", `X-Account-Sysmeta-Core-Access-Control: {"admin":["url:user"],"read-write":["test2:tester2"],"read-only":["test:other"]}`)
	login := func(user, key string) request {
		return ask("GET", "/auth/v1.0", shown, "X-Auth-User: "+user, "X-Auth-Key: "+key)
	}
	tokens := "X-Auth-Token: {TOKEN}"
	trip := func(user, key string, paths ...string) []request {
		list := []request{login(user, key), login(user, key)}
		for _, p := range paths {
			list = append(list, each(p, shown, tokens)...)
		}
		return list
	}
	paths := []string{"/v1/AUTH_test", "/v1/AUTH_test/c", "/v1/AUTH_test/c/o", "/v1/AUTH_test2/c/o", "/v1/AUTH_.x/c", "/v1/OTHER_test/c", "/info", "/", "/v1/AUTH_"}
	logins := []request{
		login("test:tester", "wrong"), login("test:nobody", "x"), login("nocolon", "x"), login("", "x"), login("test:tester", ""), login(":", "x"), login("a:b:c", "x"),
		login("under_score:a_b", "testing4"), login("url:user", "k"), ask("GET", "/auth/v1.0", shown),
		ask("GET", "/auth/v1.0", shown, "X-Storage-User: test:tester", "X-Storage-Pass: testing"),
		ask("GET", "/auth/v1/test/auth", shown, "X-Storage-User: tester", "X-Storage-Pass: testing"),
		ask("GET", "/auth/v1/test/auth", shown, "X-Auth-User: test:tester", "X-Auth-Key: testing"),
		ask("GET", "/auth/v1/other/auth", shown, "X-Auth-User: test:tester", "X-Auth-Key: testing"),
		ask("GET", "/auth/v1/test/auth", shown), ask("GET", "/auth/v1/test/foo", shown), ask("GET", "/auth/v1", shown), ask("GET", "/auth/auth", shown, "X-Auth-User: test:tester", "X-Auth-Key: testing"),
		ask("GET", "/auth/", shown), ask("GET", "/auth/v1.0/x/y/z", shown, "X-Auth-User: test:tester", "X-Auth-Key: testing"), ask("GET", "/auth/foo", shown),
		ask("GET", "/auth", shown), ask("POST", "/auth/v1.0", shown), ask("HEAD", "/auth/v1.0", shown), ask("GET", "/auth/v1.0", shown, "Host: h:80", "X-Auth-User: test:tester", "X-Auth-Key: testing"),
		ask("GET", "/v1/AUTH_test/c", shown, "X-Auth-Token: AUTH_tkbad"), ask("HEAD", "/v1/AUTH_test", shown, "X-Auth-Token: AUTH_tkbad"), ask("GET", "/foo", shown, "X-Auth-Token: AUTH_tkbad"),
		ask("GET", "/v1/AUTH_test/c", shown, "X-Storage-Token: AUTH_tkbad"), ask("GET", "/v1/AUTH_test/c", shown, "X-Auth-Token: other"),
	}
	accountACL := func(value string) request {
		return ask("POST", "/v1/AUTH_test", shown, tokens, "X-Account-Access-Control: "+value)
	}
	lists := []request{login("test:tester", "testing"), accountACL(`{"admin":["a"]}`), accountACL(``), accountACL(`{`), accountACL(`[]`), accountACL(`{"foo":[]}`), accountACL(`{"admin":"x"}`),
		accountACL(`{"read-only":[1]}`), accountACL(`{"admin":["x"],"b\"ar":1}`), accountACL(`null`), accountACL(`"x"`),
	}
	for _, acl := range []string{"bob, sue", ".referrer : *", ".ref:*.example.com", ".r:", ".r:-", ".r:*, .rlistings", ".x:y", "a,,b , c:d", ".r:-.thief.com", "it's:x", ".r:*."} {
		lists = append(lists, ask("PUT", "/v1/AUTH_test/c", shown, tokens, "X-Container-Read: "+acl), ask("POST", "/v1/AUTH_test/c", shown, tokens, "X-Container-Write: "+acl))
	}
	referers := func() []request {
		var list []request
		for _, ref := range []string{"", "http://www.example.com/x", "http://example.com", "http://thief.com/", "http://a.thief.com", "x", "HTTP://WWW.EXAMPLE.COM:8080/"} {
			list = append(list, ask("GET", "/v1/AUTH_test/c/o", shown, "Referer: "+ref), ask("GET", "/v1/AUTH_test/c", shown, "Referer: "+ref), ask("PUT", "/v1/AUTH_test/c/o", shown, "Referer: "+ref))
		}
		return list
	}
	hosts := says(head("204 No Content"), head("204 No Content", "X-Container-Read: .r:*,.r:-thief.com,.r:-.thief.com"))
	domain := says(head("204 No Content"), head("204 No Content", "X-Container-Read: .r:.example.com,.rlistings,test:o%%74her"))
	file := func(options string) string { return cache() + filter("tempauth", users+options) }
	return []conformance{
		{name: "tempauth", filters: file(""), requests: logins},
		{name: "tempauth, owner", filters: file(""), requests: trip("test:tester", "testing", paths...)},
		{name: "tempauth, user", filters: file(""), requests: trip("test:other", "pw", paths...)},
		{name: "tempauth, reseller", filters: file(""), requests: trip("admin:admin", "admin", paths...)},
		{name: "tempauth, reader", filters: file(""), requests: trip("r:reader", "rr", paths...)},
		{name: "tempauth, anonymous", filters: file(""), requests: all(each(paths[0], shown), each(paths[1], shown), each(paths[2], shown), each("/v1/OTHER_x/c", shown), each("/info", shown))},
		{name: "tempauth, lists of a container", filters: file(""), app: says(head("204 No Content"), container), requests: all(trip("test2:tester2", "testing2", paths...), trip("test:other", "pw", paths...), each(paths[2], shown), each(paths[1], shown),
			[]request{ask("PUT", paths[2], shown, "X-Container-Sync-Key: sync", "X-Timestamp: 1"), ask("PUT", paths[2], shown, "X-Container-Sync-Key: sync"), ask("PUT", paths[2], shown, "X-Container-Sync-Key: bad", "X-Timestamp: 1")})},
		{name: "tempauth, lists of an account", filters: file("token_life = 86400"), app: says(account, head("404 Not Found")), requests: all(trip("test2:tester2", "testing2", paths[:3]...), trip("test:other", "pw", paths[:3]...), trip("url:user", "k", paths[:3]...))},
		{name: "tempauth, bad list of an account", filters: file(""), app: says(head("204 No Content", "X-Account-Sysmeta-Core-Access-Control: {"), head("404 Not Found")), requests: trip("test2:tester2", "testing2", paths[:3]...)},
		{name: "tempauth, header lists", filters: file(""), requests: lists},
		{name: "tempauth, all referers but", filters: file(""), app: hosts, requests: referers()},
		{name: "tempauth, referers", filters: file(""), app: domain, requests: all(referers(), trip("test:other", "pw", paths[:3]...))},
		{name: "tempauth, shared cache", filters: file(""), shared: true, requests: all(trip("test:tester", "testing", paths[:4]...), trip("url:user", "k", paths[:4]...))},
		{name: "tempauth, prefixes", filters: file("reseller_prefix = AUTH, SERVICE\nSERVICE_require_group = extra\nauth_prefix = login\nstorage_url_scheme = https"), requests: all(
			[]request{ask("GET", "/login/v1.0", shown, "X-Auth-User: test2:tester2", "X-Auth-Key: testing2")}, each("/v1/SERVICE_test2/c", shown, tokens), each("/v1/AUTH_test2/c", shown, tokens),
			[]request{ask("GET", "/login/v1.0", shown, "X-Auth-User: test:tester", "X-Auth-Key: testing")}, each("/v1/SERVICE_test/c", shown, tokens), each("/v1/AUTH_test/c", shown, tokens))},
		{name: "tempauth, empty prefix", filters: file("reseller_prefix = ''"), requests: all(trip("test:tester", "testing", "/v1/test", "/v1/test/c", "/v1/AUTH_test/c", "/info"), each("/v1/test/c", shown), each("/v1/test/c", shown, "X-Auth-Token: bad"))},
		{name: "tempauth, empty prefix also", filters: file("reseller_prefix = AUTH, ''"), requests: all(trip("test:tester", "testing", "/v1/test/c", "/v1/AUTH_test/c", "/info"), each("/v1/test/c", shown), each("/v1/test/c", shown, "X-Auth-Token: bad"))},
		{name: "tempauth, nested prefix", filters: file("auth_prefix = /a/b/"), requests: gets(shown, "/a/b/v1.0", "/a/b/", "/a/b")},
	}
}

func keystoneAuth() []conformance {
	identity := func(project, user string, roles string, more ...string) []string {
		return append([]string{"X-Identity-Status: Confirmed", "X-Project-Id: " + project, "X-Project-Name: n" + project, "X-User-Id: " + user, "X-User-Name: n" + user, "X-Roles: " + roles}, more...)
	}
	paths := []string{"/v1/AUTH_p1", "/v1/AUTH_p1/c", "/v1/AUTH_p1/c/o", "/v1/SERVICE_p1/c", "/v1/OTHER_p1/c", "/info", "/"}
	on := func(headers ...string) []request {
		var list []request
		for _, p := range paths {
			list = append(list, each(p, shown, headers...)...)
		}
		return slices.DeleteFunc(list, func(q request) bool { // an exception in Swift
			return q.path == "/info" && (q.method == "PUT" || q.method == "POST")
		})
	}
	with := func(read, write string) string {
		return says(head("204 No Content"), head("204 No Content", "X-Container-Read: "+read, "X-Container-Write: "+write, "X-Container-Sync-Key: sync"))
	}
	options := "reseller_prefix = AUTH, SERVICE\noperator_roles = Admin, member\nSERVICE_service_roles = svc\nproject_reader_roles = reader\nsystem_reader_roles = auditor\n"
	return []conformance{
		{name: "keystoneauth", filters: filter("keystoneauth", ""), requests: all(on(), on(identity("p1", "u", "admin")...), on(identity("p1", "u", "member")...), on(identity("p2", "u", "admin")...))},
		{name: "keystoneauth, resellers", filters: filter("keystoneauth", ""), requests: on(identity("p2", "u", "x, reselleradmin")...)},
		{name: "keystoneauth, not confirmed", filters: filter("keystoneauth", ""), requests: all(on("X-Identity-Status: Invalid", "X-Project-Id: p1", "X-Roles: admin"), on(identity("p1", "u", "admin", "X-Service-Identity-Status: Invalid")...))},
		{name: "keystoneauth, roles", filters: filter("keystoneauth", options), requests: all(on(identity("p1", "u", "member")...), on(identity("p1", "u", "member", "X-Service-Identity-Status: Confirmed", "X-Service-Roles: svc")...),
			on(identity("p1", "u", "reader")...), on(identity("p2", "u", "auditor")...), on(identity("p1", "u", "ADMIN")...))},
		{name: "keystoneauth, lists", filters: filter("keystoneauth", ""), app: with(".r:*,p2:u,np3:nu", "p2:*,*:u4,role5"), requests: all(on(), on(identity("p2", "u", "x")...), on(identity("p3", "u", "x")...), on(identity("p9", "u4", "x")...), on(identity("p1", "u", "role5")...))},
		{name: "keystoneauth, listings", filters: filter("keystoneauth", ""), app: with(".r:*,.rlistings", "x"), requests: all(on(), on(identity("p1", "u", "x")...))},
		{name: "keystoneauth, no names", filters: filter("keystoneauth", "allow_names_in_acls = false"), app: with("np3:nu", "np3:nu"), requests: on(identity("p3", "u", "x")...)},
		{name: "keystoneauth, sync", filters: filter("keystoneauth", ""), app: with("x", "y"), requests: on("X-Container-Sync-Key: sync", "X-Timestamp: 1")},
		{name: "keystoneauth, header lists", filters: filter("keystoneauth", ""), requests: []request{ask("PUT", "/v1/AUTH_p1/c", shown, identity("p1", "u", "admin", "X-Container-Read: .ref: *.x , b")...), ask("PUT", "/v1/AUTH_p1/c", shown, identity("p1", "u", "admin", "X-Container-Write: .r:x")...)}},
		{name: "keystoneauth, sysmeta out", filters: filter("keystoneauth", ""), requests: []request{ask("GET", "/v1/AUTH_p1", sends("200 OK", "x", "X-Account-Sysmeta-Project-Domain-Id: d"), identity("p1", "u", "admin")...)}},
	}
}

func proxyLogging() []conformance {
	var requests []request
	for _, m := range methods {
		requests = append(requests, ask(m, "/v1/a/c/o", sends("200 OK", "hi", "X-A: b")), ask(m, "/x?y=z", sends("404 Not Found", "")), ask(m, "/", sends("204 No Content", "")), ask(m, "/", shown, "X-Auth-Token: t"), ask(m, "/", sends("503 Service Unavailable", "down")))
	}
	return []conformance{
		{name: "proxy_logging", filters: filter("proxy_logging", ""), requests: requests},
		{name: "proxy_logging, twice", filters: filter("proxy_logging", "") + strings.Replace(filter("proxy_logging", ""), "[filter:proxy_logging]", "[filter:second]", 1), requests: requests},
	}
}

func tempURL() []conformance {
	account := head("204 No Content", "X-Account-Meta-Temp-Url-Key: k1", "X-Account-Meta-Temp-Url-Key-2: k2")
	container := head("204 No Content", "X-Container-Meta-Temp-Url-Key: k3")
	const soon, path = "4000000000", "/v1/a/c/o x"
	sign := func(digest func() hash.Hash, key, text string) string {
		mac := hmac.New(digest, []byte(key))
		mac.Write([]byte(text))
		return hex.EncodeToString(mac.Sum(nil))
	}
	url := func(sig string) string { return "/v1/a/c/o%20x?temp_url_expires=" + soon + "&temp_url_sig=" + sig }
	get := "GET\n" + soon + "\n" + path
	var urls []string
	for _, key := range []string{"k1", "k2", "k3", "bad", ""} {
		urls = append(urls, url(sign(sha256.New, key, get)))
	}
	good := urls[0]
	raw, _ := hex.DecodeString(sign(sha512.New, "k1", get))
	prefixed := sign(sha1.New, "k1", "GET\n"+soon+"\nprefix:/v1/a/c/o")
	iso := time.Unix(4000000000, 0).UTC().Format("2006-01-02T15:04:05Z")
	urls = append(urls, url(sign(sha1.New, "k1", get)), url(sign(sha512.New, "k3", get)), url("sha512:"+base64.RawURLEncoding.EncodeToString(raw)),
		url("sha512:"+strings.ReplaceAll(base64.StdEncoding.EncodeToString(raw), "+", "%2B")), url("md5:xx"), url("xyz"), url(""), url("sha256:!"),
		good+"&filename=a%20b%C3%BC%22.txt", good+"&inline", good+"&filename=x&inline=1", good+"&other=1", good+"&temp_url_prefix=o", good+"&filename=a%0Ab",
		url(prefixed)+"&temp_url_prefix=o", url(prefixed)+"&temp_url_prefix=x", strings.Replace(url(prefixed), "o%20x", "oo/p/", 1)+"&temp_url_prefix=o",
		strings.Replace(good, soon, "1000000000", 1), strings.Replace(good, soon, "x", 1), strings.Replace(good, soon, iso, 1), strings.Replace(good, soon, "2000-01-01T00:00:00Z", 1),
		strings.Replace(good, "/v1/", "/v2/", 1), strings.Replace(good, "o%20x", "other", 1), "/v1/a/c?temp_url_sig=x&temp_url_expires="+soon, "/v1/a/c/o?temp_url_sig=x", "/v1/a/c/o?temp_url_expires=1",
		url(sign(sha256.New, "k1", "ip=127.0.0.1\n"+get))+"&temp_url_ip_range=127.0.0.1", url(sign(sha256.New, "k1", "ip=127.0.0.0/8\n"+get))+"&temp_url_ip_range=127.0.0.0/8",
		url(sign(sha256.New, "k1", "ip=10.0.0.0/8\n"+get))+"&temp_url_ip_range=10.0.0.0/8", url(sign(sha256.New, "k1", "ip=127.0.0.1/8\n"+get))+"&temp_url_ip_range=127.0.0.1/8", good+"&temp_url_ip_range=x")
	var requests []request
	for _, u := range urls {
		requests = append(requests, ask("GET", u, shown), ask("HEAD", u, shown), ask("OPTIONS", u, shown))
	}
	put := url(sign(sha256.New, "k3", strings.Replace(get, "GET", "PUT", 1)))
	requests = append(requests, ask("PUT", put, shown, "X-Timestamp: 1"), ask("HEAD", put, shown), ask("GET", put, shown), ask("PUT", put, shown, "X-Object-Manifest: c/x"),
		ask("PUT", put, shown, "X-Symlink-Target: c/x"), ask("PUT", put, shown, "X-Copy-From: /c/x"), ask("COPY", good, shown),
		ask("GET", good, sends("200 OK", "x", "X-Object-Meta-A: 1", "X-Object-Meta-Public-B: 2", "Content-Disposition: attachment; filename=z")), ask("GET", good, sends("404 Not Found", "x")),
		ask("GET", good+"&inline", sends("206 Partial Content", "x", "Content-Disposition: foo")))
	return []conformance{
		{name: "tempurl", filters: filter("tempurl", ""), app: says(account, container), requests: requests},
		{name: "tempurl, before tempauth", filters: cache() + filter("tempurl", "") + filter("tempauth", "reseller_prefix = ''\nuser_a_b = c .admin"), app: says(account, container), requests: requests[:60]},
		{name: "tempurl, other options", filters: filter("tempurl", "methods = GET PUT\nincoming_remove_headers = x-foo-* x-bar\nincoming_allow_headers = x-foo-good*\noutgoing_remove_headers = x-* y\noutgoing_allow_headers = x-ok\nallowed_digests = sha512 md5 sha1\npath_prefix = /pre/"), app: says(account, container),
			requests: all(requests[:30], []request{ask("GET", url(sign(sha512.New, "k1", "GET\n"+soon+"\n/pre"+path)), spec{Show: true, Measure: true, Headers: [][]string{{"X-A", "1"}, {"X-Ok", "2"}, {"Y", "3"}}}, "X-Foo-Bad: 1", "X-Foo-Goodness: 2", "X-Bar: 3", "X-Timestamp: 4"),
				ask("HEAD", url(sign(sha512.New, "k1", "GET\n"+soon+"\n/pre"+path)), shown)})},
		{name: "tempurl, no keys", filters: filter("tempurl", ""), requests: requests[:10]},
	}
}

func etagQuoter() []conformance {
	var requests []request
	for _, etag := range []string{"abc", `"abc"`, `W/"abc"`, `"abc`, `abc"`, "", `W/abc`} {
		for _, path := range []string{"/v1/a/c/o", "/v1/a/c", "/v1/a", "/v2/a/c/o", "/x"} {
			requests = append(requests, ask("GET", path, sends("200 OK", "x", "Etag: "+etag)), ask("HEAD", path, sends("404 Not Found", "", "Etag: "+etag)))
		}
	}
	for _, kind := range []string{"Account", "Container"} {
		for _, value := range []string{"true", "no", "", "x"} {
			for _, path := range []string{"/v1/a", "/v1/a/c", "/v1/a/c/o"} {
				requests = append(requests, ask("POST", path, shown, "X-"+kind+"-Rfc-Compliant-Etags: "+value), ask("POST", path, shown, "X-Remove-"+kind+"-Rfc-Compliant-Etags: "+value),
					ask("GET", path, sends("200 OK", "x", "X-"+kind+"-Sysmeta-Rfc-Compliant-Etags: "+value)))
			}
		}
	}
	none, on, off := head("204 No Content"), func(k string) about { return head("204 No Content", "X-"+k+"-Sysmeta-Rfc-Compliant-Etags: yes") }, func(k string) about {
		return head("204 No Content", "X-"+k+"-Sysmeta-Rfc-Compliant-Etags: False")
	}
	var list []conformance
	for i, app := range []string{says(none, none), says(on("Account"), none), says(none, on("Container")), says(on("Account"), off("Container")), says(off("Account"), none), ""} {
		list = append(list, conformance{name: fmt.Sprint("etag_quoter, ", i), filters: filter("etag_quoter", ""), app: app, requests: requests},
			conformance{name: fmt.Sprint("etag_quoter, by default, ", i), filters: filter("etag_quoter", "enable_by_default = true"), app: app, requests: requests[:20]})
	}
	return list
}
