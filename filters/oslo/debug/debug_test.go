package debug

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestPrints(t *testing.T) {
	var out bytes.Buffer
	f := &filter{out: &out}
	r := httptest.NewRequest(http.MethodGet, "http://h/a/b?x=1&token=t", nil)
	r.Header.Set("X-Auth-Token", "gAAAA")
	r.Header.Add("Accept", "a")
	r.Header.Add("Accept", "b")
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, r)
	env.SetRequestID("req-1")
	env.SetGlobalRequestID("req-2")
	r = pipeline.Rebase(r, "/a", "/b")
	f.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Subject-Token", "gBBBB")
		w.Header().Set("Location", "x")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "one ")
		io.WriteString(w, "two")
	})).ServeHTTP(w, r)
	want := `**************************************** REQUEST ENVIRON
REQUEST_METHOD = GET
SCRIPT_NAME = /a
PATH_INFO = /b
QUERY_STRING = x=1&token=*****
SERVER_PROTOCOL = HTTP/1.1
SERVER_PORT = 80
REMOTE_ADDR = 192.0.2.1
wsgi.url_scheme = http
CONTENT_LENGTH = 0
openstack.request_id = req-1
openstack.global_request_id = req-2
HTTP_HOST = h
HTTP_ACCEPT = a,b
HTTP_X_AUTH_TOKEN = *****

**************************************** RESPONSE HEADERS
Location = x
X-Subject-Token = *****

**************************************** BODY
one two
`
	if out.String() != want {
		t.Errorf("printed %s\nwant %s", out.String(), want)
	}
	if got := fmt.Sprintf("%d %s %s", rec.Code, rec.Body, rec.Header().Get("Location")); got != "201 one two http://h/a/x" {
		t.Errorf("answer %s, want 201 one two http://h/a/x", got)
	}
}

func TestPrintsAnAnswerWithoutBody(t *testing.T) {
	var out bytes.Buffer
	f := &filter{out: &out}
	rec := httptest.NewRecorder()
	f.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	const want = stars + " RESPONSE HEADERS\n\n" + stars + " BODY\n\n"
	if !bytes.HasSuffix(out.Bytes(), []byte(want)) {
		t.Errorf("printed %s\nwant at its end %s", out.String(), want)
	}
}
