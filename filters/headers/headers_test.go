package headers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const use = "use = egg:wheatpaste#headers\n"

// lines writes headers one after the other, sorted.
func lines(h http.Header, skip ...string) string {
	var out []string
	for name, values := range h {
		if !slices.Contains(skip, name) {
			out = append(out, name+": "+strings.Join(values, " | "))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func TestRequestHeaders(t *testing.T) {
	sent := http.Header{"X-A": {"1", "2"}, "X-Internal-Role": {"admin"}, "X-Internal-User": {"root"}, "Accept": {"*/*"}}
	tests := []struct{ lines, want string }{
		{"request_set X-A = 3", "Accept: */*\nX-A: 3\nX-Internal-Role: admin\nX-Internal-User: root"},
		{"request_add x-a = 3", "Accept: */*\nX-A: 1 | 2 | 3\nX-Internal-Role: admin\nX-Internal-User: root"},
		{"request_remove = x-internal-* accept", "X-A: 1 | 2"},
		{"request_remove = X-Internal-*\nrequest_set X-Internal-User = nobody\nrequest_add X-Internal-User = else", "Accept: */*\nX-A: 1 | 2\nX-Internal-User: nobody | else"},
		{"request_set X-A = ${client} ${scheme} ${host} ${method} ${path} ${query} $$ $x", "Accept: */*\nX-A: 192.0.2.1 http in.test GET /p q=1 $ $x\nX-Internal-Role: admin\nX-Internal-User: root"},
		{"request_set X-A = <${header:Accept}>", "Accept: */*\nX-A: <*/*>\nX-Internal-Role: admin\nX-Internal-User: root"},
	}
	for _, tt := range tests {
		t.Run(tt.lines, func(t *testing.T) {
			r := httptest.NewRequest("GET", "http://in.test/p?q=1", nil)
			r.Header = sent.Clone()
			var got string
			filtertest.Load(t, use+tt.lines, func(_ http.ResponseWriter, r *http.Request) { got = lines(r.Header) }).Do(r)
			if got != tt.want {
				t.Errorf("the application sees\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestAnswerHeaders(t *testing.T) {
	apps := map[string]http.HandlerFunc{
		"writes":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") },
		"status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"flushes": func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush() },
		"silent":  func(http.ResponseWriter, *http.Request) {},
		"early":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(200) },
	}
	tests := []struct{ lines, want string }{
		{"response_set Server = w", "Link: a\nServer: w\nX-Powered-By: py"},
		{"response_default Server = w\nresponse_default X-New = n", "Link: a\nServer: app\nX-New: n\nX-Powered-By: py"},
		{"response_add Link = b", "Link: a | b\nServer: app\nX-Powered-By: py"},
		{"response_remove = Server X-Pow*", "Link: a"},
		{"response_remove = Server\nresponse_add Server = w", "Link: a\nServer: w\nX-Powered-By: py"},
	}
	for name, app := range apps {
		for _, tt := range tests {
			t.Run(name+" "+tt.lines, func(t *testing.T) {
				s := filtertest.Load(t, use+tt.lines, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Server", "app")
					w.Header().Set("X-Powered-By", "py")
					w.Header().Set("Link", "a")
					app(w, r)
				})
				server := httptest.NewServer(s)
				defer server.Close()
				resp, err := http.Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if got := lines(resp.Header, "Date", "Content-Length", "Content-Type"); got != tt.want {
					t.Errorf("the client sees\n%s\nwant\n%s", got, tt.want)
				}
			})
		}
	}
}

// TestNoInjection: what a client sends cannot end a header and begin another.
func TestNoInjection(t *testing.T) {
	s := filtertest.Load(t, use+"response_set X-Path = at ${path}\nrequest_set X-Path = ${path}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Path"])
	})
	for path, want := range map[string]string{
		"/a%20b": "[at /a b] [/a b]", "/a%0d%0aSet-Cookie:x": "[] []", "/a%0a": "[] []", "/%00": "[] []", "/%7f": "[] []",
	} {
		rec := s.Do(httptest.NewRequest("GET", path, nil))
		if got := fmt.Sprint(rec.Header()["X-Path"]) + " " + rec.Body.String(); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestIdentityInAValue(t *testing.T) {
	h, err := parseValue("x", "${user_id}/${user_name}/${project_id}/${project_name}/${request_id}/${global_request_id}")
	if err != nil {
		t.Fatal(err)
	}
	env, _, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	env.SetIdentity(pipeline.Identity{UserID: "u", UserName: "un", ProjectID: "p", ProjectName: "pn"})
	env.SetRequestID("r")
	env.SetGlobalRequestID("g")
	if got, ok := h.text(env, r); got != "u/un/p/pn/r/g" || !ok {
		t.Errorf("text = %q, %v", got, ok)
	}
}

func TestOptions(t *testing.T) {
	const wantKnown = "want " + known + "; $$ is a dollar sign"
	for lines, want := range map[string]string{
		"request_set A B = x":                   `paste.ini:3:19: [filter:f] request_set A B: invalid header name "A B", want letters, digits and dashes`,
		"request_set Host = x":                  "paste.ini:3:20: [filter:f] request_set Host: Host cannot be changed here, want preserve_host of the proxy or filter-app prefix",
		"response_set content-length = 5":       "paste.ini:3:31: [filter:f] response_set content-length: Content-Length cannot be changed here, it belongs to the connection",
		"response_remove = Connection":          "paste.ini:3:19: [filter:f] response_remove: Connection cannot be changed here, it belongs to the connection",
		"request_remove = *":                    `paste.ini:3:18: [filter:f] request_remove: invalid header name "", want letters, digits and dashes`,
		"response_set X-A = ${nobody}":          `paste.ini:3:20: [filter:f] response_set X-A: unknown placeholder "${nobody}", ` + wantKnown,
		"response_set X-A = ${client":           `paste.ini:3:20: [filter:f] response_set X-A: unknown placeholder "${client}", ` + wantKnown,
		"response_set X-A = a\n  Set-Cookie: b": `paste.ini:3:20: [filter:f] response_set X-A: invalid value "a\nSet-Cookie: b", want one line of printable characters`,
		"":                                      ": it has no options, so that it does nothing",
	} {
		if got := filtertest.Problem(t, use+lines); got != want {
			t.Errorf("%s: %s\nwant %s", lines, got, want)
		}
	}
	filtertest.Example(t, "egg:wheatpaste#headers")
}

func TestPrefixesSpareTheConnection(t *testing.T) {
	h := http.Header{"Connection": {"x"}, "Content-Length": {"1"}, "Content-Type": {"t"}, "Cookie": {"c"}}
	remove(h, []pattern{{"Co", true}})
	if got := lines(h); got != "Connection: x\nContent-Length: 1" {
		t.Errorf("left:\n%s", got)
	}
}

func FuzzValue(f *testing.F) {
	f.Add("${path} ${header:X}", "/a\r\nb", "x\ny")
	f.Add("$${", "", "")
	f.Fuzz(func(t *testing.T, text, path, header string) {
		v, err := parseValue("x", text)
		if err != nil {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		r.Header["X"] = []string{header}
		if got, ok := v.text(pipeline.FromRequest(r), r); ok && strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("%q makes %q", text, got)
		}
	})
}

func BenchmarkHeaders(b *testing.B) {
	static := func(name string) []header { return []header{{name, value{static: []string{"v"}}}} }
	r := httptest.NewRequest("GET", "/", nil)
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	for name, f := range map[string]*filter{
		"request":  {requestSet: static("X-A"), requestRemove: []pattern{{"X-B", false}}},
		"defaults": {defaults: static("X-A")},
		"answer":   {responseSet: static("X-A"), responseRemove: []pattern{{"Server", false}}},
	} {
		b.Run(name, func(b *testing.B) { filtertest.Bench(b, f.wrap(next), r) })
	}
}
