package static

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/apps/internal/original"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// changed is when all files of the tests were changed.
var changed = time.Unix(1700000000, 250000000)

const (
	changedEtag = `"1700000000.25-11"`
	changedHTTP = "Tue, 14 Nov 2023 22:13:20 GMT"
)

// folder makes the files of the tests, and one beside them that is not to be
// served, and gives the path of the folder.
func folder(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	root := filepath.Join(base, "root")
	for _, dir := range []string{"root/sub/deep", "rootx", "root/idx/index.html"} {
		if err := os.MkdirAll(filepath.Join(base, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"root/a.txt": "hello world", "root/index.html": "<p>top", "root/sub/index.html": "<p>sub", "root/.dot": "dot",
		"root/noext": "none", "root/b.tar.gz": "not really", "root/empty.txt": "", "root/sp ace.css": "css", "root/caf\u00e9.txt": "coffee",
		"root/...": "dots", "rootx/secret": "secret", "root/x.svgz": "svg", "root/y.Z": "z", "root/it's.txt": "its",
	} {
		path := filepath.Join(base, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func load(t *testing.T, o Options) http.Handler {
	t.Helper()
	if o.Symlinks == "" {
		o.Symlinks = linksInside
	}
	h, err := New(build(nil, io.Discard), o)
	if err != nil {
		t.Fatal(err)
	}
	h.(*files).now = func() time.Time { return time.Unix(1800000000, 0) }
	return h
}

func build(started *[]func(context.Context) error, log io.Writer) *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{
		Logger: slog.New(slog.NewTextHandler(log, nil)),
		OnStart: func(hook func(context.Context) error) {
			if started != nil {
				*started = append(*started, hook)
			}
		},
	})
}

func ask(t *testing.T, h http.Handler, c original.Case) original.Answer {
	t.Helper()
	r := httptest.NewRequest(c.Method, "http://files.test:8080/", nil)
	r.URL.Path, r.URL.RawQuery = c.Path, c.Query
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, r)
	env.SetScriptName(c.Script)
	h.ServeHTTP(w, r)
	got := original.Answer{Status: rec.Code, Header: map[string]string{}, Body: rec.Body.String()}
	for name := range rec.Header() {
		got.Header[name] = rec.Header().Get(name)
	}
	return got
}

func get(path string, header ...string) original.Case {
	c := original.Case{Method: "GET", Path: path, Headers: map[string]string{}}
	for i := 0; i < len(header); i += 2 {
		c.Headers[header[i]] = header[i+1]
	}
	return c
}

func TestSTA03PathsAreWalkedSegmentBySegment(t *testing.T) {
	h := load(t, Options{DocumentRoot: folder(t)})
	tests := []struct {
		path   string
		status int
		want   string // the body, or the Location
	}{
		{"/a.txt", 200, "hello world"},
		{"//a.txt", 200, "hello world"},
		{"/./a.txt", 200, "hello world"},
		{"/sub/../a.txt", 200, "hello world"},
		{"/sub/deep/../../a.txt", 200, "hello world"},
		{"/a.txt/", 200, "hello world"},
		{"/.dot", 200, "dot"},
		{"/...", 200, "dots"},
		{"/sp ace.css", 200, "css"},
		{"/caf\u00e9.txt", 200, "coffee"},
		{"/", 200, "<p>top"},
		{"//", 200, "<p>top"},
		{"/sub/", 200, "<p>sub"},
		{"/sub//", 200, "<p>sub"},
		{"/sub/index.html", 200, "<p>sub"},
		{"", 301, "http://files.test:8080/"},
		{"/sub", 301, "http://files.test:8080/sub/"},
		{"/sub/deep", 301, "http://files.test:8080/sub/deep/"},
		{"/sub/..", 301, "http://files.test:8080/sub/../"},
		{"/sub/.", 301, "http://files.test:8080/sub/./"},
		{"/sub/deep/", 404, "Not Found\n"},
		{"/idx/", 404, "Not Found\n"},
		{"/nope", 404, "Not Found\n"},
		{"/nope/../a.txt", 404, "Not Found\n"},
		{"/a.txt/x", 404, "The trailing path '/x' is not allowed\n"},
		{"/a.txt//", 404, "The trailing path '//' is not allowed\n"},
		{"/a.txt/../a.txt", 404, "The trailing path '/../a.txt' is not allowed\n"},
		{"/it's.txt/'", 404, "The trailing path \"/'\" is not allowed\n"},
		{"/..", 404, "Not Found\n"},
		{"/../root/a.txt", 404, "Not Found\n"},
		{"/../rootx/secret", 404, "Not Found\n"},
		{"/sub/../../rootx/secret", 404, "Not Found\n"},
		{"/a.txt\x00", 404, "Not Found\n"},
		{"/%2e%2e/rootx/secret", 404, "Not Found\n"},
		{"/" + strings.Repeat("sub/../", 1000) + "a.txt", 404, "Not Found\n"},
	}
	for _, tt := range tests {
		got := ask(t, h, get(tt.path))
		text := got.Body
		if tt.status == 301 {
			text = got.Header["Location"]
		}
		if got.Status != tt.status || text != tt.want {
			t.Errorf("%q: %d %q, want %d %q", tt.path, got.Status, text, tt.status, tt.want)
		}
	}
}

func TestSTA02RedirectKeepsMountQueryAndScheme(t *testing.T) {
	h := load(t, Options{DocumentRoot: folder(t)})
	got := ask(t, h, original.Case{Method: "GET", Script: "/st atic", Path: "/sub", Query: "a=%20&b"})
	if want := "http://files.test:8080/st%20atic/sub/?a=%20&b"; got.Status != 301 || got.Header["Location"] != want {
		t.Errorf("got %d %q, want 301 %q", got.Status, got.Header["Location"], want)
	}
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, httptest.NewRequest(http.MethodGet, "http://h/sub", nil))
	env.SetScheme("https")
	h.ServeHTTP(w, r)
	if want := "https://h/sub/"; rec.Header().Get("Location") != want {
		t.Errorf("Location %q, want %q", rec.Header().Get("Location"), want)
	}
	if got := ask(t, h, original.Case{Method: "GET", Path: "//evil.test/.."}); got.Status != 404 {
		t.Errorf("a path that looks like a host: %d %v", got.Status, got.Header)
	}
}

func TestSTA04OnlyGetAndHead(t *testing.T) {
	h := load(t, Options{DocumentRoot: folder(t)})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		got := ask(t, h, original.Case{Method: method, Path: "/a.txt"})
		if got.Status != 405 || got.Header["Allow"] != "GET,HEAD" || got.Body != "Method Not Allowed\n" {
			t.Errorf("%s: %d Allow %q %q", method, got.Status, got.Header["Allow"], got.Body)
		}
		if got := ask(t, h, original.Case{Method: method, Path: "/nope"}); got.Status != 404 {
			t.Errorf("%s of no file: %d, want 404", method, got.Status)
		}
	}
	got := ask(t, h, original.Case{Method: "HEAD", Path: "/a.txt"})
	if got.Status != 200 || got.Header["Content-Length"] != "11" || got.Body != "" {
		t.Errorf("HEAD: %d %v %q", got.Status, got.Header, got.Body)
	}
}

func wantHeader(t *testing.T, got original.Answer, want map[string]string) {
	t.Helper()
	for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Length", "Last-Modified", "Etag", "Accept-Ranges", "Content-Range", "Cache-Control", "Expires"} {
		if got.Header[name] != want[name] {
			t.Errorf("%s = %q, want %q", name, got.Header[name], want[name])
		}
	}
}

func TestSTA05HeadersOfAFile(t *testing.T) {
	h := load(t, Options{DocumentRoot: folder(t)})
	wantHeader(t, ask(t, h, get("/a.txt")), map[string]string{
		"Content-Type": "text/plain", "Content-Length": "11", "Last-Modified": changedHTTP, "Etag": changedEtag,
		"Accept-Ranges": "bytes", "Content-Range": "bytes 0-10/11",
	})
	wantHeader(t, ask(t, h, get("/b.tar.gz")), map[string]string{
		"Content-Type": "application/x-tar", "Content-Encoding": "gzip", "Content-Length": "10", "Last-Modified": changedHTTP,
		"Etag": `"1700000000.25-10"`, "Accept-Ranges": "bytes", "Content-Range": "bytes 0-9/10",
	})
	wantHeader(t, ask(t, h, get("/empty.txt")), map[string]string{
		"Content-Type": "text/plain", "Content-Length": "0", "Last-Modified": changedHTTP,
		"Etag": `"1700000000.25-0"`, "Accept-Ranges": "bytes",
	})
}

func TestSTA05TypesByExtension(t *testing.T) {
	tests := []struct{ name, contentType, encoding string }{
		{"a.txt", "text/plain", ""},
		{"A.HTML", "text/html", ""},
		{"a.js", "text/javascript", ""},
		{"a.tar.gz", "application/x-tar", "gzip"},
		{"a.tgz", "application/x-tar", "gzip"},
		{"a.TGZ", "application/x-tar", "gzip"},
		{"a.txt.gz", "text/plain", "gzip"},
		{"a.svgz", "image/svg+xml", "gzip"},
		{"a.Z", "application/octet-stream", "compress"},
		{"a.html.bz2", "text/html", "bzip2"},
		{"a.css.br", "text/css", "br"},
		{"noext", "application/octet-stream", ""},
		{".html", "application/octet-stream", ""},
		{"..html", "application/octet-stream", ""},
		{"dir.css/file", "application/octet-stream", ""},
		{"a.no-such-extension", "application/octet-stream", ""},
	}
	for _, tt := range tests {
		if ct, enc := guessType(tt.name); ct != tt.contentType || enc != tt.encoding {
			t.Errorf("guessType(%q) = %q, %q, want %q, %q", tt.name, ct, enc, tt.contentType, tt.encoding)
		}
	}
}

func TestSTA06CacheMaxAge(t *testing.T) {
	h := load(t, Options{DocumentRoot: folder(t), CacheMaxAge: 60})
	for _, c := range []original.Case{get("/a.txt"), get("/a.txt", "Range", "bytes=0-1"), get("/a.txt", "If-None-Match", "*")} {
		got := ask(t, h, c)
		if got.Header["Cache-Control"] != "public, max-age=60" || got.Header["Expires"] != "Fri, 15 Jan 2027 08:01:00 GMT" {
			t.Errorf("%d: Cache-Control %q, Expires %q", got.Status, got.Header["Cache-Control"], got.Header["Expires"])
		}
	}
	for _, c := range []original.Case{get("/nope"), get("/sub"), get("/a.txt", "Range", "bytes=99-"), get("/a.txt", "If-Match", `"x"`)} {
		got := ask(t, h, c)
		if got.Header["Cache-Control"] != "" || got.Header["Expires"] != "" {
			t.Errorf("%d is to be cached: %v", got.Status, got.Header)
		}
	}
}

func TestSTA07Conditions(t *testing.T) {
	h := load(t, Options{DocumentRoot: folder(t)})
	tests := []struct {
		header []string
		status int
	}{
		{[]string{"If-None-Match", changedEtag}, 304},
		{[]string{"If-None-Match", `"x", ` + changedEtag}, 304},
		{[]string{"If-None-Match", "W/" + changedEtag}, 304},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-None-Match", `"x"`}, 200},
		{[]string{"If-None-Match", `"x"`, "If-Modified-Since", changedHTTP}, 200},
		{[]string{"If-Modified-Since", changedHTTP}, 304},
		{[]string{"If-Modified-Since", "Tue, 14 Nov 2023 22:13:19 GMT"}, 200},
		{[]string{"If-Modified-Since", "yesterday"}, 200},
		{[]string{"If-Match", changedEtag}, 200},
		{[]string{"If-Match", `"x"`}, 412},
		{[]string{"If-Unmodified-Since", "Tue, 14 Nov 2023 22:13:19 GMT"}, 412},
	}
	for _, tt := range tests {
		got := ask(t, h, get("/a.txt", tt.header...))
		if got.Status != tt.status {
			t.Errorf("%v: %d, want %d", tt.header, got.Status, tt.status)
		}
		if got.Status == 304 {
			wantHeader(t, got, map[string]string{"Etag": changedEtag, "Accept-Ranges": "bytes"})
		}
		if got.Status == 412 && got.Header["Content-Length"] != "" {
			t.Errorf("%v: 412 with the length of the file", tt.header)
		}
	}
}

func TestSTA08Ranges(t *testing.T) {
	h := load(t, Options{DocumentRoot: folder(t)})
	tests := []struct {
		name, path string
		header     []string
		status     int
		body       string
		rang       string
	}{
		{"first", "/a.txt", []string{"Range", "bytes=0-3"}, 206, "hell", "bytes 0-3/11"},
		{"open", "/a.txt", []string{"Range", "bytes=6-"}, 206, "world", "bytes 6-10/11"},
		{"suffix, a defect of the original", "/a.txt", []string{"Range", "bytes=-3"}, 206, "rld", "bytes 8-10/11"},
		{"one byte", "/a.txt", []string{"Range", "bytes=0-0"}, 206, "h", "bytes 0-0/11"},
		{"end behind the file", "/a.txt", []string{"Range", "bytes=6-99"}, 206, "world", "bytes 6-10/11"},
		{"behind the file", "/a.txt", []string{"Range", "bytes=11-"}, 416, "invalid range: failed to overlap\n", "bytes */11"},
		{"backwards", "/a.txt", []string{"Range", "bytes=3-1"}, 416, "invalid range\n", ""},
		{"another unit", "/a.txt", []string{"Range", "lines=1-2"}, 200, "hello world", "bytes 0-10/11"},
		{"no unit", "/a.txt", []string{"Range", "garbage"}, 200, "hello world", "bytes 0-10/11"},
		{"If-Range holds", "/a.txt", []string{"Range", "bytes=0-3", "If-Range", changedEtag}, 206, "hell", "bytes 0-3/11"},
		{"If-Range holds by date", "/a.txt", []string{"Range", "bytes=0-3", "If-Range", changedHTTP}, 206, "hell", "bytes 0-3/11"},
		{"If-Range fails", "/a.txt", []string{"Range", "bytes=0-3", "If-Range", `"x"`}, 200, "hello world", "bytes 0-10/11"},
		{"If-Range is strong", "/a.txt", []string{"Range", "bytes=0-3", "If-Range", "W/" + changedEtag}, 200, "hello world", "bytes 0-10/11"},
		{"empty file", "/empty.txt", []string{"Range", "bytes=0-"}, 200, "", ""},
		{"compressed", "/b.tar.gz", []string{"Range", "bytes=0-2"}, 206, "not", "bytes 0-2/10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ask(t, h, get(tt.path, tt.header...))
			if got.Status != tt.status || got.Body != tt.body || got.Header["Content-Range"] != tt.rang {
				t.Errorf("got %d %q %q, want %d %q %q", got.Status, got.Body, got.Header["Content-Range"], tt.status, tt.body, tt.rang)
			}
		})
	}
	got := ask(t, h, get("/a.txt", "Range", "bytes=0-1,9-"))
	if got.Status != 206 || !strings.HasPrefix(got.Header["Content-Type"], "multipart/byteranges; boundary=") || got.Header["Content-Range"] != "" {
		t.Errorf("two ranges: %d %v", got.Status, got.Header)
	}
	for _, part := range []string{"Content-Range: bytes 0-1/11\r\nContent-Type: text/plain\r\n\r\nhe\r\n", "Content-Range: bytes 9-10/11\r\nContent-Type: text/plain\r\n\r\nld\r\n"} {
		if !strings.Contains(got.Body, part) {
			t.Errorf("two ranges: the body lacks %q: %q", part, got.Body)
		}
	}
}

func TestLinksOutOfTheFolder(t *testing.T) {
	root := folder(t)
	outside := filepath.Join(filepath.Dir(root), "rootx")
	for name, target := range map[string]string{
		"out": outside, "relout": "../rootx", "in": "sub", "file": filepath.Join(outside, "secret"), "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	tests := []struct {
		path        string
		inside, all int
	}{
		{"/in/index.html", 200, 200},
		{"/in", 301, 301},
		{"/out/secret", 404, 200},
		{"/relout/secret", 404, 200},
		{"/file", 404, 200},
		{"/loop", 404, 404},
		{"/out/../../rootx/secret", 404, 404},
		{"/../rootx/secret", 404, 404},
	}
	inside, all := load(t, Options{DocumentRoot: root}), load(t, Options{DocumentRoot: root, Symlinks: linksAll})
	for _, tt := range tests {
		if got := ask(t, inside, get(tt.path)); got.Status != tt.inside {
			t.Errorf("inside: %s: %d, want %d", tt.path, got.Status, tt.inside)
		}
		if got := ask(t, all, get(tt.path)); got.Status != tt.all {
			t.Errorf("all: %s: %d, want %d", tt.path, got.Status, tt.all)
		}
	}
}

// denied is a folder of files that must not be read.
type denied struct{ linkTree }

func (denied) Open(string) (*os.File, error) { return nil, fs.ErrPermission }

func TestAFileThatMustNotBeReadIsForbidden(t *testing.T) {
	f := load(t, Options{DocumentRoot: folder(t)}).(*files)
	w := httptest.NewRecorder()
	f.serve(w, httptest.NewRequest(http.MethodGet, "/a.txt", nil), denied{linkTree(f.DocumentRoot)}, "a.txt")
	if w.Code != 403 || w.Body.String() != "Forbidden\n" {
		t.Errorf("got %d %q, want 403 Forbidden", w.Code, w.Body.String())
	}
}

func TestSTA01MissingFolderIsAWarningAndMayComeLate(t *testing.T) {
	root := filepath.Join(t.TempDir(), "late")
	var log bytes.Buffer
	var started []func(context.Context) error
	h, err := New(build(&started, &log), Options{DocumentRoot: root, Symlinks: linksInside})
	if err != nil {
		t.Fatal(err)
	}
	for _, hook := range started {
		if err := hook(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if want := `msg="document_root is no folder, all requests get 404 until it is" document_root=` + root; !strings.Contains(log.String(), want) {
		t.Errorf("log %q, want %q", log.String(), want)
	}
	if got := ask(t, h, get("/a.txt")); got.Status != 404 {
		t.Errorf("without the folder: %d, want 404", got.Status)
	}
	if err := os.Rename(folder(t), root); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, h, get("/a.txt")); got.Status != 200 {
		t.Errorf("with the folder: %d, want 200", got.Status)
	}
}

func TestSTA01RelativeRootStartsAtTheWorkingDirectory(t *testing.T) {
	root := folder(t)
	t.Chdir(filepath.Dir(root))
	if got := ask(t, load(t, Options{DocumentRoot: "root"}), get("/a.txt")); got.Status != 200 {
		t.Errorf("got %d, want 200", got.Status)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Symlinks: linksInside}, "document_root: empty, want a folder such as %(here)s/htdocs"},
		{Options{DocumentRoot: "/x", CacheMaxAge: -1, Symlinks: linksInside}, "cache_max_age: invalid age -1, want 0 or more seconds"},
		{Options{DocumentRoot: "/x", Symlinks: "some"}, `symlinks: invalid value "some", want inside or all`},
	}
	for _, tt := range tests {
		_, err := New(build(nil, io.Discard), tt.options)
		if err == nil || err.Error() != tt.want {
			t.Errorf("New(%+v) = %v, want %s", tt.options, err, tt.want)
		}
	}
}

func TestFactoryIsRegisteredUnderItsNames(t *testing.T) {
	for _, name := range []string{"egg:Paste#static", "egg:wheatpaste#static", "paste.urlparser:make_static"} {
		if _, ok := paste.DefaultRegistry.Lookup(paste.App, name); !ok {
			t.Errorf("no app %s", name)
		}
	}
}
