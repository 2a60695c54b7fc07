package proxy

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Host+" "+r.RequestURI)
	})}}
	s.Start()
	defer s.Close()
	for _, tt := range []struct{ address, want string }{
		{"unix:" + path, "localhost /x%2Fy?z"},
		{"unix:" + path + ":/base/", "localhost /base/x%2Fy?z"},
	} {
		front, _ := ours(t, func(o *Options) { o.Address = tt.address }, nil)
		if resp, body := do(t, request(t, "GET", front.URL+"/x%2Fy?z", "")); resp.StatusCode != http.StatusOK || body != tt.want {
			t.Errorf("%s: %d %q, want %q", tt.address, resp.StatusCode, body, tt.want)
		}
	}
}

func TestUpstreamOverTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // it would name the refused handshake
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*Options)
		status int
	}{
		{"unknown certificate", func(*Options) {}, 502},
		{"ca_file", func(o *Options) { o.CAFile = ca }, 200},
		{"insecure", func(o *Options) { o.Insecure = true }, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			front, site := ours(t, func(o *Options) { o.Address = s.URL; tt.change(o) }, nil)
			resp, body := do(t, request(t, "GET", front.URL, ""))
			if resp.StatusCode != tt.status || tt.status == 200 && body != "HTTP/2.0" {
				t.Errorf("got %d %q, want %d", resp.StatusCode, body, tt.status)
			}
			if tt.status == 502 && !strings.Contains(site.log.String(), "certificate signed by unknown authority") {
				t.Errorf("log %q", site.log.String())
			}
		})
	}
}

func TestCertificateFilesAreReadAtTheStart(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.CAFile = empty + "x" }, "ca_file: open " + empty + "x: no such file or directory"},
		{func(o *Options) { o.CAFile = empty }, `ca_file: no certificate in "` + empty + `", want PEM`},
		{func(o *Options) { o.CertFile, o.KeyFile = empty, empty }, "cert_file: tls: failed to find any PEM data in certificate input"},
	}
	for _, tt := range tests {
		o := defaults()
		o.Address = "https://127.0.0.1:1"
		tt.change(&o)
		s := &site{}
		if _, err := New(s.build(), o); err != nil {
			t.Fatal(err)
		}
		if err := s.start[0](t.Context()); err == nil || err.Error() != tt.want {
			t.Errorf("start = %v, want %s", err, tt.want)
		}
	}
}

// closedPort gives an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestUnreachableUpstreamIsA502WithTheRequestID(t *testing.T) {
	address := closedPort(t)
	front, s := ours(t, func(o *Options) { o.Address = "http://" + address }, func(env *pipeline.Environ) { env.SetRequestID("req-7") })
	const message = "the upstream server could not be reached or did not answer as HTTP has it"
	resp, body := do(t, request(t, "GET", front.URL+"/x?token=s3cret", ""))
	if want := "Bad Gateway: " + message + "\nrequest id: req-7\n"; resp.StatusCode != http.StatusBadGateway || body != want {
		t.Errorf("got %d %q, want 502 %q", resp.StatusCode, body, want)
	}
	text := s.log.String()
	if !containsAll(text, "level=WARN", `msg="`+message+`"`, "status=502", "upstream=http://"+address, "method=GET", "path=/x ", "request_id=req-7", "connection refused") {
		t.Errorf("log %q", text)
	}
	if strings.Contains(text, "s3cret") {
		t.Errorf("the log shows the query: %q", text)
	}
	r := request(t, "GET", front.URL, "")
	r.Header.Set("Accept", "application/json")
	resp, body = do(t, r)
	want := `{"error":{"code":502,"title":"Bad Gateway","message":"` + message + `","request_id":"req-7"}}` + "\n"
	if resp.StatusCode != http.StatusBadGateway || resp.Header.Get("Content-Type") != "application/json" || body != want {
		t.Errorf("got %d %s %s, want %s", resp.StatusCode, resp.Header.Get("Content-Type"), body, want)
	}
}

func TestSlowUpstreamIsA504(t *testing.T) {
	release := make(chan struct{})
	address := upstreamFunc(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	front, _ := ours(t, func(o *Options) { o.Address, o.ResponseTimeout = address, 20*time.Millisecond }, nil)
	resp, body := do(t, request(t, "GET", front.URL, ""))
	if resp.StatusCode != http.StatusGatewayTimeout || body != "Gateway Timeout: the upstream server did not answer in time\n" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

func TestErrorsAreClassified(t *testing.T) {
	timeout := &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	left, leave := context.WithCancel(t.Context())
	leave()
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want int
	}{
		{"refused", t.Context(), errors.New("connection refused"), 502},
		{"dial timeout", t.Context(), timeout, 504},
		{"deadline of a filter", t.Context(), context.DeadlineExceeded, 504},
		{"client left", left, context.Canceled, 499},
		{"client left while dialing", left, timeout, 499},
		{"body over a limit", t.Context(), &http.MaxBytesError{Limit: 1}, 413},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil).WithContext(tt.ctx)
		if got, _ := classify(r, tt.err); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestABodyOverTheLimitOfAFilterIsA413(t *testing.T) {
	address := upstreamFunc(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	s := &site{}
	o := defaults()
	o.Address = address
	h, err := New(s.build(), o)
	front := s.run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 10)
		h.ServeHTTP(w, r)
	}), err, nil)
	r := request(t, "POST", front.URL, strings.Repeat("x", 100))
	r.ContentLength = -1
	if resp, body := do(t, r); resp.StatusCode != http.StatusRequestEntityTooLarge || body != "Request Entity Too Large: the request body is too large\n" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	const want = "want http://host[:port][/base] or https://... or unix:/path"
	tests := []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Address = "127.0.0.1:80" }, `address: invalid URL "127.0.0.1:80", ` + want},
		{func(o *Options) { o.Address = "" }, `address: invalid URL "", ` + want},
		{func(o *Options) { o.Address = "ftp://h/" }, `address: invalid URL "ftp://h/", ` + want},
		{func(o *Options) { o.Address = "http:///x" }, `address: invalid URL "http:///x", ` + want},
		{func(o *Options) { o.Address = "http://:80" }, `address: invalid URL "http://:80", ` + want},
		{func(o *Options) { o.Address = "http://u:s3cret@h/" }, "address: a user cannot be given here, " + want},
		{func(o *Options) { o.Address = "http://u:s3%cret@h/" }, "address: a user cannot be given here, " + want},
		{func(o *Options) { o.Address = "http://h/?x=1" }, `address: query and fragment of "http://h/?x=1" would be lost, ` + want},
		{func(o *Options) { o.Address = "http://h/#x" }, `address: query and fragment of "http://h/#x" would be lost, ` + want},
		{func(o *Options) { o.Address = "unix:run/x" }, `address: invalid socket "unix:run/x", want unix:/path or unix:/path:/base`},
		{func(o *Options) { o.Address = "unix:/run/x:base" }, `address: invalid socket "unix:/run/x:base", want unix:/path or unix:/path:/base`},
		{func(o *Options) { o.KeepAlive = -1 }, "keepalive_connections: invalid number -1, want 0 or more"},
		{func(o *Options) { o.MaxConnections = -2 }, "max_connections: invalid number -2, want 0 or more"},
		{func(o *Options) { o.CertFile = "/x" }, "cert_file: given without key_file, want both"},
		{func(o *Options) { o.KeyFile = "/x" }, "key_file: given without cert_file, want both"},
	}
	for _, tt := range tests {
		o := defaults()
		o.Address = "https://h/"
		tt.change(&o)
		if _, err := New(new(site).build(), o); err == nil || err.Error() != tt.want {
			t.Errorf("New = %v, want %s", err, tt.want)
		}
	}
}

func TestCertificatesWithoutTLSAreAWarning(t *testing.T) {
	o := defaults()
	o.Address, o.CAFile, o.CertFile, o.KeyFile, o.Insecure = "http://h", "/a", "/b", "/c", true
	s := &site{}
	if _, err := New(s.build(), o); err != nil {
		t.Fatal(err)
	}
	want := "ca_file: only an address with https:// uses it\ncert_file: only an address with https:// uses it\ninsecure: only an address with https:// uses it"
	if got := strings.Join(s.warnings, "\n"); got != want {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestUnusedConnectionsAreClosedAtTheEnd(t *testing.T) {
	closed := make(chan struct{})
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	up.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	up.Start()
	defer up.Close()
	front, s := ours(t, func(o *Options) { o.Address = up.URL }, nil)
	for range 2 { // the second goes over the connection of the first
		do(t, request(t, "GET", front.URL, ""))
	}
	for _, hook := range s.close {
		if err := hook(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	<-closed
}
