package oslo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/healthcheck"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/basicauth"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/catcherrors"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/correlationid"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/cors"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/httpproxytowsgi"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/requestid"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/sizelimit"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/ssl"
	_ "github.com/wheatpaste/wheatpaste/filters/oslo/stats"
	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// python has the originals.
const python = "/usr/bin/python3"

func init() {
	paste.RegisterApp("oracle:app_factory", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(probe), nil
	})
}

// spec is what the header X-Probe tells the app to do.
type spec struct {
	Status  string     `json:"status,omitempty"`
	Headers [][]string `json:"headers,omitempty"`
	Body    string     `json:"body,omitempty"`
	Show    bool       `json:"show,omitempty"`
	Read    any        `json:"read,omitempty"` // "all" or the size of the parts
	Fail    bool       `json:"fail,omitempty"`
}

// probe is the app of testdata/oracle.py.
func probe(w http.ResponseWriter, r *http.Request) {
	s := spec{Status: "200"}
	if text := r.Header.Get("X-Probe"); text != "" {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			panic(err)
		}
	}
	if s.Read != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest) // as Go's handlers do
			return
		}
	}
	if s.Fail {
		panic("no luck")
	}
	body := s.Body
	if s.Show {
		body = environText(r)
	}
	for _, h := range s.Headers {
		w.Header().Add(h[0], h[1])
	}
	if body != "" {
		w.Header().Set("Content-Type", "text/x-probe")
	}
	status := 0
	fmt.Sscan(s.Status, &status)
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func environText(r *http.Request) string {
	env := pipeline.FromRequest(r)
	quoted := func(path string) string { return (&url.URL{Path: path}).EscapedPath() }
	return strings.Join([]string{
		"scheme=" + env.Scheme(),
		"host=" + r.Host,
		"client=" + env.ClientAddr(),
		"path=" + quoted(env.ScriptName()) + "|" + quoted(r.URL.Path),
		"request_id=" + env.RequestID(),
		"global_id=" + env.GlobalRequestID(),
		"correlation=" + r.Header.Get("X-Correlation-Id"),
		"user=" + r.Header.Get("X-User") + "|" + r.Header.Get("X-User-Name") + "|" + r.Header.Get("Authorization"),
	}, "\n")
}

// request is one of a test case, as the oracle reads it.
type request struct {
	Method  string     `json:"method"`
	Path    string     `json:"path"`
	Headers [][]string `json:"headers"`
	Body    string     `json:"body,omitempty"`
	Chunked bool       `json:"chunked,omitempty"`
}

// answer is what both give.
type answer struct {
	Status  int        `json:"status"`
	Headers [][]string `json:"headers"`
	Body    string     `json:"body"`
	Error   string     `json:"error,omitempty"`
	Stats   []string   `json:"stats,omitempty"` // of the original
}

// conformance is one paste file, without its app, and what is asked of it.
type conformance struct {
	name     string
	ini      string
	requests []request
}

// confMark stands in a case's paste file before the text of a conf file: that of
// the process, or the one that CONF stands for.
const confMark = "-- conf --\n"

// write writes the files, and gives the name of the process's conf file, "" for
// none.
func (c conformance) write(t *testing.T, ini string) (conf string) {
	t.Helper()
	path := strings.TrimSuffix(ini, ".ini") + ".conf"
	text, options, _ := strings.Cut(c.ini, confMark)
	named := strings.Contains(text, "CONF")
	text = strings.ReplaceAll(text, "CONF", path) + "\n[app:app]\npaste.app_factory = oracle:app_factory\n"
	for name, text := range map[string]string{ini: text, path: options} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if options == "" || named {
		return ""
	}
	return path
}

// load loads the paste file as a process with that conf file does.
func (c conformance) load(t *testing.T) *pipeline.App {
	t.Helper()
	ini := filepath.Join(t.TempDir(), "ours.ini")
	conf := c.write(t, ini)
	loader := &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}
	if conf != "" {
		process, err := osloconf.Load([]string{conf}, nil)
		if err != nil {
			t.Fatal(err)
		}
		loader.Conf = osloconf.NewLookup(new(snapshot.Files), process).Open
	}
	app, err := loader.LoadApp(paste.FileURI(ini))
	if err == nil {
		err = app.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close(context.Background()) })
	return app
}

// TestSameAsOsloMiddleware gives the same paste files and requests to
// oslo.middleware and to ours, and wants the same status, headers and body.
func TestSameAsOsloMiddleware(t *testing.T) {
	needOracle(t)
	cases := slices.Concat(cases, confCases(), authCases(t))
	want := askOracle(t, cases)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.load(t))
			t.Cleanup(server.Close)
			server.Client().Transport.(*http.Transport).DisableCompression = true
			for j, req := range c.requests {
				if want[i][j].Error != "" {
					t.Errorf("%v: the original fails: %s", req, want[i][j].Error)
					continue
				}
				got, expected := comparison(send(t, server, req)), comparison(want[i][j])
				if _, ok := expected.header["content-length"]; !ok {
					delete(got.header, "content-length") // then it is the server's
				}
				if !reflect.DeepEqual(got, expected) {
					t.Errorf("%s %s %v\n got %+v\nwant %+v", req.Method, req.Path, req.Headers, got, expected)
				}
			}
		})
	}
}

func needOracle(t *testing.T) {
	t.Helper()
	out, err := exec.Command(python, "-c", "import oslo_middleware, paste.deploy, bcrypt, statsd").CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatalf("python3-oslo.middleware, python3-pastedeploy, python3-bcrypt and python3-statsd are needed: %v\n%s", err, out)
	}
	t.Skip("python3-oslo.middleware, python3-pastedeploy, python3-bcrypt or python3-statsd is not installed")
}

func askOracle(t *testing.T, cases []conformance) [][]answer {
	t.Helper()
	dir := t.TempDir()
	type job struct {
		Ini      string    `json:"ini"`
		Conf     string    `json:"conf"`
		Requests []request `json:"requests"`
	}
	jobs := make([]job, len(cases))
	for i, c := range cases {
		ini := filepath.Join(dir, fmt.Sprintf("%d.ini", i))
		jobs[i] = job{ini, c.write(t, ini), c.requests}
	}
	in, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/oracle.py")
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle: %v\n%s", err, stderr.String())
	}
	var answers [][]answer
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatalf("oracle: %v\n%s", err, out)
	}
	return answers
}

// send asks our server, over the wire.
func send(t *testing.T, server *httptest.Server, req request) answer {
	t.Helper()
	var body io.Reader
	if req.Body != "" {
		body = strings.NewReader(req.Body)
	}
	if req.Chunked {
		body = io.MultiReader(body) // of which net/http does not know the length
	}
	r, err := http.NewRequest(req.Method, server.URL+req.Path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"User-Agent": nil}
	for _, h := range req.Headers {
		if h[0] == "Host" {
			r.Host = h[1]
			continue
		}
		r.Header[h[0]] = append(r.Header[h[0]], h[1])
	}
	resp, err := server.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: resp.StatusCode, Body: string(text)}
	for name, values := range resp.Header {
		for _, v := range values {
			a.Headers = append(a.Headers, []string{name, v})
		}
	}
	return a
}

// normal is an answer without what differs between two servers.
type normal struct {
	status int
	header map[string][]string
	body   string
}

var randomID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

func comparison(a answer) normal {
	n := normal{a.Status, map[string][]string{}, randomID.ReplaceAllString(a.Body, "RANDOM")}
	for _, h := range a.Headers {
		name := strings.ToLower(h[0])
		if !slices.Contains([]string{"date", "connection", "server"}, name) {
			n.header[name] = append(n.header[name], randomID.ReplaceAllString(h[1], "RANDOM"))
		}
	}
	return n
}
