package audit_test

import (
	"maps"
	"slices"
	"strings"
)

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

const catalog = `[{"type": "compute", "name": "nova", "endpoints": [{"region": "R", "adminURL": "http://nova:8774/v2.1", "internalURL": "http://int:8774/v2.1", "publicURL": "http://pub.example.com:8774/v2.1"}]},
 {"type": "image", "name": "glance", "endpoints": [{"id": "11112222333344445555666677778888", "region": "R", "adminURL": "http://glance:9292", "publicURL": "https://user@glance.example.com:9292?x"}]},
 {"type": "empty", "name": "none", "endpoints": []},
 {"type": "other", "name": "other", "endpoints": [{"publicURL": "http://[::1]:5000/v3"}]}]`

const longToken = "gAAAAABf0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyz"

func user(more ...string) map[string]string {
	h := map[string]string{
		"X-User-Id": "c8a2b4", "X-User-Name": "ann", "X-Project-Id": "p1", "X-Identity-Status": "Confirmed",
		"X-Auth-Token": longToken, "X-Service-Catalog": strings.ReplaceAll(catalog, "\n", ""), "User-Agent": "test/1",
	}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] == "" {
			delete(h, more[i])
			continue
		}
		h[more[i]] = more[i+1]
	}
	return h
}

// at is a usual request to nova.
func at(name, method, path string, more ...string) question {
	path, query, _ := strings.Cut(path, "?")
	return question{Name: name, Method: method, Path: path, Query: query, Host: "nova:8774", Scheme: "http", Headers: user(more...)}
}

func with(q question, change func(*question)) question {
	change(&q)
	return q
}

func questions() []question {
	list := slices.Concat(byPath(), byBody(), byCatalog())
	return append(list,
		at("no identity", "GET", "/v2.1/servers", "X-User-Id", "", "X-User-Name", "", "X-Project-Id", "", "X-Identity-Status", "", "X-Auth-Token", "12345"),
		at("short token", "GET", "/", "X-Auth-Token", "123456789012"),
		at("token with an odd eighth", "GET", "/", "X-Auth-Token", strings.Repeat("t", 20)),
		at("very long token", "GET", "/", "X-Auth-Token", strings.Repeat("0123456789", 40)),
		at("no token", "GET", "/", "X-Auth-Token", ""),
		at("no agent", "GET", "/", "User-Agent", ""),
		at("forwarded", "GET", "/", "X-Forwarded-For", " 203.0.113.9 , 10.0.0.1"),
		at("uuid as user", "GET", "/", "X-User-Id", "5f4dcc3b-5aa7-4cde-8a3a-2d7d2f2f2f2f"),
		at("user called default", "GET", "/", "X-User-Id", "default"),
		with(at("user called initiator", "GET", "/", "X-User-Id", "initiator"), func(q *question) { q.novel = true }),
		with(at("request ids", "GET", "/"), func(q *question) { q.RequestID, q.GlobalID = "req-1", "req-2" }),
		at("not found", "GET", "/v2.1/servers/1", "X-Do-Status", "404"),
		at("redirected", "GET", "/v2.1/servers", "X-Do-Status", "302"),
		at("bad gateway", "DELETE", "/v2.1/servers/1", "X-Do-Status", "502"),
		at("broken app", "GET", "/v2.1/servers", "X-Do-Fail", "1"),
	)
}

func byPath() []question {
	return []question{
		at("list", "GET", "/v2.1/servers"),
		at("list with a slash", "GET", "/v2.1/servers/?limit=1&x=%2F"),
		at("list as json", "GET", "/v2.1/servers.json"),
		at("read", "GET", "/v2.1/servers/123"),
		at("head", "HEAD", "/v2.1/servers/123"),
		at("create", "POST", "/v2.1/servers"),
		at("update by post", "POST", "/v2.1/servers/123"),
		at("update", "PUT", "/v2.1/servers/123/metadata/k"),
		at("patch", "PATCH", "/v2.1/servers/123.json"),
		at("delete", "DELETE", "/v2.1/servers/123/ips/private"),
		at("options", "OPTIONS", "/v2.1/servers"),
		at("custom", "PUT", "/v2.1/servers/123/enable"),
		at("custom for a method", "POST", "/v2.1/os-volumes_boot"),
		at("custom for another method", "GET", "/v2.1/os-volumes_boot"),
		at("custom in upper case", "GET", "/v2.1/Upper"),
		at("custom in lower case", "GET", "/v2.1/upper"),
		at("custom of two lines", "GET", "/v2.1/two"),
		at("custom with a slash", "POST", "/v2.1/servers/1/startup"),
		with(at("default option as action", "GET", "/v2.1/target_endpoint_type"), func(q *question) { q.novel = true }),
		at("keyword without one", "GET", "/v2.1/limits/x"),
		at("keyword None", "GET", "/v2.1/servers/action/x"),
		at("escaped", "GET", "/v2.1/servers/a b<\u00e9>~!;@,"),
		at("root", "GET", "/"),
		with(at("mounted", "GET", "/servers/1?a"), func(q *question) { q.Script = "/compute/v2.1" }),
		with(at("mounted without a path", "GET", ""), func(q *question) { q.Script = "/servers" }),
	}
}

func byBody() []question {
	action := func(name, body string) question {
		return with(at(name, "POST", "/v2.1/servers/1/action"), func(q *question) { q.Body = body })
	}
	return []question{
		action("action", `{"reboot": {"type": "HARD"}}`),
		action("action of two", `{"b": 1, "a": 2}`),
		action("action of white space", "\n {\"os-start\" : null}\n"),
		action("action without a body", ""),
		action("action without a key", "{}"),
		action("action of null", "null"),
		action("action that is broken", `{"reboot": `),
		action("action with letters", `{"a\u00e9\"b": 1}`),
		with(action("action in a list", `["reboot"]`), func(q *question) { q.novel = true }),
		with(action("action in a number", `7`), func(q *question) { q.novel = true }),
		with(at("a body elsewhere", "POST", "/v2.1/servers"), func(q *question) { q.Body = `{"server": 1}` }),
	}
}

func byCatalog() []question {
	host := func(name, h, scheme string) question {
		return with(at(name, "GET", "/v2/images/1"), func(q *question) { q.Host, q.Scheme = h, scheme })
	}
	novel := func(name, catalog string) question {
		return with(at(name, "GET", "/", "X-Service-Catalog", catalog), func(q *question) { q.novel = true })
	}
	return []question{
		host("public address", "pub.example.com:8774", "http"),
		host("address with an id", "glance:9292", "http"),
		host("address with a user", "glance.example.com:9292", "https"),
		host("IPv6 address", "[::1]:5000", "http"),
		host("unknown address", "elsewhere:1", "http"),
		host("no port", "pub.example.com", "http"),
		host("usual port", "pub.example.com:80", "http"),
		host("usual port of the other scheme", "pub.example.com:443", "http"),
		host("usual port of https", "pub.example.com:443", "https"),
		at("no catalog", "GET", "/v2.1/servers", "X-Service-Catalog", ""),
		at("empty catalog", "GET", "/v2.1/servers", "X-Service-Catalog", "[]"),
		at("no addresses", "GET", "/v2.1/servers", "X-Service-Catalog", `[{"type": "compute", "name": "n", "endpoints": [{}]}]`),
		at("no name", "GET", "/v2.1/servers", "X-Service-Catalog", `[{"type": "volume", "name": null, "endpoints": [{"id": "i", "adminURL": "http://nova:8774/"}]}]`),
		at("two of the usual type", "GET", "/v2.1/servers", "X-Service-Catalog", `[{"type": "compute", "name": "a", "endpoints": [{}]}, {"type": "compute", "name": "b", "endpoints": [{}]}]`),
		novel("a catalog that is none", "{"),
		novel("a catalog of a number", "7"),
		novel("a catalog of numbers", "[7]"),
	}
}
