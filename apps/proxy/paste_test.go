package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/original"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func pasteProxy(t *testing.T, o PasteOptions) (*httptest.Server, *site) {
	t.Helper()
	s := &site{}
	h, err := NewPaste(s.build(), o)
	return s.run(t, h, err, func(env *pipeline.Environ) { env.SetClientAddr("10.0.0.9") }), s
}

func TestEP06PathIsReadRelativeToTheAddress(t *testing.T) {
	tests := []struct{ base, path, want string }{
		{"", "", "/"},
		{"", "/x/y", "/x/y"},
		{"", "/a%2Fb", "/a%2Fb"},
		{"/", "/x", "/x"},
		{"/base", "/", "/base"},
		{"/base", "/x/y", "/x/y"}, // the surprise: base is lost
		{"/base/", "/", "/base/"},
		{"/base/", "/x/y", "/base/x/y"},
		{"/a/b", "/x", "/a/x"},
		{"/a/b/", "/x%2Fy", "/a/b/x%2Fy"},
		{"/base/", "//x", "/base//x"}, // the original leaves the base here
		{"/base/", "/x/../y", "/base/x/../y"},
	}
	address, last := seen(t)
	for _, tt := range tests {
		front, _ := pasteProxy(t, PasteOptions{Address: address + tt.base})
		if tt.path == "" {
			tt.path = "/"
		}
		rawGet(t, front, tt.path+"?q=1")
		if got := last().RequestURI; got != tt.want+"?q=1" {
			t.Errorf("%s behind %q arrived as %s, want %s", tt.path, tt.base, got, tt.want)
		}
	}
}

func TestEP06AddressIsNoWayOut(t *testing.T) {
	address, last := seen(t)
	front, _ := pasteProxy(t, PasteOptions{Address: address + "/base/"})
	if resp, _ := rawGet(t, front, "/../secret"); resp.StatusCode != http.StatusBadRequest || last() != nil {
		t.Errorf("got %d, want 400", resp.StatusCode)
	}
}

func TestEP06RefusedMethodIsA400(t *testing.T) {
	address, last := seen(t)
	front, _ := pasteProxy(t, PasteOptions{Address: address, AllowedMethods: []string{"GET", "post"}})
	resp, body := do(t, request(t, "PUT", front.URL, ""))
	if resp.StatusCode != http.StatusBadRequest || body != "Disallowed\n" || last() != nil {
		t.Errorf("PUT: %d %q", resp.StatusCode, body)
	}
	if resp, _ := do(t, request(t, "POST", front.URL, "")); resp.StatusCode != http.StatusOK || last().Method != http.MethodPost {
		t.Errorf("POST: %d", resp.StatusCode)
	}
}

func TestEP06Headers(t *testing.T) {
	address, last := seen(t)
	front, _ := pasteProxy(t, PasteOptions{Address: address, SuppressHeaders: []string{"accept-encoding", "x-gone"}})
	r := request(t, "GET", front.URL, "")
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Accept-Encoding", "X-Gone", "X-Kept"} {
		r.Header.Set(name, "sent")
	}
	do(t, r)
	want := map[string]string{
		"X-Forwarded-For": "10.0.0.9", "X-Forwarded-Host": "sent", "Forwarded": "sent", "Accept-Encoding": "", "X-Gone": "", "X-Kept": "sent",
		"X-Forwarded-Proto": "", "X-Forwarded-Prefix": "",
	}
	for name, value := range want {
		if got := last().Header.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
	if got := "http://" + last().Host; got != address {
		t.Errorf("Host of %s, want %s", got, address)
	}
}

func TestEP06OptionsAndWarnings(t *testing.T) {
	tests := []struct{ address, err, warning string }{
		{"http://h/base/", "", ""},
		{"http://h", "", ""},
		{"http://h/base", "", "address: the last part of /base is replaced by the path of the request, end it with a slash to keep it"},
		{"http://h/?x=1", "", "address: the query x=1 is not used"},
		{"ftp://h/", `address: invalid URL "ftp://h/", want http://host[:port][/base] or https://...`, ""},
		{"h:80", `address: invalid URL "h:80", want http://host[:port][/base] or https://...`, ""},
		{"unix:/run/x", `address: invalid URL "unix:/run/x", want http://host[:port][/base] or https://...`, ""},
	}
	for _, tt := range tests {
		s := &site{}
		_, err := NewPaste(s.build(), PasteOptions{Address: tt.address})
		if text := errorText(err); text != tt.err {
			t.Errorf("%s: error %q, want %q", tt.address, text, tt.err)
		}
		if got := strings.Join(s.warnings, "\n"); got != tt.warning {
			t.Errorf("%s: warning %q, want %q", tt.address, got, tt.warning)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func transparentProxy(t *testing.T, o TransparentOptions, script string) (*httptest.Server, *site) {
	t.Helper()
	s := &site{}
	h, err := NewTransparent(s.build(), o)
	return s.run(t, h, err, func(env *pipeline.Environ) {
		env.SetClientAddr("10.0.0.9")
		env.SetScriptName(script)
	}), s
}

func TestEP07GoesToTheHostOfTheRequest(t *testing.T) {
	address, last := seen(t)
	front, _ := transparentProxy(t, TransparentOptions{ForceScheme: "http"}, "/m t")
	r := request(t, "GET", front.URL+"/x%2Fy?q", "")
	r.Host = strings.TrimPrefix(address, "http://")
	do(t, r)
	if got := last(); got.RequestURI != "/m%20t/x%2Fy?q" || got.Host != r.Host || got.Header.Get("X-Forwarded-For") != "10.0.0.9" {
		t.Errorf("arrived as %s at %s with %v", got.RequestURI, got.Host, got.Header)
	}
	r.Header.Set("X-Forwarded-For", "8.8.8.8")
	r.Header.Set("X-Forwarded-Proto", "https")
	do(t, r)
	if h := last().Header; h.Get("X-Forwarded-For") != "8.8.8.8" || h.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("headers %v, want them as they were sent", h)
	}
}

func TestEP07ForceHostKeepsTheHostHeader(t *testing.T) {
	address, last := seen(t)
	front, s := transparentProxy(t, TransparentOptions{ForceHost: strings.TrimPrefix(address, "http://"), ForceScheme: "http"}, "")
	r := request(t, "GET", front.URL+"/x", "")
	r.Host = "client.test"
	do(t, r)
	if got := last(); got.RequestURI != "/x" || got.Host != "client.test" || len(s.warnings) != 0 {
		t.Errorf("arrived as %s at %s, warnings %v", got.RequestURI, got.Host, s.warnings)
	}
}

func TestEP07ALoopIsFound(t *testing.T) {
	front, s := transparentProxy(t, TransparentOptions{ForceScheme: "http"}, "")
	resp, body := do(t, request(t, "GET", front.URL+"/x", ""))
	if resp.StatusCode != http.StatusLoopDetected || body != "Loop Detected: the request names the proxy itself as its host\n" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if want := "force_host: not given, so every client can reach every host that this machine reaches"; strings.Join(s.warnings, "") != want {
		t.Errorf("warnings %q, want %q", s.warnings, want)
	}
}

func TestEP07BadOptionsAreNamed(t *testing.T) {
	tests := []struct {
		o    TransparentOptions
		want string
	}{
		{TransparentOptions{ForceScheme: "ftp"}, `force_scheme: invalid scheme "ftp", want http or https`},
		{TransparentOptions{ForceScheme: "http", ForceHost: "h/x"}, `force_host: invalid host "h/x", want host or host:port`},
		{TransparentOptions{ForceScheme: "http", ForceHost: "http://h"}, `force_host: invalid host "http://h", want host or host:port`},
		{TransparentOptions{ForceScheme: "http", ForceHost: ":80"}, `force_host: invalid host ":80", want host or host:port`},
	}
	for _, tt := range tests {
		if _, err := NewTransparent(new(site).build(), tt.o); errorText(err) != tt.want {
			t.Errorf("NewTransparent(%+v) = %v, want %s", tt.o, err, tt.want)
		}
	}
}

func TestEP07WithoutAHostIsA400(t *testing.T) {
	h, err := NewTransparent(new(site).build(), TransparentOptions{ForceScheme: "http"})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = ""
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 400 || w.Body.String() != "Bad Request: a Host header is needed\n" {
		t.Errorf("got %d %q", w.Code, w.Body.String())
	}
}

// TestRequestsEqualThoseOfPaste compares what arrives at an upstream with what
// Debian's python3-paste sends there.
func TestRequestsEqualThoseOfPaste(t *testing.T) {
	address := upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Answer", "1")
		fmt.Fprintf(w, "%s %s at %s", r.Method, r.RequestURI, r.Host)
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Kept", "X-Gone"} {
			fmt.Fprintf(w, ", %s: %q", name, r.Header[name])
		}
	})
	headers := map[string]string{"Host": "client.test", "X-Forwarded-For": "8.8.8.8", "X-Forwarded-Host": "h", "Forwarded": "for=x", "X-Kept": "1", "X-Gone": "1"}
	var cases []original.Case
	for _, base := range []string{"", "/", "/base", "/base/", "/a/b", "/a/b/", "/a%20b/", "/a/b/?x=1"} {
		options := map[string]string{"address": address + base, "allowed_request_methods": "GET post", "suppress_http_headers": "x-gone"}
		for _, path := range []string{"/", "/x", "/x/y", "/x/", "/x y", "/x?y"} {
			cases = append(cases, original.Case{Options: options, Method: "GET", Script: "/mnt", Path: path, Query: "q=1&b", Headers: headers})
		}
		for _, method := range []string{"POST", "PUT", "HEAD"} {
			cases = append(cases, original.Case{Options: options, Method: method, Path: "/x", Headers: headers})
		}
	}
	forced := map[string]string{"force_host": strings.TrimPrefix(address, "http://")}
	for _, path := range []string{"/", "/x", "/x y"} {
		cases = append(cases, original.Case{Options: forced, Method: "GET", Script: "/m t", Path: path, Query: "q=1", Headers: headers})
	}
	for i, want := range original.Ask(t, "testdata/original.py", "paste.proxy", cases) {
		got := askOurs(t, cases[i])
		if got.Status != want.Status || got.Header["X-Answer"] != want.Header["X-Answer"] || want.Status == 200 && got.Body != want.Body {
			t.Errorf("%+v\n got %d %s\nwant %d %s", cases[i], got.Status, got.Body, want.Status, want.Body)
		}
	}
}

func askOurs(t *testing.T, c original.Case) original.Answer {
	t.Helper()
	s := &site{}
	var h http.Handler
	var err error
	if host, ok := c.Options["force_host"]; ok {
		h, err = NewTransparent(s.build(), TransparentOptions{ForceHost: host, ForceScheme: "http"})
	} else {
		h, err = NewPaste(s.build(), PasteOptions{
			Address: c.Options["address"], AllowedMethods: strings.Fields(c.Options["allowed_request_methods"]),
			SuppressHeaders: strings.Fields(c.Options["suppress_http_headers"]),
		})
	}
	front := s.run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pipeline.FromRequest(r).SetClientAddr("10.0.0.9")
		r = pipeline.Rebase(r, c.Script, c.Path)
		r.URL.RawQuery = c.Query
		h.ServeHTTP(w, r)
	}), err, nil)
	r := request(t, c.Method, front.URL+"/", "")
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	r.Host = c.Headers["Host"]
	resp, err := front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return original.Answer{Status: resp.StatusCode, Header: map[string]string{"X-Answer": resp.Header.Get("X-Answer")}, Body: string(body)}
}
