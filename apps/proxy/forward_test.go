package proxy

import (
	"maps"
	"net/http"
	"testing"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestForwardedHeaders(t *testing.T) {
	address, last := seen(t)
	lie := map[string]string{
		"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/evil",
		"X-Forwarded-Port": "1", "X-Forwarded": "x", "Forwarded": "for=6.6.6.6",
	}
	none := map[string]string{}
	tests := []struct {
		name   string
		x, rfc forwardMode
		sent   map[string]string
		want   map[string]string
	}{
		{"replace", replace, replace, lie, map[string]string{
			"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Host": "client.test:8080", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/api",
			"Forwarded": `for=10.0.0.9;host="client.test:8080";proto=https`}},
		{"replace nothing", replace, replace, none, map[string]string{
			"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Host": "client.test:8080", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/api",
			"Forwarded": `for=10.0.0.9;host="client.test:8080";proto=https`}},
		{"append", appendTo, appendTo, lie, map[string]string{
			"X-Forwarded-For": "6.6.6.6, 127.0.0.1", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/evil",
			"X-Forwarded-Port": "1", "X-Forwarded": "x", "Forwarded": `for=6.6.6.6, for=127.0.0.1;host="client.test:8080";proto=https`}},
		{"append to nothing", appendTo, appendTo, none, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "client.test:8080", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/api",
			"Forwarded": `for=127.0.0.1;host="client.test:8080";proto=https`}},
		{"pass", pass, pass, lie, lie},
		{"pass nothing", pass, pass, none, none},
		{"off", off, off, lie, none},
		{"one of each", replace, pass, map[string]string{"Forwarded": "for=6.6.6.6"}, map[string]string{
			"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Host": "client.test:8080", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/api",
			"Forwarded": "for=6.6.6.6"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			front, _ := ours(t, func(o *Options) { o.Address, o.XForwarded, o.Forwarded = address, tt.x, tt.rfc }, func(env *pipeline.Environ) {
				env.SetClientAddr("10.0.0.9")
				env.SetScheme("https")
				env.SetScriptName("/api")
			})
			r := request(t, "GET", front.URL, "")
			r.Host = "client.test:8080"
			for name, value := range tt.sent {
				r.Header.Set(name, value)
			}
			do(t, r)
			if got := forwardedOf(last().Header); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

func forwardedOf(h http.Header) map[string]string {
	got := map[string]string{}
	for name := range h {
		if isXForwarded(name) || isForwarded(name) {
			got[name] = h.Get(name)
		}
	}
	return got
}

func TestAClientOfAUnixSocketHasNoAddress(t *testing.T) {
	address, last := seen(t)
	front, _ := ours(t, func(o *Options) { o.Address = address }, func(env *pipeline.Environ) { env.SetClientAddr("@") })
	do(t, request(t, "GET", front.URL, ""))
	if got, ok := last().Header["X-Forwarded-For"]; ok {
		t.Errorf("X-Forwarded-For = %q, want none", got)
	}
	if got := peer("@"); got != "" {
		t.Errorf("peer = %q, want none", got)
	}
}

func TestForwardModesAreRead(t *testing.T) {
	for _, text := range []string{"replace", "append", "pass", "off"} {
		var m forwardMode
		if err := m.UnmarshalText([]byte(text)); err != nil || m.String() != text {
			t.Errorf("%q is read as %q, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "on", "paste", "paste transparent"} {
		want := `invalid value "` + text + `", want replace, append, pass or off`
		if err := new(forwardMode).UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("UnmarshalText(%q) = %v, want %s", text, err, want)
		}
	}
}
