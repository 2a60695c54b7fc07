package oslo_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// named is a section that names a conf file itself.
const named = "oslo_config_project = wheatpaste-test\noslo_config_file = CONF\n"

// confCases are those in which conf files have options: the one that the section
// names, and that of the process.
func confCases() []conformance {
	corsConf := confMark + "[cors]\nallowed_origin = https://a.example.com , https://d.example.com\nexpose_headers = X-Main,X-More\nmax_age = 5\nallow_methods = GET,PUT\n" +
		"[cors.two]\nallowed_origin = https://b.example.com, https://a.example.com\nallow_credentials = off\nexpose_headers = X-Two\nmax_age = 0\n" +
		"[cors.one]\nallowed_origin = *\nallow_headers = X-One\nallow_credentials = no\nallow_methods = POST\n[corset]\nallowed_origin = https://c.example.com\n[cors.empty]\n"
	corsRequests := []request{
		get(hi, "Origin: https://a.example.com"), get(hi, "Origin: https://b.example.com"), get(hi, "Origin: https://c.example.com"), get(hi, "Origin: https://d.example.com"), get(hi),
		preflight("https://a.example.com", "PUT", "-", with("404 Not Found")), preflight("https://a.example.com", "POST", "-", with("404 Not Found")),
		preflight("https://a.example.com", "PUT", "X-One", with("404 Not Found")), preflight("https://b.example.com", "GET", "accept", with("404 Not Found")),
		preflight("https://c.example.com", "POST", "x-ONE, accept", with("404 Not Found")), preflight("https://c.example.com", "GET", "-", with("404 Not Found")),
		preflight("https://c.example.com", "POST", "x-two", hi),
	}
	sizeRequests := []request{post(5, false, hi), post(6, false, hi), post(7, false, hi), post(8, false, hi), post(100, false, hi, "Accept: application/json")}
	health := []request{
		ask("GET", "/healthcheck", hi), ask("HEAD", "/healthcheck", hi), ask("GET", "/hc", hi), ask("HEAD", "/hc", hi), ask("GET", "/hc", hi, "Accept: application/json"),
		ask("GET", "/hc", hi, "Accept: text/html"), ask("GET", "/", hi), ask("POST", "/hc", hi),
	}
	const cors, size, ssl, proxy, healthcheck = "oslo_middleware:CORS.factory", "oslo_middleware:RequestBodySizeLimiter.factory", "oslo_middleware:SSLMiddleware.factory",
		"oslo_middleware:HTTPProxyToWSGI.factory", "oslo_middleware:Healthcheck.factory"
	proxied := []request{
		get(show, "X-Forwarded-Proto: https", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Prefix: /p"), get(show, "Forwarded: for=1.2.3.4;proto=https;host=h"), get(show),
	}
	return []conformance{
		{"cors, a named conf file", filtered(cors, named) + corsConf, corsRequests},
		{"cors, the section before the named conf file", filtered(cors, named+"allow_credentials = true\nexpose_headers = X-Own\nmax_age = 7\n") + corsConf, corsRequests},
		{"cors, the process's conf file", filtered(cors, "allowed_origin = https://e.example.com\n") + corsConf, append([]request{get(hi, "Origin: https://e.example.com")}, corsRequests...)},
		{"cors, DEFAULT names the conf file", "[DEFAULT]\noslo_config_file = CONF\n" + filtered(cors, "oslo_config_project = wheatpaste-test\n") + corsConf, corsRequests},
		{"cors, an empty age", filtered(cors, named) + confMark + "[cors]\nallowed_origin = https://a.example.com\nmax_age =\n", corsRequests},
		{"sizelimit, a named conf file", filtered(size, named) + confMark + "[oslo_middleware]\nmax_request_body_size = 6\n", sizeRequests},
		{"sizelimit, the section first", filtered(size, named+"max_request_body_size = 7\n") + confMark + "[oslo_middleware]\nmax_request_body_size = 6\n", sizeRequests},
		{"sizelimit, the process's conf file", filtered(size, "") + confMark + "[oslo_middleware]\nmax_request_body_size = 5\n", sizeRequests},
		{"sizelimit, an old name", filtered(size, "") + confMark + "[DEFAULT]\nosapi_max_request_body_size = 7\n", sizeRequests},
		{"sizelimit, another old name", filtered(size, named) + confMark + "[DEFAULT]\nmax_request_body_size = 6\n", sizeRequests},
		{"sizelimit, both old names", filtered(size, named) + confMark + "[DEFAULT]\nmax_request_body_size = 6\nosapi_max_request_body_size = 5\n", sizeRequests},
		{"sizelimit, the new name wins", filtered(size, named) + confMark + "[DEFAULT]\nmax_request_body_size = 6\n[oslo_middleware]\nmax_request_body_size = 7\n", sizeRequests},
		{"ssl, a named conf file", filtered(ssl, named) + confMark + "[oslo_middleware]\nsecure_proxy_ssl_header = X-P\n", []request{get(show, "X-P: https"), get(show, "X-Forwarded-Proto: https")}},
		{"http_proxy_to_wsgi, a named conf file", filtered(proxy, named) + confMark + "[oslo_middleware]\nenable_proxy_headers_parsing = On\n", proxied},
		{"http_proxy_to_wsgi, the process's conf file", filtered(proxy, "") + confMark + "[oslo_middleware]\nenable_proxy_headers_parsing = 1\n", proxied},
		{"http_proxy_to_wsgi, the section first", filtered(proxy, named+"enable_proxy_headers_parsing = no\n") + confMark + "[oslo_middleware]\nenable_proxy_headers_parsing = yes\n", proxied},
		{"healthcheck, a named conf file", filtered(healthcheck, named) + confMark + "[healthcheck]\npath = /hc\nbackends = disable_by_file\ndisable_by_file_path = CONF\n", health},
		{"healthcheck, the process's conf file", filtered(healthcheck, "") + confMark + "[healthcheck]\npath = /hc\nbackends = disable_by_file, disable_by_files_ports\ndisable_by_file_path = /\n", health},
	}
}

// authCases are for basic_auth, whose file only the process's conf file names.
func authCases(t *testing.T) []conformance {
	t.Helper()
	digest, err := bcrypt.GenerateFromPassword([]byte("sec:ret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	long, err := bcrypt.GenerateFromPassword([]byte(strings.Repeat("x", 72)), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "htpasswd")
	users := "# no colon\n\n  alice:" + string(digest) + " \nbad:$2y$zz\nyves:$2y" + string(digest)[3:] + "\nbert:$2b" + string(digest)[3:] + "\nalice:$2y$other\njosé:" + string(digest) + "\nlong:" + string(long) + "\nempty:$2y$\n"
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	basic := func(text string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(text))
	}
	var requests []request
	for _, header := range []string{
		basic("alice:sec:ret"), basic("yves:sec:ret"), basic("bert:sec:ret"), basic("long:" + strings.Repeat("x", 72)), basic("long:" + strings.Repeat("x", 80)), basic("long:" + strings.Repeat("x", 71)),
		basic("alice:wrong"), basic("alice:"), basic("alice"), basic(""), basic(":"), basic(":x"), basic("ALICE:sec:ret"), basic("nobody:x"), basic("ali:x"), basic("bad:x"), basic("empty:x"), basic("# no colon:x"),
		basic("\xff:x"), basic("alice:sec\x00ret"), basic("al\nice:x"), basic("alice:sec:ret") + "=", basic("alice:sec:ret") + "==",
		"Authorization:", "Authorization: Basic", "Authorization: basic", "Authorization: Basic x", "Authorization: Basic YWxpY2U", "Authorization: Basic YWxpY2U=", "Authorization: Basic YWJj=", "Authorization: Basic ====",
		"Authorization: Basic YWJj YWJj", "Authorization: Basic YW-_", "Authorization: Digest x", "Authorization: Di\"gest\\ x", "Authorization: Bearer abc def", "Authorization: BASIC " + strings.TrimPrefix(basic("alice:sec:ret"), "Authorization: Basic "),
		"Authorization: basic \t " + strings.TrimPrefix(basic("alice:sec:ret"), "Authorization: Basic "),
	} {
		requests = append(requests, get(spec{Show: true}, header))
	}
	requests = append(requests, get(hi), ask("HEAD", "/", hi), get(hi, basic("alice:wrong"), basic("alice:sec:ret")),
		get(spec{Show: true}, basic("alice:sec:ret"), "X-User: root", "X-User-Name: root"), get(hi, "Accept: text/html"), get(with("401 Unauthorized", "WWW-Authenticate: Keystone"), basic("alice:sec:ret")))
	for _, r := range locations[:3] {
		r.Headers = append(r.Headers, []string{"Authorization", strings.TrimPrefix(basic("alice:sec:ret"), "Authorization: ")})
		requests = append(requests, r)
	}
	ini := filtered("oslo_middleware:BasicAuthMiddleware.factory", "") + confMark + "[oslo_middleware]\nhttp_basic_auth_user_file = " + file + "\n"
	return []conformance{{"basic_auth", ini, requests}}
}
