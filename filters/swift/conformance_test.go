package swift_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// python has the originals.
const python = "/usr/bin/python3"

// about is what the app says about an account or a container.
type about struct {
	Status  string     `json:"status"`
	Headers [][]string `json:"headers"`
}

type appOptions struct {
	Account   string `paste:"account"`
	Container string `paste:"container"`
}

func init() {
	paste.RegisterApp("oracle:app_factory", appOptions{}, func(_ *paste.Build, o appOptions) (http.Handler, error) {
		p := probe{}
		for segments, text := range map[int]string{2: o.Account, 3: o.Container} {
			a := about{Status: "404 Not Found"}
			if text != "" {
				if err := json.Unmarshal([]byte(text), &a); err != nil {
					return nil, err
				}
			}
			p[segments] = a
		}
		return p, nil
	})
}

// spec is what the header X-Probe tells the app to do.
type spec struct {
	Status   string     `json:"status,omitempty"`
	Headers  [][]string `json:"headers,omitempty"`
	Body     string     `json:"body,omitempty"`
	Show     bool       `json:"show,omitempty"`
	Read     bool       `json:"read,omitempty"`
	Fail     bool       `json:"fail,omitempty"`
	Relative bool       `json:"relative,omitempty"`
	Measure  bool       `json:"measure,omitempty"`
}

// probe is the app of testdata/oracle.py, by the number of slashes in paths.
type probe map[int]about

func status(text string) int {
	n := 200
	fmt.Sscan(text, &n)
	return n
}

func (p probe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == "HEAD" && r.UserAgent() == "Swift" {
		a := p[strings.Count(r.URL.Path, "/")]
		for _, h := range a.Headers {
			w.Header().Add(h[0], h[1])
		}
		w.WriteHeader(status(a.Status))
		return
	}
	var s spec
	if text := r.Header.Get("X-Probe"); text != "" {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			panic(err)
		}
	}
	if s.Relative {
		environ.LeaveRelativeLocation.Set(pipeline.FromRequest(r), true)
	}
	if s.Read {
		io.Copy(io.Discard, r.Body)
	}
	if s.Fail {
		panic("no luck")
	}
	if s.Show {
		s.Body = show(r)
	}
	for _, h := range s.Headers {
		w.Header().Add(h[0], h[1])
	}
	if s.Body != "" && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/x-probe")
	}
	if s.Measure && w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", fmt.Sprint(len(s.Body)))
	}
	w.WriteHeader(status(s.Status))
	io.WriteString(w, s.Body)
}

func show(r *http.Request) string {
	env := pipeline.FromRequest(r)
	owner, _ := environ.Owner.Get(env)
	lines := []string{
		"method=" + r.Method, "host=" + r.Host,
		"path=" + swob.Quote(env.ScriptName()) + "|" + swob.Quote(r.URL.Path),
		"query=" + r.URL.RawQuery, fmt.Sprint("owner=", owner),
	}
	if user, ok := environ.RemoteUser.Get(env); ok && r.Header.Get("X-Identity-Status") == "" {
		lines = append(lines, "user="+user)
	}
	var headers []string
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-") && lower != "x-probe" {
			headers = append(headers, lower+"="+strings.Join(values, ","))
		}
	}
	sort.Slice(headers, func(i, j int) bool { // by name, as the keys of WSGI sort
		a, _, _ := strings.Cut(headers[i], "=")
		b, _, _ := strings.Cut(headers[j], "=")
		return strings.ReplaceAll(a, "-", "_") < strings.ReplaceAll(b, "-", "_")
	})
	return strings.Join(append(lines, headers...), "\n")
}

// request is one of a test case. {TOKEN} in a header is the last X-Auth-Token
// that the same server gave.
type request struct {
	method, path string
	headers      [][2]string
	body         string
}

// answer is what both give.
type answer struct {
	status int
	header map[string][]string
	body   string
}

// conformance is one paste file without its app, and what is asked of it.
type conformance struct {
	name     string
	filters  string // sections; the pipeline is made of them in their order
	app      string // options of the app
	requests []request
	shared   bool // both use one memcached
}

var section = regexp.MustCompile(`(?m)^\[filter:(.*)\]`)

func (c conformance) ini(memcached string) string {
	var names []string
	for _, m := range section.FindAllStringSubmatch(c.filters, -1) {
		names = append(names, m[1])
	}
	text := "[pipeline:main]\npipeline = " + strings.Join(names, " ") + " app\n" + c.filters +
		"\n[app:app]\npaste.app_factory = oracle:app_factory\n" + c.app
	return strings.ReplaceAll(text, "{MEMCACHED}", memcached)
}

// TestSameAsSwift gives the same paste files and requests to Swift's filters
// and to ours, over HTTP, and wants the same status, headers and body.
func TestSameAsSwift(t *testing.T) {
	needSwift(t)
	cases := cases()
	mine, theirs := make([]string, len(cases)), make([]string, len(cases))
	one, two := startMemcached(t), startMemcached(t)
	for i, c := range cases {
		mine[i], theirs[i] = c.ini(one), c.ini(two)
		if c.shared {
			theirs[i] = c.ini(one)
		}
	}
	ports := startOracle(t, theirs)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) { compare(t, c, mine[i], ports[i]) })
	}
}

func compare(t *testing.T, c conformance, ini string, port any) {
	number, ok := port.(float64)
	if !ok {
		t.Fatalf("the original does not load: %v", port)
	}
	loader := &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}
	app, err := pipelinetest.TryWith(t, loader, ini)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(app)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	defer server.Close()
	var tokens [2]string
	for _, q := range c.requests {
		want := send(t, fmt.Sprintf("127.0.0.1:%.0f", number), q, &tokens[0])
		got := send(t, server.Listener.Addr().String(), q, &tokens[1])
		if _, ok := want.header["Content-Length"]; !ok {
			delete(got.header, "Content-Length") // then it is the server's
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s %v\n got %+v\nwant %+v", q.method, q.path, q.headers, got, want)
		}
	}
}

// send asks a server over a connection of its own.
func send(t *testing.T, addr string, q request, token *string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nConnection: close\r\n", q.method, q.path)
	if !slices.ContainsFunc(q.headers, func(h [2]string) bool { return h[0] == "Host" }) {
		b.WriteString("Host: storage.test\r\n")
	}
	if q.body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.body))
	}
	for _, h := range q.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], strings.ReplaceAll(h[1], "{TOKEN}", *token))
	}
	b.WriteString("\r\n" + q.body)
	if _, err := io.WriteString(conn, b.String()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: q.method})
	if err != nil {
		t.Fatalf("%s %s: %v", q.method, q.path, err)
	}
	body, err := io.ReadAll(resp.Body)
	a := answer{resp.StatusCode, resp.Header, string(body)}
	if err != nil {
		a.body += " " + err.Error()
	}
	if v := resp.Header.Get("X-Auth-Token"); v != "" {
		*token = v
	}
	return normal(a)
}

var (
	transID = regexp.MustCompile(`tx[0-9a-f]{21}-[0-9a-f]{10}`)
	tokenID = regexp.MustCompile(`tk[0-9a-f]{32}`)
)

// normal is an answer without what differs between two servers, or between two
// requests: dates, ids, the seconds a token has left.
func normal(a answer) answer {
	for _, name := range []string{"Date", "Connection", "Server", "Transfer-Encoding"} {
		delete(a.header, name)
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		delete(a.header, "Content-Length") // net/http sends none with these
	}
	for name, values := range a.header {
		for i, v := range values {
			v = tokenID.ReplaceAllString(transID.ReplaceAllString(v, "TRANS-ID"), "TOKEN")
			if name == "X-Auth-Token-Expires" && len(v) == 5 && strings.HasPrefix(v, "86") {
				v = "86xxx"
			}
			values[i] = v
		}
	}
	a.body = tokenID.ReplaceAllString(transID.ReplaceAllString(a.body, "TRANS-ID"), "TOKEN")
	return a
}

func needSwift(t *testing.T) {
	t.Helper()
	out, err := exec.Command(python, "-W", "ignore", "-c", "import swift.common.middleware.tempauth, paste.deploy, dns").CombinedOutput()
	if err == nil {
		_, err = exec.LookPath("memcached")
	}
	if err == nil {
		return
	}
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatalf("python3-swift, python3-dnspython and memcached are needed: %v\n%s", err, out)
	}
	t.Skip("python3-swift or memcached is not installed")
}

// startOracle serves paste files with the originals, on one port each.
func startOracle(t *testing.T, inis []string) []any {
	t.Helper()
	dir := t.TempDir()
	args := []string{"-W", "ignore", "testdata/oracle.py"}
	for i, text := range inis {
		name := filepath.Join(dir, fmt.Sprintf("%d.ini", i))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	cmd := exec.Command(python, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
		if t.Failed() {
			t.Logf("oracle: %.4000s", stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	var ports []any
	if err != nil || json.Unmarshal([]byte(line), &ports) != nil || len(ports) != len(inis) {
		t.Fatalf("oracle: %v %q\n%s", err, line, stderr.String())
	}
	return ports
}

// startMemcached starts the real server and gives its address.
func startMemcached(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("memcached", "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "16", "-u", "root")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(5 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
