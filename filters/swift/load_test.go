package swift_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// lines is a log that may be written and read at once.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// memcachedAt starts the real server at an address and gives what kills it.
func memcachedAt(t *testing.T, addr string) func() {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("memcached", "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "16", "-u", "root")
	if err := cmd.Start(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal(err)
		}
		t.Skip("memcached is not installed")
	}
	stop := sync.OnceFunc(func() { cmd.Process.Kill(); cmd.Wait() })
	t.Cleanup(stop)
	until(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return stop
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it takes too long")
		}
	}
}

// TestLimitsFailOpenWhileTheCacheIsDown kills and restarts memcached under
// load: with it the limit of one write in 1000 seconds holds, without it every
// request passes, soon, and that is said once for each time.
func TestLimitsFailOpenWhileTheCacheIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	kill := memcachedAt(t, addr)
	var log lines
	loader := &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	app, err := pipelinetest.TryWith(t, loader, conformance{
		filters: filter("memcache", "memcache_servers = "+addr+"\nerror_suppression_interval = 0.2\nerror_suppression_limit = 3") +
			filter("ratelimit", "account_ratelimit = 0.001\nmax_sleep_time_seconds = 1"),
		app: says(head("204 No Content"), head("204 No Content")),
	}.ini(""))
	if err != nil {
		t.Fatal(err)
	}
	var limited, passed, other, worst atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for ctx.Err() == nil {
				began, rec := time.Now(), httptest.NewRecorder()
				app.ServeHTTP(rec, httptest.NewRequest("PUT", "/v1/a/c", nil))
				switch rec.Code {
				case 498:
					limited.Add(1)
				case 200:
					passed.Add(1)
				default:
					other.Add(1)
				}
				worst.Store(max(worst.Load(), int64(time.Since(began))))
			}
		})
	}
	more := func(n *atomic.Int64) {
		from := n.Load()
		until(t, func() bool { return n.Load() > from+50 })
	}
	for range 3 {
		more(&limited)
		kill()
		more(&passed)
		kill = memcachedAt(t, addr)
	}
	more(&limited)
	cancel()
	wg.Wait()
	if n := other.Load(); n > 0 {
		t.Errorf("%d other answers than 200 and 498", n)
	}
	if took := time.Duration(worst.Load()); took > 10*time.Second { // account info, its storing and the limit: three operations
		t.Errorf("the longest request took %v", took)
	}
	said := strings.Count(log.String(), "no limits are held while no cache answers")
	if said < 3 || said > 12 || int64(said) > passed.Load()/10 {
		t.Errorf("said %d times for 3 failures and %d requests", said, passed.Load())
	}
}

// TestClientThatLeftIsLoggedAs499 cuts the connection in the middle of an
// answer, and in the middle of a request.
func TestClientThatLeftIsLoggedAs499(t *testing.T) {
	var log lines
	app, err := pipelinetest.TryWith(t, &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(&log, nil))},
		strings.Replace(conformance{filters: filter("proxy_logging", "log_msg_template = <{method} {status_int} {wire_status_int}>")}.ini(""), "oracle:app_factory", "oracle:slow", 1))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	defer server.Close()
	for _, text := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, text)
		if strings.HasPrefix(text, "GET") {
			io.ReadFull(conn, make([]byte, 200))
		}
		conn.Close()
	}
	until(t, func() bool { return strings.Count(log.String(), "msg=") >= 2 })
	for _, want := range []string{"<GET 499 200>", "<PUT 499 200>"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log %s\nwant %s", &log, want)
		}
	}
}

// slow reads all of a request, or writes until the client is gone.
func slow(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
		return
	}
	for r.Context().Err() == nil {
		if _, err := w.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
}

// TestForgedPrivateHeadersDoNotPass sends them in every spelling that a WSGI
// server behind would take for the private name.
func TestForgedPrivateHeadersDoNotPass(t *testing.T) {
	app := pipelinetest.Load(t, conformance{filters: filter("gatekeeper", "")}.ini(""))
	for _, name := range []string{"X_Backend_Foo", "x-BACKEND_foo", "X_Account-Sysmeta_A", "X-Object_transient_sysmeta-b", "X-Container_Root-Db_State"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header[name] = []string{"forged"}
		r.Header.Set("X-Probe", `{"show":true}`)
		rec := httptest.NewRecorder()
		app.ServeHTTP(rec, r)
		if strings.Contains(rec.Body.String(), "forged") {
			t.Errorf("%s passed:\n%s", name, rec.Body)
		}
	}
}

// TestCopiesLinksAndManifestsAreAuthorizedOnBothSides asks as the owner of one
// account for what another one holds.
func TestCopiesLinksAndManifestsAreAuthorizedOnBothSides(t *testing.T) {
	app := pipelinetest.Load(t, conformance{filters: filter("keystoneauth", ""), app: says(head("204 No Content"), head("204 No Content"))}.ini(""))
	tests := []struct {
		method, path string
		headers      []string
		status       int
	}{
		{"PUT", "/v1/AUTH_p1/c/o", nil, 200},
		{"PUT", "/v1/AUTH_p1/c/o", []string{"X-Copy-From", "/c/x"}, 200},
		{"PUT", "/v1/AUTH_p1/c/o", []string{"X-Copy-From", "/c/x", "X-Copy-From-Account", "AUTH_p2"}, 403},
		{"PUT", "/v1/AUTH_p1/c/o", []string{"X-Copy-From", "/c/x", "X-Copy-From-Account", "AUTH%5Fp2"}, 403},
		{"COPY", "/v1/AUTH_p1/c/o", []string{"Destination", "c/x"}, 200},
		{"COPY", "/v1/AUTH_p1/c/o", []string{"Destination", "c/x", "Destination-Account", "AUTH_p2"}, 403},
		{"COPY", "/v1/AUTH_p2/c/o", []string{"Destination", "c/x", "Destination-Account", "AUTH_p1"}, 403},
		{"PUT", "/v1/AUTH_p1/c/o", []string{"X-Symlink-Target", "c/x", "X-Symlink-Target-Account", "AUTH_p2"}, 403},
		{"PUT", "/v1/AUTH_p1/c/o", []string{"X-Object-Manifest", "c/x"}, 200},
		{"POST", "/v1/AUTH_p1?bulk-delete", nil, 200},
		{"POST", "/v1/AUTH_p2?bulk-delete", nil, 403},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		for i := 0; i < len(tt.headers); i += 2 {
			r.Header.Set(tt.headers[i], tt.headers[i+1])
		}
		for name, value := range map[string]string{"X-Identity-Status": "Confirmed", "X-Project-Id": "p1", "X-User-Id": "u", "X-Roles": "admin"} {
			r.Header.Set(name, value)
		}
		rec := httptest.NewRecorder()
		app.ServeHTTP(rec, r)
		if rec.Code != tt.status {
			t.Errorf("%s %s %v = %d, want %d", tt.method, tt.path, tt.headers, rec.Code, tt.status)
		}
	}
}

func TestTooLongBodyIsCutAndTooShortOneLogged(t *testing.T) {
	var log lines
	app, err := pipelinetest.TryWith(t, &pipeline.Loader{Logger: slog.New(slog.NewTextHandler(&log, nil))}, conformance{filters: filter("catch_errors", "")}.ini(""))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	defer server.Close()
	var token string
	if a := send(t, server.Listener.Addr().String(), ask("GET", "/", sends("200 OK", "hello", "Content-Length: 3")), &token); a.body != "hel" {
		t.Errorf("too long: %q, want hel", a.body)
	}
	if a := send(t, server.Listener.Addr().String(), ask("GET", "/", sends("200 OK", "hello", "Content-Length: 9")), &token); a.body != "hello unexpected EOF" {
		t.Errorf("too short: %q, want hello and a cut", a.body)
	}
	until(t, func() bool { return strings.Count(log.String(), "not as long as its Content-Length") == 2 })
}
