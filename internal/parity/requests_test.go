package parity

import (
	"encoding/json"
	"fmt"
	"strings"
)

// request is what both sides get, byte for byte.
type request struct {
	name    string
	method  string // "" is GET
	path    string // "" is /
	headers []string
	body    string
	chunked bool
	does    *spec // what the app is told
}

// text is the request on the wire.
func (r request) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", or(r.method, "GET"), or(r.path, "/"))
	if !r.has("Host") {
		b.WriteString("Host: paste.example.com\r\n")
	}
	b.WriteString("Connection: close\r\n")
	for _, h := range r.headers {
		b.WriteString(h + "\r\n")
	}
	if r.does != nil {
		text, _ := json.Marshal(r.does) // strings and numbers
		fmt.Fprintf(&b, "X-Probe: %s\r\n", text)
	}
	switch {
	case r.chunked:
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(r.body), r.body)
	case r.body != "":
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
	default:
		b.WriteString("\r\n")
	}
	return b.String()
}

func (r request) has(header string) bool {
	for _, h := range r.headers {
		if name, _, _ := strings.Cut(h, ":"); strings.EqualFold(name, header) {
			return true
		}
	}
	return false
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func no() *bool { b := false; return &b }

// usual are the requests that every factory gets: methods, paths, combinations
// of headers, sizes, encodings, values that are no good, and answers of the app.
var usual = []request{
	{name: "GET"},
	{name: "HEAD", method: "HEAD"},
	{name: "POST", method: "POST", body: "a=1&b=2", headers: []string{"Content-Type: application/x-www-form-urlencoded"}},
	{name: "empty POST", method: "POST", headers: []string{"Content-Length: 0"}},
	{name: "PUT", method: "PUT", path: "/v1/a/c/o", body: strings.Repeat("x", 1000)},
	{name: "DELETE", method: "DELETE", path: "/v2/servers/1"},
	{name: "OPTIONS", method: "OPTIONS", path: "/v2"},
	{name: "PATCH", method: "PATCH", path: "/v2", body: `{"a": 1}`, headers: []string{"Content-Type: application/json"}},
	{name: "COPY", method: "COPY", path: "/v1/a/c/o"},
	{name: "unknown method", method: "BREW", path: "/pot"},
	{name: "long path", path: "/" + strings.Repeat("abc/", 500)},
	{name: "quoted path", path: "/a%20b/%C3%BC"},
	{name: "quoted slash", path: "/a%2Fb"},
	{name: "two slashes", path: "/a//b"},
	{name: "slash at the end", path: "/v2.1/"},
	{name: "dots", path: "/a/./b/../c"},
	{name: "query", path: "/v2?a=1&b=2&a=3"},
	{name: "doubtful query", path: "/v2?a=%zz&=&&b"},
	{name: "version path", path: "/v2.1/servers/detail"},
	{name: "suffix", path: "/v2/servers.json"},
	{name: "healthcheck path", path: "/healthcheck"},
	{name: "favicon", path: "/favicon.ico"},
	{name: "accepts JSON", headers: []string{"Accept: application/json"}},
	{name: "accepts HTML", headers: []string{"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}},
	{name: "accepts text", headers: []string{"Accept: text/plain"}},
	{name: "accepts nothing known", headers: []string{"Accept: image/png"}},
	{name: "empty Accept", headers: []string{"Accept:"}},
	{name: "accepts gzip", headers: []string{"Accept-Encoding: gzip, deflate"}},
	{name: "other host", headers: []string{"Host: c.a.example.com:8080"}},
	{name: "forwarded by the usual headers", headers: []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: cloud.example.org", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Prefix: /compute"}},
	{name: "forwarded twice", headers: []string{"X-Forwarded-For: 192.0.2.7, 198.51.100.2", "X-Forwarded-Server: front.example.org"}},
	{name: "forwarded by RFC 7239", headers: []string{"Forwarded: for=192.0.2.43;proto=https;host=h.example.org, for=198.51.100.17"}},
	{name: "another origin", headers: []string{"Origin: https://horizon.example.com"}},
	{name: "preflight", method: "OPTIONS", headers: []string{"Origin: https://horizon.example.com", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: X-Auth-Token, Content-Type"}},
	{name: "request id", headers: []string{"X-Openstack-Request-Id: req-0b3a1f6e-52a4-4d5e-8c3f-1f2e3d4c5b6a"}},
	{name: "request id that is none", headers: []string{"X-Openstack-Request-Id: req-no"}},
	{name: "correlation", headers: []string{"X-Correlation-Id: 42"}},
	{name: "forged identity", headers: []string{"X-Identity-Status: Confirmed", "X-User-Id: root", "X-Roles: admin", "X-Project-Id: p"}},
	{name: "token", headers: []string{"X-Auth-Token: abcdef0123456789"}},
	{name: "basic authorization", headers: []string{"Authorization: Basic bm9ib2R5Om5vdGhpbmc="}},
	{name: "authorization that is none", headers: []string{"Authorization: Basic ###"}},
	{name: "bearer", headers: []string{"Authorization: Bearer abc"}},
	{name: "microversion", headers: []string{"OpenStack-API-Version: compute 2.90", "X-OpenStack-Nova-API-Version: 2.90"}},
	{name: "cookies", headers: []string{"Cookie: a=1; b=2"}},
	{name: "a header twice", headers: []string{"X-Trace: one", "X-Trace: two"}},
	{name: "an empty value", headers: []string{"X-Empty:"}},
	{name: "bytes above ASCII", headers: []string{"X-Name: J\xfcrgen"}},
	{name: "a long value", headers: []string{"X-Long: " + strings.Repeat("v", 7000)}},
	{name: "if none match", headers: []string{`If-None-Match: "abc"`}},
	{name: "range", headers: []string{"Range: bytes=0-9"}},
	{name: "chunked", method: "POST", body: "hello", chunked: true},
	{name: "chunked and large", method: "POST", body: strings.Repeat("y", 200_000), chunked: true},
	{name: "large", method: "POST", body: strings.Repeat("z", 200_000)},
	{name: "as large as may be", method: "PUT", body: strings.Repeat("z", 114_688)},
	{name: "one byte larger", method: "PUT", body: strings.Repeat("z", 114_689)},
	{name: "the app does not read", method: "POST", body: strings.Repeat("q", 5000), does: &spec{Lazy: true}},
	{name: "404", does: &spec{Status: "404 Not Found", Body: "no", Show: no()}},
	{name: "404 of JSON", does: &spec{Status: "404 Not Found", Body: `{"a": 1}`, Show: no(), Headers: [][]string{{"Content-Type", "application/json"}}}},
	{name: "401", does: &spec{Status: "401 Unauthorized", Show: no(), Headers: [][]string{{"WWW-Authenticate", "Keystone uri=x"}}}},
	{name: "500", does: &spec{Status: "500 Internal Server Error", Body: "oh", Show: no()}},
	{name: "503 with Retry-After", does: &spec{Status: "503 Service Unavailable", Show: no(), Headers: [][]string{{"Retry-After", "10"}}}},
	{name: "201 with Location", method: "POST", body: "x", does: &spec{Status: "201 Created", Show: no(), Headers: [][]string{{"Location", "http://paste.example.com/v2/1"}}}},
	{name: "204", method: "DELETE", does: &spec{Status: "204 No Content", Show: no()}},
	{name: "304", does: &spec{Status: "304 Not Modified", Show: no(), Headers: [][]string{{"ETag", `"abc"`}}}},
	{name: "302", does: &spec{Status: "302 Found", Show: no(), Headers: [][]string{{"Location", "/elsewhere"}}}},
	{name: "a large answer", does: &spec{Body: "0123456789", Times: 10_000, Show: no(), Headers: [][]string{{"Content-Type", "text/plain"}}}},
	{name: "a large answer to who takes gzip", headers: []string{"Accept-Encoding: gzip"}, does: &spec{Body: "0123456789", Times: 10_000, Show: no(), Headers: [][]string{{"Content-Type", "text/html; charset=utf-8"}}}},
	{name: "two cookies set", does: &spec{Body: "x", Show: no(), Headers: [][]string{{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}, {"Content-Type", "text/html"}}}},
	{name: "CORS headers of the app", headers: []string{"Origin: https://horizon.example.com"}, does: &spec{Body: "x", Show: no(), Headers: [][]string{{"Access-Control-Allow-Origin", "*"}, {"Vary", "Accept"}}}},
	{name: "Vary of the app", headers: []string{"Origin: https://horizon.example.com"}, does: &spec{Body: "x", Show: no(), Headers: [][]string{{"Vary", "Accept"}}}},
	{name: "internal headers of the app", does: &spec{Body: "x", Show: no(), Headers: [][]string{{"X-Backend-Timestamp", "1"}, {"X-Account-Sysmeta-A", "1"}, {"X-Openstack-Request-Id", "req-mine"}}}},
	{name: "the app fails", does: &spec{Fail: true}},
	{name: "the app fails for who takes JSON", headers: []string{"Accept: application/json"}, does: &spec{Fail: true}},
}
