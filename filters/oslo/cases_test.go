package oslo_test

import (
	"encoding/json"
	"strings"
)

// ask makes a request; headers are "Name: value".
func ask(method, path string, do spec, headers ...string) request {
	if do.Status == "" {
		do.Status = "200 OK"
	}
	text, err := json.Marshal(do)
	if err != nil {
		panic(err)
	}
	req := request{Method: method, Path: path, Headers: [][]string{{"Host", "api.example.com"}, {"X-Probe", string(text)}}}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		if name == "Host" {
			req.Headers[0][1] = strings.TrimSpace(value)
			continue
		}
		req.Headers = append(req.Headers, []string{name, strings.TrimSpace(value)})
	}
	return req
}

func get(do spec, headers ...string) request { return ask("GET", "/a/b?c=d", do, headers...) }

// post sends a body of n bytes.
func post(n int, chunked bool, do spec, headers ...string) request {
	req := ask("POST", "/", do, headers...)
	req.Body, req.Chunked = strings.Repeat("x", n), chunked
	return req
}

// preflight asks for a method and, unless "-", headers.
func preflight(origin, method, headers string, do spec) request {
	req := ask("OPTIONS", "/", do, "Origin: "+origin, "Access-Control-Request-Method: "+method)
	if headers != "-" {
		req.Headers = append(req.Headers, []string{"Access-Control-Request-Headers", headers})
	}
	return req
}

// filtered is a pipeline of one filter with its options.
func filtered(factory, options string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\npaste.filter_factory = " + factory + "\n" + options
}

var show = spec{Show: true}

var hi = spec{Body: "hi"}

func with(status string, headers ...string) spec {
	s := spec{Status: status, Body: "hi"}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		s.Headers = append(s.Headers, []string{name, strings.TrimSpace(value)})
	}
	return s
}

// locations are what an app may send as Location.
var locations = []request{
	get(with("302 Found", "Location: /x")),
	get(with("302 Found", "Location: /x/../y?q=1#f")),
	get(with("302 Found", "Location: x y/é")),
	get(with("302 Found", "Location: ../x")),
	get(with("302 Found", "Location: ./")),
	get(with("302 Found", "Location: ?q")),
	get(with("302 Found", "Location: #f")),
	get(with("302 Found", "Location:")),
	get(with("302 Found", "Location: //other.example.com/a/../b")),
	get(with("302 Found", "Location: ///x//y")),
	get(with("302 Found", "Location: https://other.example.com/a")),
	get(with("302 Found", "Location: mailto:a@b")),
	get(with("201 Created", "Location: x//y/./z")),
	ask("GET", "/a%20b/%C3%A9/c", with("302 Found", "Location: d")),
	ask("GET", "/", with("302 Found", "Location: d"), "Host: api.example.com:80"),
}

const globalID = "req-01234567-89ab-cdef-0123-456789abcdef"

var cases = []conformance{
	{"request_id", filtered("oslo_middleware:RequestId.factory", "oslo_config_project = nova\nany = thing\n"), append([]request{
		get(hi),
		ask("HEAD", "/", hi),
		get(show),
		get(show, "X-Openstack-Request-Id: "+globalID),
		get(show, "X-OPENSTACK-REQUEST-ID: "+globalID),
		get(show, "X-Openstack-Request-Id: "+globalID+"x"),
		get(show, "X-Openstack-Request-Id: "+strings.ToUpper(globalID)),
		get(show, "X-Openstack-Request-Id: "+globalID, "X-Openstack-Request-Id: "+globalID),
		get(with("200 OK", "x-openstack-request-id: mine")),
		get(with("404 Not Found", "X-OPENSTACK-request-id: mine")),
		get(spec{Status: "204 No Content"}),
	}, locations...)},
	{"request_id twice", "[pipeline:main]\npipeline = f g app\n[filter:f]\nuse = egg:oslo.middleware#request_id\n[filter:g]\nuse = f\n", []request{get(hi), get(show)}},
	{"catch_errors", filtered("oslo_middleware:CatchErrors.factory", ""), append([]request{
		get(hi),
		get(spec{Fail: true}),
		get(spec{Fail: true}, "Accept: */*"),
		get(spec{Fail: true}, "Accept: application/json"),
		get(spec{Fail: true}, "Accept: text/plain"),
		get(spec{Fail: true}, "Accept: text/html;q=0.1", "Accept: application/json;q=0.2"),
		get(spec{Fail: true}, "Accept: ,;bad"),
		ask("HEAD", "/", spec{Fail: true}),
		get(with("503 Service Unavailable", "Retry-After: 5")),
	}, locations...)},
	{"request_id over catch_errors", "[pipeline:main]\npipeline = r c app\n[filter:r]\nuse = egg:oslo.middleware#request_id\n[filter:c]\nuse = egg:oslo.middleware#catch_errors\n",
		[]request{get(spec{Fail: true}), get(hi)}},
	{"correlation_id", filtered("oslo_middleware:CorrelationId.factory", ""), append([]request{
		get(show), get(show, "X-Correlation-Id: me"), get(show, "x_correlation_id: me"), get(show, "X-Correlation-Id:"),
	}, locations...)},
	{"ssl", filtered("oslo_middleware:SSLMiddleware.factory", ""), append([]request{
		get(show), get(show, "X-Forwarded-Proto: https"), get(show, "X-Forwarded-Proto: https", "X-Forwarded-Proto: http"),
		get(show, "X-Forwarded-Proto:"), get(with("302 Found", "Location: /x"), "X-Forwarded-Proto: https"),
		get(with("302 Found", "Location: /x"), "X-Forwarded-Proto: odd"),
	}, locations...)},
	{"ssl, other header", filtered("oslo_middleware.ssl:SSLMiddleware.factory", "secure_proxy_ssl_header = X_My-Proto\n"), []request{
		get(show), get(show, "X-Forwarded-Proto: https"), get(show, "X-My-Proto: https"), get(show, "X-MY-PROTO: HTTPS"),
	}},
	{"ssl, header in DEFAULT", "[DEFAULT]\nsecure_proxy_ssl_header = X-P\n" + filtered("oslo_middleware:SSLMiddleware.factory", ""), []request{
		get(show, "X-P: https"), get(show, "X-Forwarded-Proto: https"),
	}},
	{"sizelimit", filtered("oslo_middleware:RequestBodySizeLimiter.factory", ""), []request{
		post(114688, false, hi), post(114689, false, hi), post(114689, false, hi, "Accept: text/html"),
		post(114689, false, hi, "Accept: application/json"), get(hi), post(114688, true, spec{Read: "all", Body: "hi"}),
		get(with("302 Found", "Location: /x")),
	}},
	{"sizelimit, small", filtered("oslo_middleware.sizelimit:RequestBodySizeLimiter.factory", "max_request_body_size = 10\n"), []request{
		post(10, false, hi), post(11, false, hi), post(10, true, spec{Read: "all", Body: "hi"}),
		post(11, true, spec{Body: "not read"}), post(10, true, spec{Read: 3, Body: "hi"}),
	}},
	{"sizelimit of 0", filtered("oslo_middleware:RequestBodySizeLimiter.factory", "max_request_body_size = 0\n"), []request{
		get(hi), post(1, false, hi), ask("POST", "/", hi),
	}},
	{"sizelimit in DEFAULT", "[DEFAULT]\nmax_request_body_size = 5\n" + filtered("oslo_middleware:RequestBodySizeLimiter.factory", ""), []request{
		post(5, false, hi), post(6, false, hi),
	}},
	// The original's exception leaves the size limit; the next WebOb filter
	// makes the answer of it.
	{"sizelimit, counted", "[pipeline:main]\npipeline = c s app\n[filter:c]\nuse = egg:oslo.middleware#correlation_id\n[filter:s]\nuse = egg:oslo.middleware#sizelimit\nmax_request_body_size = 10\n", []request{
		post(11, true, spec{Read: "all", Body: "hi"}), post(11, true, spec{Read: 4, Body: "hi"}),
		post(11, true, spec{Read: "all", Body: "hi"}, "Accept: */*"), post(10, true, spec{Read: 4, Body: "hi"}),
		post(1000000, true, spec{Read: 4, Body: "hi"}, "Accept: application/json"),
	}},
	{"http_proxy_to_wsgi, off", filtered("oslo_middleware:HTTPProxyToWSGI.factory", ""), append([]request{
		get(show), get(show, "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /p"), get(show, "Forwarded: for=1.2.3.4"),
	}, locations...)},
	{"http_proxy_to_wsgi", filtered("oslo_middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory", "enable_proxy_headers_parsing = true\n"), append([]request{
		get(show),
		get(show, "X-Forwarded-Proto: https"),
		get(show, "X-Forwarded-Proto: https, http"),
		get(show, "X-Forwarded-Host: public.example.com:8443"),
		get(show, "X-Forwarded-Host: a, b"),
		get(show, "X-Forwarded-For: 1.2.3.4, 10.0.0.1"),
		get(show, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 10.0.0.1"),
		get(show, "X-Forwarded-Prefix: /p"),
		get(show, "X-Forwarded-Prefix: p/"),
		get(show, "Forwarded: for=192.0.2.60;proto=http, for=192.0.2.61;proto=https"),
		get(show, `Forwarded: For="[2001:db8::1]:47"; PROTO=https;host="x.example.com"`),
		get(show, "Forwarded: for=", "X-Forwarded-For: 1.2.3.4"),
		get(show, "Forwarded:", "X-Forwarded-For: 1.2.3.4"),
		get(show, "Forwarded: , for=1.2.3.4"),
		get(show, "Forwarded: for=1.1.1.1;for=2.2.2.2;by"),
		get(show, "Forwarded: by=3.3.3.3", "X-Forwarded-Prefix: /p", "X-Forwarded-Host: no"),
		get(show, `Forwarded: for="a,b";proto=https`),
		get(with("302 Found", "Location: /x"), "X-Forwarded-Proto: https", "X-Forwarded-Host: public.example.com:443"),
		get(with("302 Found", "Location: x"), "X-Forwarded-Prefix: /p q", "X-Forwarded-Proto: https"),
		get(with("302 Found", "Location: x"), "X-Forwarded-Proto: odd"),
	}, locations...)},
	{"http_proxy_to_wsgi, DEFAULT", "[DEFAULT]\nenable_proxy_headers_parsing = 1\n" + filtered("oslo_middleware:HTTPProxyToWSGI.factory", ""), []request{
		get(show, "X-Forwarded-Proto: https"),
	}},
	{"cors", filtered("oslo_middleware.cors:filter_factory", "allowed_origin = https://a.example.com , https://b.example.com,\nallow_headers = X-Auth-Token, X-Foo\nexpose_headers = X-Auth-Token , X-Bar\nlatent_allow_methods = GET\nlatent_max_age = 7\n"), append([]request{
		get(hi),
		get(hi, "Origin: https://a.example.com"),
		ask("HEAD", "/", hi, "Origin: https://b.example.com"),
		get(hi, "Origin: https://A.example.com"),
		get(hi, "Origin: https://c.example.com"),
		get(hi, "Origin:"),
		get(hi, "Origin: https://a.example.com", "Origin: https://b.example.com"),
		get(with("404 Not Found", "Vary: Accept"), "Origin: https://a.example.com"),
		get(with("200 OK", "Vary: Accept", "vary: Cookie"), "Origin: https://a.example.com"),
		get(with("200 OK", "Vary: Accept", "vary: Cookie"), "Origin: https://c.example.com"),
		get(with("200 OK", "access-control-allow-origin: x"), "Origin: https://a.example.com"),
		get(with("200 OK", "Access-Control-Allow-Origin:"), "Origin: https://a.example.com"),
		get(with("200 OK", "Access-Control-Expose-Headers: X-Mine", "Access-Control-Allow-Credentials: false"), "Origin: https://a.example.com"),
		get(spec{Status: "204 No Content"}, "Origin: https://a.example.com"),
		ask("OPTIONS", "/", hi),
		ask("OPTIONS", "/", with("404 Not Found", "X-Y: z")),
		ask("OPTIONS", "/", with("200 OK", "Allow: GET"), "Origin: https://a.example.com"),
		ask("OPTIONS", "/", with("405 Method Not Allowed", "Allow: GET"), "Origin: https://a.example.com"),
		ask("OPTIONS", "/", with("404 Not Found", "Access-Control-Allow-Origin: x"), "Origin: https://a.example.com", "Access-Control-Request-Method: PUT"),
		preflight("https://a.example.com", "PUT", "-", with("404 Not Found", "X-Y: z", "Vary: Accept", "Set-Cookie: a=b")),
		preflight("https://a.example.com", "PUT", "-", with("200 OK", "X-Y: z", "Vary: Accept", "Vary: Cookie")),
		preflight("https://a.example.com", "PUT", "-", with("302 Found", "Location: /x")),
		preflight("https://a.example.com", "PUT", "-", with("201 Created", "Location: /x")),
		preflight("https://a.example.com", "PUT", "-", with("500 Internal Server Error")),
		preflight("https://a.example.com", "PUT", "-", spec{Status: "204 No Content"}),
		preflight("https://c.example.com", "PUT", "-", with("404 Not Found")),
		preflight("https://a.example.com", "put", "-", with("404 Not Found")),
		preflight("https://a.example.com", "LINK", "-", with("404 Not Found")),
		preflight("https://a.example.com", "", "-", with("404 Not Found")),
		preflight("https://a.example.com", "GET", "", with("404 Not Found")),
		preflight("https://a.example.com", "GET", "x-foo", with("404 Not Found")),
		preflight("https://a.example.com", "GET", "X-AUTH-token , content-type,,accept,", with("404 Not Found")),
		preflight("https://a.example.com", "GET", "x-foo, x-other", with("404 Not Found")),
		preflight("https://a.example.com", "GET", "cache-control,content-language,expires,last-modified,pragma,accept-language", with("404 Not Found")),
		preflight("https://a.example.com", "GET", "x-bar", with("200 OK")),
		ask("OPTIONS", "/", with("404 Not Found"), "Origin: https://a.example.com", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-foo", "Access-Control-Request-Headers: accept"),
	}, locations...)},
	{"cors for everyone", filtered("oslo_middleware:CORS.factory", "allowed_origin = https://a.example.com, *\nmax_age = 0\nallow_credentials = False\nallow_methods = GET,put\n"), []request{
		get(hi), get(hi, "Origin: https://a.example.com"), get(hi, "Origin: null"), get(hi, "Origin:"),
		preflight("https://c.example.com", "GET", "-", with("404 Not Found")),
		preflight("https://a.example.com", "put", "-", with("404 Not Found")),
		preflight("https://c.example.com", "PUT", "-", with("404 Not Found")),
	}},
	{"cors, empty options", filtered("oslo_middleware:CORS.factory", "allowed_origin = https://a.example.com\nmax_age =\nallow_methods =\nallow_headers =\nexpose_headers =\n"), []request{
		get(hi, "Origin: https://a.example.com"), preflight("https://a.example.com", "GET", "-", with("404 Not Found")),
	}},
	{"cors, negative age", filtered("oslo_middleware:CORS.factory", "allowed_origin = https://a.example.com\nmax_age = -1\n"), []request{
		preflight("https://a.example.com", "TRACE", "-", with("404 Not Found")),
	}},
	{"cors, empty origin", filtered("oslo_middleware:CORS.factory", "allowed_origin =\n"), []request{
		get(hi, "Origin: https://a.example.com"), preflight("https://a.example.com", "GET", "-", with("404 Not Found")),
	}},
	{"cors, origins in a conf file", filtered("oslo_middleware.cors:filter_factory", "oslo_config_project = wheatpaste-test\noslo_config_program = wheatpaste-test\n"), []request{
		get(hi, "Origin: https://a.example.com"), preflight("https://a.example.com", "GET", "-", with("404 Not Found")),
	}},
	{"cors, options in DEFAULT", "[DEFAULT]\nexpose_headers = X-A\nmax_age = 9\nallow_credentials = no\nallow_methods = GET\nallow_headers = X-B\n" +
		filtered("oslo_middleware.cors:filter_factory", "allowed_origin = https://a.example.com\n"), []request{
		get(hi, "Origin: https://a.example.com"), preflight("https://a.example.com", "GET", "x-b", with("404 Not Found")),
		preflight("https://a.example.com", "PUT", "-", with("404 Not Found")),
	}},
	{"all together", strings.Join([]string{
		"[pipeline:main]\npipeline = cors proxy rid catch size app",
		"[filter:cors]\nuse = egg:oslo.middleware#cors\nallowed_origin = *",
		"[filter:proxy]\nuse = egg:oslo.middleware#http_proxy_to_wsgi\nenable_proxy_headers_parsing = yes",
		"[filter:rid]\nuse = egg:oslo.middleware#request_id",
		"[filter:catch]\nuse = egg:oslo.middleware#catch_errors",
		"[filter:size]\nuse = egg:oslo.middleware#sizelimit\nmax_request_body_size = 10\n",
	}, "\n"), []request{
		get(hi, "Origin: x"), get(spec{Fail: true}, "Origin: x"), post(11, false, hi, "Origin: x", "Accept: */*"),
		get(with("302 Found", "Location: x"), "Origin: x", "X-Forwarded-Prefix: /p", "X-Forwarded-Proto: https"),
		preflight("x", "PUT", "accept", spec{Fail: true}), preflight("x", "PUT", "accept", with("404 Not Found")),
	}},
}
