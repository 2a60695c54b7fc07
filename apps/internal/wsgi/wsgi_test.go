package wsgi

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func request(t *testing.T, target string, header http.Header) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if header != nil {
		r.Header = header
	}
	_, _, r = pipeline.Begin(httptest.NewRecorder(), r)
	return r
}

func TestEnvironHasTheNamesOfWSGI(t *testing.T) {
	r := request(t, "http://api.test:8080/mnt/a%20b?x=1", http.Header{
		"Accept":       {"a/b", "c/d"},
		"X_odd":        {"1"},
		"Content-Type": {"text/plain"},
	})
	r.ContentLength = 7
	r = pipeline.Rebase(r, "/mnt", "/a b")
	env := pipeline.FromRequest(r)
	env.SetScheme("https")
	env.SetServerPort("443")
	env.SetClientAddr("10.0.0.9")
	env.SetIdentity(pipeline.Identity{UserName: "ann"})
	want := map[string]string{
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/mnt", "PATH_INFO": "/a b", "QUERY_STRING": "x=1",
		"SERVER_NAME": "api.test", "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1",
		"REMOTE_ADDR": "10.0.0.9", "REMOTE_USER": "ann",
		"HTTP_HOST": "api.test:8080", "HTTP_ACCEPT": "a/b,c/d", "HTTP_X_ODD": "1",
		"CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "7", "wsgi.url_scheme": "https",
	}
	if got := Environ(r); !maps.Equal(got, want) {
		t.Errorf("Environ = %v\nwant %v", got, want)
	}
}

func TestEnvironMasksSecretHeaders(t *testing.T) {
	for _, name := range []string{
		"Authorization", "Proxy-Authorization", "Cookie", "X-Auth-Token", "X-Service-Token", "X-Subject-Token",
		"X-Auth-Key", "X-Storage-Pass", "X-Api-Key", "X-Temp-Url-Signature", "X_auth_token", "X-Account-Meta-Temp-Url-Key-2",
	} {
		r := request(t, "http://h/", http.Header{name: {"s3cret"}})
		found := false
		for key, value := range Environ(r) {
			if value == "s3cret" {
				t.Errorf("%s shows the secret of header %s", key, name)
			}
			found = found || value == webob.Masked
		}
		if !found {
			t.Errorf("header %s is not there as %s", name, webob.Masked)
		}
	}
}

func TestEnvironShowsWhatOnlyLooksLikeASecret(t *testing.T) {
	for _, name := range []string{"User-Agent", "Connection", "Accept-Encoding", "X-Forwarded-For", "Sec-Websocket-Key"} {
		r := request(t, "http://h/", http.Header{name: {"plain"}})
		shown := false
		for _, value := range Environ(r) {
			shown = shown || value == "plain"
		}
		if !shown {
			t.Errorf("header %s is masked", name)
		}
	}
}

func TestEnvironMasksQueries(t *testing.T) {
	r := request(t, "http://h/?token=1", http.Header{"Referer": {"http://h/?token=2&a=b"}})
	env := Environ(r)
	if env["QUERY_STRING"] != "token=*****" || env["HTTP_REFERER"] != "http://h/?token=*****&a=b" {
		t.Errorf("query %q, referer %q show a token", env["QUERY_STRING"], env["HTTP_REFERER"])
	}
}

func TestBaseURLFollowsSchemeHostAndMount(t *testing.T) {
	r := request(t, "http://api.test:8080/mnt%20x/y", nil)
	r = pipeline.Rebase(r, "/mnt x", "/y")
	pipeline.FromRequest(r).SetScheme("https")
	if got, want := BaseURL(r), "https://api.test:8080/mnt%20x"; got != want {
		t.Errorf("BaseURL = %q, want %q", got, want)
	}
}

func TestHostWithoutHostHeaderIsTheLocalAddress(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = ""
	if got := Host(r); got != "localhost" {
		t.Errorf("Host = %q, want localhost", got)
	}
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 81}
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
	if got := Host(r); got != "127.0.0.1:81" {
		t.Errorf("Host = %q, want 127.0.0.1:81", got)
	}
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/run/x", Net: "unix"}))
	if got := Host(r); got != "localhost" {
		t.Errorf("Host over a unix socket = %q, want localhost", got)
	}
}
