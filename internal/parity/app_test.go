package parity

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func init() {
	paste.RegisterApp("parity_app:app_factory", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(serve), nil
	})
}

// spec is what the header X-Probe tells the app to do.
type spec struct {
	Status  string     `json:"status,omitempty"`
	Headers [][]string `json:"headers,omitempty"`
	Body    string     `json:"body,omitempty"`
	Times   int        `json:"times,omitempty"`
	Show    *bool      `json:"show,omitempty"` // the request, as the app sees it; the default
	Lazy    bool       `json:"lazy,omitempty"` // the body is left unread
	Fail    bool       `json:"fail,omitempty"`
}

// view is the request as the app sees it.
type view struct {
	Method    string            `json:"method"`
	Script    string            `json:"script"`
	Path      string            `json:"path"`
	Query     string            `json:"query"`
	Scheme    string            `json:"scheme"`
	Host      string            `json:"host"`
	Client    string            `json:"client"`
	User      string            `json:"user"`
	RequestID string            `json:"request_id"`
	GlobalID  string            `json:"global_id"`
	Headers   map[string]string `json:"headers"`
	Length    int               `json:"length"`
	Digest    string            `json:"digest"`
}

// serve is the app of testdata/server.py.
func serve(w http.ResponseWriter, r *http.Request) {
	s := spec{Status: "200 OK", Times: 1}
	if text := r.Header.Get("X-Probe"); text != "" {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			panic(err)
		}
	}
	if s.Fail {
		panic("no luck")
	}
	var body []byte
	if !s.Lazy {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest) // a filter that refuses the body puts its answer there
			return
		}
	}
	out := []byte(strings.Repeat(s.Body, s.Times))
	for _, h := range s.Headers {
		w.Header().Add(h[0], h[1])
	}
	if s.Show == nil || *s.Show {
		out, _ = json.Marshal(viewOf(r, body)) // strings and a number
		w.Header().Set("Content-Type", "application/json")
	} else if w.Header().Get("Content-Type") == "" {
		w.Header()["Content-Type"] = nil // net/http would guess one
	}
	code, _ := strconv.Atoi(s.Status[:3])
	if code != http.StatusNoContent && code != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	}
	w.WriteHeader(code)
	_, _ = w.Write(out) // to HEAD and 304 it is not sent
}

func viewOf(r *http.Request, body []byte) view {
	env := pipeline.FromRequest(r)
	quote := func(path string) string { return (&url.URL{Path: path}).EscapedPath() }
	sum := md5.Sum(body)
	v := view{
		Method: r.Method, Script: quote(env.ScriptName()), Path: quote(r.URL.Path), Query: r.URL.RawQuery, Scheme: env.Scheme(), Host: r.Host,
		Client: env.ClientAddr(), User: env.Identity().UserName, RequestID: env.RequestID(), GlobalID: env.GlobalRequestID(),
		Headers: map[string]string{}, Length: len(body), Digest: hex.EncodeToString(sum[:]),
	}
	for name, values := range r.Header {
		if name != "X-Probe" && name != "Content-Length" {
			v.Headers[name] = latin1(strings.Join(values, ", "))
		}
	}
	return v
}

// latin1 is how WSGI gives bytes.
func latin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}
