package token

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const minimal = `"expires_at": "2030-01-02T03:04:05.000000Z", "user": {"id": "u", "name": "n", "domain": {"id": "d", "name": "D"}}`

func parse(t *testing.T, text string) *Token {
	t.Helper()
	tok, err := Parse([]byte(`{"token": {` + text + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           ``,
		"no JSON":           `<html>`,
		"no token":          `{"access": {}}`,
		"a text as token":   `{"token": "x"}`,
		"no user":           `{"token": {"expires_at": "2030-01-02T03:04:05Z"}}`,
		"no expiry":         `{"token": {"user": {"id": "u"}}}`,
		"odd expiry":        `{"token": {"expires_at": "tomorrow", "user": {"id": "u"}}}`,
		"a number as id":    `{"token": {"expires_at": "2030-01-02T03:04:05Z", "user": {"id": 7}}}`,
		"line break":        `{"token": {"expires_at": "2030-01-02T03:04:05Z", "user": {"id": "u", "name": "a\nX-Roles: admin"}}}`,
		"line break (role)": `{"token": {"expires_at": "2030-01-02T03:04:05Z", "user": {"id": "u"}, "roles": [{"name": "a\r\nb"}]}}`,
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, ErrContents) {
			t.Errorf("%s: error %v, want %v", name, err, ErrContents)
		}
	}
}

func TestExpiryNotations(t *testing.T) {
	want := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, text := range []string{"2030-01-02T03:04:05Z", "2030-01-02T03:04:05.000000Z", "2030-01-02T03:04:05", "2030-01-02T04:04:05+01:00", "2030-01-02T04:04:05+0100"} {
		tok := parse(t, `"user": {"id": "u"}, "expires_at": "`+text+`"`)
		if !tok.Expires.Equal(want) {
			t.Errorf("%q is %v, want %v", text, tok.Expires, want)
		}
	}
}

func TestRawIsWhatKeystonemiddlewareCaches(t *testing.T) {
	tok, err := Parse([]byte(`{ "other": 1, "token" : {` + minimal + `}}`))
	if want := `{"token":{` + minimal + `}}`; err != nil || string(tok.Raw) != want {
		t.Errorf("%s %v, want %s", tok.Raw, err, want)
	}
}

func TestHeaders(t *testing.T) {
	tests := []struct{ name, text, want, service string }{
		{"unscoped", minimal, "X-Is-Admin-Project=True X-Role= X-Roles= X-User-Domain-Id=d X-User-Domain-Name=D X-User-Id=u X-User-Name=n X-User=n",
			"X-Service-Roles= X-Service-User-Domain-Id=d X-Service-User-Domain-Name=D X-Service-User-Id=u X-Service-User-Name=n"},
		{"domain", minimal + `, "domain": {"id": "a", "name": "b"}, "roles": [{"name": "r"}, {"name": "s"}]`,
			"X-Domain-Id=a X-Domain-Name=b X-Is-Admin-Project=True X-Role=r,s X-Roles=r,s X-User-Domain-Id=d X-User-Domain-Name=D X-User-Id=u X-User-Name=n X-User=n",
			"X-Service-Domain-Id=a X-Service-Domain-Name=b X-Service-Roles=r,s X-Service-User-Domain-Id=d X-Service-User-Domain-Name=D X-Service-User-Id=u X-Service-User-Name=n"},
	}
	for _, tt := range tests {
		tok := parse(t, tt.text)
		h, s := http.Header{}, http.Header{}
		tok.SetUser(h, true)
		tok.SetService(s)
		if got := show(h); got != tt.want {
			t.Errorf("%s: got %s\nwant %s", tt.name, got, tt.want)
		}
		if got := show(s); got != tt.service {
			t.Errorf("%s: got %s\nwant %s", tt.name, got, tt.service)
		}
	}
}

func show(h http.Header) string {
	var list []string
	for name, values := range h {
		list = append(list, name+"="+strings.Join(values, ","))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestHeadersAreNotSharedByRequests(t *testing.T) {
	tok := parse(t, minimal)
	a, b := http.Header{}, http.Header{}
	tok.SetUser(a, true)
	a["X-User-Id"][0] = "other"
	a.Add("X-User-Name", "x")
	tok.SetUser(b, true)
	if got := fmt.Sprint(b["X-User-Id"], b["X-User-Name"], a["X-User-Domain-Id"]); got != "[u] [n] [d]" {
		t.Errorf("got %s", got)
	}
}

func TestCatalogHeader(t *testing.T) {
	tests := []struct{ name, catalog, want string }{
		{"empty", `[]`, `[]`},
		{"regions", `[{"type": "a", "name": "n", "endpoints": [
			{"interface": "public", "region": "R", "url": "u1"}, {"interface": "PUBLIC", "region": "S", "url": "u2"},
			{"interface": "internal", "region": "R", "url": "u3"}, {"interface": "public", "region": "R", "url": "u4"}]}]`,
			`[{"type": "a", "name": "n", "endpoints": [{"region": "R", "publicURL": "u4", "internalURL": "u3"}, {"region": "S", "publicURL": "u2"}]}]`},
		{"without name and region", `[{"type": "a", "endpoints": [{"interface": "public", "url": "u", "region": null}, {"interface": "admin", "url": "v"}]}]`,
			`[{"type": "a", "endpoints": [{"publicURL": "u", "adminURL": "v"}]}]`},
		{"letters", `[{"type": "ä\"<\\\u0001\u007f😀\n", "endpoints": []}]`, `[{"type": "\u00e4\"<\\\u0001\u007f\ud83d\ude00\n", "endpoints": []}]`},
	}
	for _, tt := range tests {
		tok := parse(t, minimal+`, "catalog": `+tt.catalog)
		h := http.Header{}
		tok.SetUser(h, true)
		if got := h.Get("X-Service-Catalog"); got != tt.want {
			t.Errorf("%s: got %s\nwant %s", tt.name, got, tt.want)
		}
		h = http.Header{}
		tok.SetUser(h, false)
		if _, ok := h["X-Service-Catalog"]; ok {
			t.Errorf("%s: there is a catalog without demand", tt.name)
		}
	}
}

func TestEndpoint(t *testing.T) {
	tok := parse(t, minimal+`, "catalog": [{"type": "identity", "endpoints": [{"interface": "public", "region": "A", "url": "pa"},
		{"interface": "internal", "region_id": "B", "url": "ib"}]}]`)
	for _, tt := range []struct{ kind, iface, region, want string }{
		{"identity", "public", "", "pa"}, {"identity", "publicURL", "A", "pa"}, {"identity", "public", "B", ""},
		{"identity", "internal", "B", "ib"}, {"compute", "public", "", ""},
	} {
		if got, ok := tok.Endpoint(tt.kind, tt.iface, tt.region); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%v: %q", tt, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"token": {` + minimal + `, "catalog": [{"endpoints": [{}]}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tok, err := Parse(raw)
		if err != nil {
			return
		}
		h := http.Header{}
		tok.SetUser(h, true)
		tok.SetService(h)
		for name, values := range h {
			if strings.ContainsAny(values[0], "\r\n\x00") {
				t.Errorf("%s: %q", name, values)
			}
		}
	})
}

func BenchmarkStripAndSet(b *testing.B) {
	tok, err := Parse([]byte(`{"token": {` + minimal + `}}`))
	if err != nil {
		b.Fatal(err)
	}
	h := http.Header{"Accept": {"a"}, "User-Agent": {"b"}, "X-Auth-Token": {"c"}, "X_other": {"d"}}
	b.ReportAllocs()
	for b.Loop() {
		Strip(h)
		tok.SetUser(h, true)
	}
}
