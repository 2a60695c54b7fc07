package services_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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

	_ "github.com/wheatpaste/wheatpaste/apps/cinder/versions"
	_ "github.com/wheatpaste/wheatpaste/apps/glance/versions"
	_ "github.com/wheatpaste/wheatpaste/apps/neutron/versions"
	_ "github.com/wheatpaste/wheatpaste/apps/nova/versions"
	_ "github.com/wheatpaste/wheatpaste/apps/urlmap"
	_ "github.com/wheatpaste/wheatpaste/filters/osprofiler"
	_ "github.com/wheatpaste/wheatpaste/filters/services/authurl"
	_ "github.com/wheatpaste/wheatpaste/filters/services/computereqid"
	_ "github.com/wheatpaste/wheatpaste/filters/services/fault"
	_ "github.com/wheatpaste/wheatpaste/filters/services/heatfactory"
	_ "github.com/wheatpaste/wheatpaste/filters/services/imagecontext"
	_ "github.com/wheatpaste/wheatpaste/filters/services/jsonbody"
	"github.com/wheatpaste/wheatpaste/filters/services/keystonecontext"
	_ "github.com/wheatpaste/wheatpaste/filters/services/legacyv2"
	_ "github.com/wheatpaste/wheatpaste/filters/services/negotiation"
	_ "github.com/wheatpaste/wheatpaste/filters/services/noauth"
	_ "github.com/wheatpaste/wheatpaste/filters/services/requestlog"
	_ "github.com/wheatpaste/wheatpaste/filters/services/urlnormalize"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
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
	Fail    bool       `json:"fail,omitempty"`
}

// probe is the app of testdata/original.py.
func probe(w http.ResponseWriter, r *http.Request) {
	s := spec{Status: "200"}
	if text := r.Header.Get("X-Probe"); text != "" {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			panic(err)
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

// shown are the headers that the app tells of.
var shown = []string{"X-Auth-Url", "Openstack-Api-Version", "X-Openstack-Nova-Api-Version", "X-Auth-Key",
	"X-Project-Id", "X-User-Id", "X-Roles", "X-Identity-Status"}

func environText(r *http.Request) string {
	env := pipeline.FromRequest(r)
	quoted := func(path string) string { return (&url.URL{Path: path}).EscapedPath() }
	lines := []string{"path=" + quoted(env.ScriptName()) + "|" + quoted(r.URL.Path)}
	for _, name := range shown {
		if values, ok := r.Header[name]; ok {
			lines = append(lines, "HTTP_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+strings.Join(values, ","))
		}
	}
	return strings.Join(append(lines, contextText(env)), "\n")
}

func contextText(env *pipeline.Environ) string {
	c, ok := keystonecontext.Current.Get(env)
	if !ok {
		return "no context"
	}
	admin := "False"
	if c.Admin {
		admin = "True"
	}
	id := env.Identity()
	return fmt.Sprintf("user=%s project=%s roles=%s admin=%s remote=%s", id.UserID, id.ProjectID, strings.Join(id.Roles, ","), admin, c.RemoteAddr)
}

// request is one of a test case, as the oracle reads it.
type request struct {
	Method  string     `json:"method"`
	Path    string     `json:"path"`
	Headers [][]string `json:"headers"`
	Body    string     `json:"body,omitempty"`
}

// answer is what both give.
type answer struct {
	Status  int        `json:"status"`
	Headers [][]string `json:"headers"`
	Body    string     `json:"body"`
	Error   string     `json:"error,omitempty"`
}

// conformance is one paste file, without its app, and what is asked of it.
type conformance struct {
	name     string
	project  string // whose original it is
	ini      string
	requests []request
}

func (c conformance) text() string {
	return c.ini + "\n[app:app]\npaste.app_factory = oracle:app_factory\n"
}

// TestSameAsTheServices gives the same paste files and requests to the
// services' own code and to ours, and wants the same status, headers and body.
func TestSameAsTheServices(t *testing.T) {
	needOracle(t)
	want := askOracle(t, cases)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(pipelinetest.Load(t, c.text()))
			t.Cleanup(server.Close)
			server.Client().Transport.(*http.Transport).DisableCompression = true
			for j, req := range c.requests {
				if want[i][j].Error != "" {
					t.Errorf("%v: the original fails: %s", req, want[i][j].Error)
					continue
				}
				got, expected := comparison(send(t, server, req)), comparison(want[i][j])
				if req.Method == http.MethodHead {
					expected.body = "" // of which a server sends nothing
				}
				expected.intended(&got)
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
	if testing.Short() {
		t.Skip("not with -short: it starts the Python originals")
	}
	out, err := exec.Command(python, "-c", "import nova.conf, cinder, neutron, glance, heat, manila, barbican, osprofiler, keystone, paste.deploy").CombinedOutput()
	if err == nil {
		return
	}
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatalf("python3-nova, -cinder, -neutron, -glance, -heat, -manila, -barbican, -keystone and -osprofiler are needed: %v\n%s", err, out)
	}
	t.Skip("the Python packages of OpenStack's services are not installed")
}

func askOracle(t *testing.T, cases []conformance) [][]answer {
	t.Helper()
	dir := t.TempDir()
	type job struct {
		Project  string    `json:"project"`
		Ini      string    `json:"ini"`
		Requests []request `json:"requests"`
	}
	jobs := make([]job, len(cases))
	for i, c := range cases {
		jobs[i] = job{c.project, filepath.Join(dir, fmt.Sprintf("%d.ini", i)), c.requests}
		if err := os.WriteFile(jobs[i].Ini, []byte(c.text()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/original.py")
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

// intended takes out of two answers what differs on purpose: our contexts know
// the client's address in all services; net/http sends no length with a 204; the
// pages of WebOb that have a template of their own have other white space; a
// panic has no class of Python.
func (n *normal) intended(got *normal) {
	if strings.HasSuffix(n.body, " remote=") && got.body != "" {
		got.body, _, _ = strings.Cut(got.body, "remote=")
		got.body += "remote="
	}
	n.body = strings.Replace(n.body, `"type": "RuntimeError"`, `"type": "Exception"`, 1)
	switch n.status {
	case http.StatusInternalServerError:
		delete(n.header, "content-length")
		delete(got.header, "content-length")
	case http.StatusNoContent:
		delete(n.header, "content-length")
	case http.StatusFound, http.StatusMethodNotAllowed:
		for _, a := range []*normal{n, got} {
			a.body = strings.Join(strings.Fields(a.body), " ")
			delete(a.header, "content-length")
		}
	}
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
