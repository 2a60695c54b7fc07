package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBuffer takes log lines from several goroutines.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// site is one proxy with what a Build notes.
type site struct {
	start, close []func(context.Context) error
	routines     []func(context.Context)
	warnings     []string
	log          logBuffer
	handler      http.Handler
}

func (s *site) build() *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{
		Logger:  slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Warn:    func(e *paste.Error) { s.warnings = append(s.warnings, e.Option+": "+e.Problem) },
		OnStart: func(hook func(context.Context) error) { s.start = append(s.start, hook) },
		OnClose: func(hook func(context.Context) error) { s.close = append(s.close, hook) },
		Go:      func(run func(context.Context)) { s.routines = append(s.routines, run) },
	})
}

// goRun starts the goroutines, which end with the test.
func (s *site) goRun(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range s.routines {
		wg.Go(func() { run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// run starts what a factory made and puts a server before it. prepare sees
// every request.
func (s *site) run(t *testing.T, h http.Handler, err error, prepare func(*pipeline.Environ)) *httptest.Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	s.handler = h
	for _, hook := range s.start {
		if err := hook(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env, w, r := pipeline.Begin(w, r)
		if prepare != nil {
			prepare(env)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		for _, hook := range s.close {
			if err := hook(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return server
}

func ours(t *testing.T, change func(*Options), prepare func(*pipeline.Environ)) (*httptest.Server, *site) {
	t.Helper()
	o := defaults()
	change(&o)
	s := &site{}
	h, err := New(s.build(), o)
	return s.run(t, h, err, prepare), s
}

// upstreamFunc is a server that is proxied to.
func upstreamFunc(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// seen is an upstream that shows the request that it got.
func seen(t *testing.T) (address string, last func() *http.Request) {
	t.Helper()
	var mu sync.Mutex
	var got *http.Request
	address = upstreamFunc(t, func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = r
	})
	return address, func() *http.Request {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

func do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// rawGet sends a target just as it is written.
func rawGet(t *testing.T, front *httptest.Server, target string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: client.test\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPathAndQueryArriveUnchangedBelowTheBase(t *testing.T) {
	address, last := seen(t)
	tests := []struct{ base, target, want string }{
		{"", "/", "/"},
		{"", "/x/y/", "/x/y/"},
		{"", "/a%2Fb", "/a%2Fb"},
		{"", "/a%2fb%20c?q=%2F", "/a%2fb%20c?q=%2F"},
		{"", "/x?a;b=1&%zz&c", "/x?a;b=1&%zz&c"},
		{"", "/x?", "/x?"},
		{"", "//x//y", "//x//y"},
		{"", "/a/../b/./c", "/a/../b/./c"},
		{"/", "/x", "/x"},
		{"/base", "/", "/base/"},
		{"/base", "/x", "/base/x"},
		{"/base/", "/x", "/base/x"},
		{"/b%2Fc", "/x%2Fy", "/b%2Fc/x%2Fy"},
	}
	for _, tt := range tests {
		front, _ := ours(t, func(o *Options) { o.Address = address + tt.base }, nil)
		rawGet(t, front, tt.target)
		if got := last().RequestURI; got != tt.want {
			t.Errorf("%q behind %q arrived as %q, want %q", tt.target, tt.base, got, tt.want)
		}
	}
}

func TestMountedProxySendsWhatIsLeftOfThePath(t *testing.T) {
	address, last := seen(t)
	tests := []struct{ base, target, mount, want string }{
		{"", "/api", "/api", "/"},
		{"/base", "/api", "/api", "/base"},
		{"/base", "/api/x%2Fy", "/api", "/base/x%2Fy"},
	}
	for _, tt := range tests {
		s := &site{}
		o := defaults()
		o.Address = address + tt.base
		h, err := New(s.build(), o)
		front := s.run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, pipeline.Rebase(r, tt.mount, strings.TrimPrefix(r.URL.Path, tt.mount)))
		}), err, nil)
		do(t, request(t, "GET", front.URL+tt.target, ""))
		if got := last(); got.RequestURI != tt.want || got.Header.Get("X-Forwarded-Prefix") != tt.mount {
			t.Errorf("%s arrived as %s with prefix %q, want %s and %s", tt.target, got.RequestURI, got.Header.Get("X-Forwarded-Prefix"), tt.want, tt.mount)
		}
	}
}

func TestPathsThatLeadOutOfTheRootAreRefused(t *testing.T) {
	address, last := seen(t)
	front, _ := ours(t, func(o *Options) { o.Address = address + "/base/" }, nil)
	for _, target := range []string{"/..", "/../x", "/a/../../x", "/%2e%2e/x", "/a/..%2F../x", "/./../x"} {
		resp, body := rawGet(t, front, target)
		if resp.StatusCode != http.StatusBadRequest || body != "Bad Request: the path leads out of its root\n" {
			t.Errorf("%s: %d %q", target, resp.StatusCode, body)
		}
	}
	if last() != nil {
		t.Errorf("the upstream got %s", last().RequestURI)
	}
}

func TestHopByHopHeadersStayOnTheirHop(t *testing.T) {
	var got http.Header
	address := upstreamFunc(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		for name, value := range map[string]string{"Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=5", "Proxy-Authenticate": "x", "X-End": "1"} {
			w.Header().Set(name, value)
		}
	})
	front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
	r := request(t, "GET", front.URL, "")
	for name, value := range map[string]string{"Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "5", "Proxy-Authorization": "x", "Te": "gzip", "X-End": "1"} {
		r.Header.Set(name, value)
	}
	resp, _ := do(t, r)
	for _, name := range []string{"X-Hop", "Keep-Alive", "Proxy-Authorization", "Te", "Proxy-Authenticate"} {
		if got.Get(name) != "" || resp.Header.Get(name) != "" {
			t.Errorf("%s went on: %q up, %q down", name, got.Get(name), resp.Header.Get(name))
		}
	}
	if got.Get("X-End") != "1" || resp.Header.Get("X-End") != "1" {
		t.Errorf("X-End was lost: %q up, %q down", got.Get("X-End"), resp.Header.Get("X-End"))
	}
	if names := slices.Sorted(headerNames(got)); !slices.Equal(names, []string{"User-Agent", "X-End", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}) {
		t.Errorf("the upstream got %v", names)
	}
}

func headerNames(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range h {
			if !yield(name) {
				return
			}
		}
	}
}

func TestHostIsTheUpstreamsUnlessPreserved(t *testing.T) {
	address, last := seen(t)
	for _, preserve := range []bool{false, true} {
		front, _ := ours(t, func(o *Options) { o.Address, o.PreserveHost = address, preserve }, nil)
		r := request(t, "GET", front.URL, "")
		r.Host = "client.test"
		do(t, r)
		want := strings.TrimPrefix(address, "http://")
		if preserve {
			want = "client.test"
		}
		if got := last().Host; got != want {
			t.Errorf("preserve_host = %v: Host %q, want %q", preserve, got, want)
		}
	}
}

func TestMethodsAreLimited(t *testing.T) {
	address, last := seen(t)
	front, _ := ours(t, func(o *Options) { o.Address, o.AllowedMethods = address, []string{"get", "POST"} }, nil)
	resp, body := do(t, request(t, "PUT", front.URL, ""))
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, POST" || body != "Method Not Allowed\n" || last() != nil {
		t.Errorf("PUT: %d Allow %q %q", resp.StatusCode, resp.Header.Get("Allow"), body)
	}
	for _, method := range []string{"GET", "POST"} {
		if resp, _ := do(t, request(t, method, front.URL, "")); resp.StatusCode != http.StatusOK || last().Method != method {
			t.Errorf("%s: %d", method, resp.StatusCode)
		}
	}
}

func TestConnectIsRefused(t *testing.T) {
	s := &site{}
	o := defaults()
	o.Address = "http://127.0.0.1:1"
	h, err := New(s.build(), o)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodConnect, "http://h:80", nil))
	if w.Code != 501 || w.Body.String() != "Not Implemented: there are no tunnels here\n" {
		t.Errorf("got %d %q", w.Code, w.Body.String())
	}
}

func TestSuppressedHeadersAreNotPassedOn(t *testing.T) {
	address, last := seen(t)
	front, _ := ours(t, func(o *Options) {
		o.Address, o.SuppressHeaders, o.XForwarded = address, []string{"accept-encoding", "X-Secret", "x-forwarded-for"}, appendTo
	}, nil)
	r := request(t, "GET", front.URL, "")
	for _, name := range []string{"Accept-Encoding", "X-Secret", "X-Other", "X-Forwarded-For"} {
		r.Header.Set(name, "1")
	}
	do(t, r)
	h := last().Header
	if h.Get("Accept-Encoding") != "" || h.Get("X-Secret") != "" || h.Get("X-Other") != "1" || h.Get("X-Forwarded-For") != "127.0.0.1" {
		t.Errorf("the upstream got %v", h)
	}
}

func TestAnswerIsPassedBackAsItCame(t *testing.T) {
	address := upstreamFunc(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "not really gzip")
	})
	front, _ := ours(t, func(o *Options) { o.Address = address }, nil)
	resp, body := do(t, request(t, "GET", front.URL, ""))
	if resp.StatusCode != http.StatusTeapot || body != "not really gzip" || resp.ContentLength != 15 ||
		!slices.Equal(resp.Header["Set-Cookie"], []string{"a=1", "b=2"}) || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("got %d %v %q", resp.StatusCode, resp.Header, body)
	}
}

func TestFactoriesAreRegisteredUnderTheirNames(t *testing.T) {
	for _, name := range []string{
		"egg:wheatpaste#proxy", "egg:Paste#proxy", "paste.proxy:make_proxy",
		"egg:Paste#transparent_proxy", "paste.proxy:make_transparent_proxy",
	} {
		if _, ok := paste.DefaultRegistry.Lookup(paste.App, name); !ok {
			t.Errorf("no app %s", name)
		}
	}
}
