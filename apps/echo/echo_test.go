package echo

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func show(t *testing.T, limit paste.Size, r *http.Request, prepare func(*pipeline.Environ)) *http.Response {
	t.Helper()
	h, err := New(nil, Options{BodyLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, r)
	if prepare != nil {
		prepare(env)
	}
	h.ServeHTTP(w, r)
	return rec.Result()
}

func TestDocumentHasTheWholeEnviron(t *testing.T) {
	r := httptest.NewRequest(http.MethodPut, "http://h:8/x?a=<1>&token=s3cret", strings.NewReader("hé<llo"))
	r.Header.Set("X-Auth-Token", "s3cret")
	resp := show(t, 4096, r, func(env *pipeline.Environ) {
		env.SetRequestID("req-1")
		env.SetGlobalRequestID("req-2")
		env.SetScriptName("/mnt")
		env.SetClientAddr("10.0.0.9")
		env.SetIdentity(pipeline.Identity{UserID: "u", UserName: "ann", ProjectID: "p", ProjectName: "pn", DomainID: "d", DomainName: "dn", Roles: []string{"r"}})
	})
	want := `{
    "CONTENT_LENGTH": "7",
    "HTTP_HOST": "h:8",
    "HTTP_X_AUTH_TOKEN": "*****",
    "PATH_INFO": "/x",
    "QUERY_STRING": "a=<1>&token=*****",
    "REMOTE_ADDR": "10.0.0.9",
    "REMOTE_USER": "ann",
    "REQUEST_METHOD": "PUT",
    "SCRIPT_NAME": "/mnt",
    "SERVER_NAME": "h",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "openstack.global_request_id": "req-2",
    "openstack.request_id": "req-1",
    "wheatpaste.app": "",
    "wheatpaste.body": {
        "length": 7,
        "text": "hé<llo",
        "truncated": false
    },
    "wheatpaste.identity": {
        "user_id": "u",
        "user_name": "ann",
        "project_id": "p",
        "project_name": "pn",
        "domain_id": "d",
        "domain_name": "dn",
        "roles": [
            "r"
        ]
    },
    "wheatpaste.peer": "192.0.2.1:1234",
    "wsgi.url_scheme": "http"
}
`
	body, _ := io.ReadAll(resp.Body)
	if string(body) != want {
		t.Errorf("got %s\nwant %s", body, want)
	}
	header := http.Header{"Content-Type": {"application/json"}, "X-Content-Type-Options": {"nosniff"},
		"Cache-Control": {"no-store"}, "Content-Length": {strconv.Itoa(len(want))}}
	if resp.StatusCode != http.StatusOK || !reflect.DeepEqual(resp.Header, header) {
		t.Errorf("got %d %v, want 200 %v", resp.StatusCode, resp.Header, header)
	}
}

func TestBodyIsCutAtTheLimitAndCountedWhole(t *testing.T) {
	tests := []struct {
		name, in string
		limit    paste.Size
		want     body
	}{
		{"empty", "", 4, body{}},
		{"whole", "abcd", 4, body{4, "abcd", false}},
		{"cut", "abcdef", 4, body{6, "abcd", true}},
		{"cut in a character", "abcé", 4, body{5, "abc", true}},
		{"cut in a long character", "a\U0001F35E", 4, body{5, "a", true}},
		{"not UTF-8", "a\xff\xfeb", 8, body{4, "a\ufffdb", false}},
		{"nothing shown", "abc", 0, body{3, "", true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := show(t, tt.limit, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.in)), nil)
			var doc struct {
				Body body `json:"wheatpaste.body"`
			}
			if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil || doc.Body != tt.want {
				t.Errorf("got %+v, %v, want %+v", doc.Body, err, tt.want)
			}
		})
	}
}

func TestHeadHasTheHeadersOnly(t *testing.T) {
	resp := show(t, 0, httptest.NewRequest(http.MethodHead, "/", nil), nil)
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Length") == "" || len(body) != 0 {
		t.Errorf("got %d %v %q", resp.StatusCode, resp.Header, body)
	}
}

func TestBodiesThatCannotBeRead(t *testing.T) {
	large := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("abcdef"))
	large.Body = http.MaxBytesReader(httptest.NewRecorder(), large.Body, 3)
	resp := show(t, 4096, large, nil)
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusRequestEntityTooLarge || string(body) != "the request body is too large\n" {
		t.Errorf("too large: got %d %q", resp.StatusCode, body)
	}
	broken := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(iotest.ErrReader(errors.New("gone"))))
	resp = show(t, 4096, broken, nil)
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || string(body) != "the request body cannot be read\n" {
		t.Errorf("broken: got %d %q", resp.StatusCode, body)
	}
}

func TestBodyLimitIsBounded(t *testing.T) {
	_, err := New(nil, Options{BodyLimit: 16<<20 + 1})
	want := "body_limit: invalid size 16777217, want at most 16M"
	if err == nil || err.Error() != want {
		t.Errorf("New = %v, want %s", err, want)
	}
}
