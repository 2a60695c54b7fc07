package static

import (
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/original"
)

// TestAnswersEqualThoseOfPaste compares with Debian's python3-paste, all but
// what is fixed here: the zone of Last-Modified, ranges, the texts of errors.
func TestAnswersEqualThoseOfPaste(t *testing.T) {
	root := folder(t)
	options := map[string]string{"document_root": root, "cache_max_age": "60"}
	var cases []original.Case
	for _, path := range []string{
		"", "/", "/a.txt", "//a.txt", "/./a.txt", "/sub", "/sub/", "/sub/deep", "/sub/deep/", "/sub/index.html", "/sub/../a.txt", "/sub/..", "/sub/.",
		"/a.txt/", "/a.txt/x", "/a.txt//", "/.dot", "/...", "/noext", "/b.tar.gz", "/x.svgz", "/y.Z", "/empty.txt", "/sp ace.css", "/nope", "/..",
		"/../rootx/secret", "/../root/a.txt", "/nope/../a.txt", "/a.txt/../a.txt", "/it's.txt", "/idx",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
			cases = append(cases, original.Case{Options: options, Method: method, Path: path})
		}
		cases = append(cases, original.Case{Options: options, Method: "GET", Script: "/m nt", Path: path, Query: "a=%20&b"})
	}
	for _, header := range []string{
		"If-None-Match: " + changedEtag, "If-None-Match: *", `If-None-Match: "x", ` + changedEtag, `If-None-Match: "x"`,
		"If-Modified-Since: " + changedHTTP, "If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT",
		"Range: bytes=0-3", "Range: bytes=6-", "Range: bytes=11-", "Range: bytes=3-1", "Range: garbage",
	} {
		name, value, _ := strings.Cut(header, ": ")
		cases = append(cases, original.Case{Options: options, Method: "GET", Path: "/a.txt", Headers: map[string]string{name: value}})
	}
	h := load(t, Options{DocumentRoot: root, CacheMaxAge: 60})
	for i, want := range original.Ask(t, "testdata/original.py", "paste.urlparser", cases) {
		compare(t, cases[i], ask(t, h, cases[i]), want)
	}
}

func compare(t *testing.T, c original.Case, got, want original.Answer) {
	t.Helper()
	c.Options = nil
	if got.Status != want.Status {
		t.Errorf("%+v: %d, want %d", c, got.Status, want.Status)
		return
	}
	names := []string{"Location", "Allow"}
	if slices.Contains([]int{200, 206, 304}, got.Status) {
		if got.Body != want.Body {
			t.Errorf("%+v: body %q, want %q", c, got.Body, want.Body)
		}
		names = []string{"Content-Type", "Content-Encoding", "Content-Length", "Etag", "Accept-Ranges", "Content-Range", "Cache-Control", "Last-Modified"}
	}
	if want.Header["Content-Range"] == "bytes 0--1/0" { // of an empty file
		delete(want.Header, "Content-Range")
	}
	want.Header["Last-Modified"] = strings.Replace(want.Header["Last-Modified"], "-0000", "GMT", 1)
	for _, name := range names {
		if got.Header[name] != want.Header[name] {
			t.Errorf("%+v: %s = %q, want %q", c, name, got.Header[name], want.Header[name])
		}
	}
}
