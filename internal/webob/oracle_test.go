package webob

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const python = "/usr/bin/python3"

type question struct {
	Accept    []string    `json:"accept"`
	Locations [][5]string `json:"locations"`
	Pages     [][4]any    `json:"pages"`
}

type reply struct {
	Accept    []string    `json:"accept"`
	Locations []string    `json:"locations"`
	Pages     [][2]string `json:"pages"`
}

// TestSameAsWebOb compares random headers and texts with the installed WebOb.
func TestSameAsWebOb(t *testing.T) {
	if out, err := exec.Command(python, "-c", "import webob").CombinedOutput(); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("python3-webob is needed: %v\n%s", err, out)
		}
		t.Skip("python3-webob is not installed")
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	q := randomQuestion(rand.New(rand.NewPCG(seed, 0)))
	want := ask(t, q)
	for i, header := range q.Accept {
		if got := preferred(header); got != want.Accept[i] {
			t.Errorf("preferred(%q) = %q, want %q", header, got, want.Accept[i])
		}
	}
	for i, l := range q.Locations {
		h := http.Header{"Location": {l[4]}}
		origin{l[0], l[1], l[2], l[3]}.absolute(h)
		if got := h.Get("Location"); got != want.Locations[i] {
			t.Errorf("Location %q at %q = %q, want %q", l[4], l[:4], got, want.Locations[i])
		}
	}
	for i, args := range q.Pages {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", args[3].(string))
		w := httptest.NewRecorder()
		Page{Status: args[0].(int), Explanation: args[1].(string), Detail: args[2].(string)}.Write(w, r)
		got := [2]string{w.Header().Get("Content-Type"), w.Body.String()}
		if got != want.Pages[i] {
			t.Errorf("Page%q = %q, want %q", args, got, want.Pages[i])
		}
	}
}

func ask(t *testing.T, q question) reply {
	t.Helper()
	in, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/oracle.py")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

var (
	acceptPieces = []string{
		"text/html", "application/json", "*/*", "text/*", "application/*", "TEXT/HTML", "x/y", "*/html", "text/plain",
		";q=0", ";q=0.5", ";Q=0.501", ";q=1", ";q=1.000", ";q=1.0000", ";q=1.001", ";q=.5", ";q=", "; q=0.9", " ;\tq=0.7",
		";level=1", `;a="b,c;d"`, `;a="b\"c"`, `;a="`, ";a", ";q=0.3;ext", ";q=0.3;ext=1", `;q=0.2;e="x"`, ";q=0.1;q=1", ";ä=1", `;a="ä"`,
		",", ", ", ",,", " , ", " ", "\t", ";", "/", "", "q", "=", `"`, "text/", "text",
	}
	pathPieces = []string{
		"/", "/", "//", "a", "b/", "..", "../", "./", ".", "/..", "/.", "x y", "é", "%20", "?", "#", "q=1", ":", "a:", "@", "~", "//host", "http:", "mailto:x", ";p", "*", "+",
	}
	textPieces = []string{"a", " ", "<", ">", "<b>", "<br/>", "<BR x>", "<!--", "-->", "&", `"`, "'", "\\", "/", "\n", "\r", "\t", "é", "€", "😀", "\x7f", "\x01", "\u2028", "$x"}
)

func draw(r *rand.Rand, pieces []string, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func randomQuestion(r *rand.Rand) question {
	var q question
	for range 20000 {
		// A server strips a header's value.
		q.Accept = append(q.Accept, strings.Trim(draw(r, acceptPieces, 6), " \t"))
	}
	for range 20000 {
		scheme := []string{"http", "https", "wss", "odd"}[r.IntN(4)]
		host := []string{"h", "h:80", "h:443", "[::1]:8080"}[r.IntN(4)]
		script := []string{"", "/s", "/s p/é", "/$&+"}[r.IntN(4)]
		path := []string{"", "/", "/a", "/a/", "/a//b", "/a b/ü~", "/a/./b/../c"}[r.IntN(7)]
		q.Locations = append(q.Locations, [5]string{scheme, host, script, path, strings.TrimSpace(draw(r, pathPieces, 5))})
	}
	for range 5000 {
		status := []int{400, 401, 403, 404, 409, 413, 500, 503}[r.IntN(8)]
		accept := []string{"", "*/*", "application/json", "text/plain"}[r.IntN(4)]
		q.Pages = append(q.Pages, [4]any{status, draw(r, textPieces, 8), draw(r, textPieces, 4), accept})
	}
	return q
}
