package pastetest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Serve runs the same case through a filter of ours. The application below
// answers as the case says; see, which may be nil, is called with each request
// that it gets.
func (c Case) Serve(filter alice.Constructor, see func(*http.Request)) *httptest.ResponseRecorder {
	c.fill()
	rec := httptest.NewRecorder()
	env, w, r := pipeline.Begin(rec, c.request())
	env.SetScriptName(latin1(c.ScriptName))
	env.SetClientAddr(c.Environ["REMOTE_ADDR"])
	env.SetIdentity(pipeline.Identity{UserName: c.Environ["REMOTE_USER"]})
	filter(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if see != nil {
			see(r)
		}
		c.answer(w, r)
	})).ServeHTTP(w, r)
	return rec
}

func (c Case) request() *http.Request {
	r := httptest.NewRequest(c.Method, "/", strings.NewReader(""))
	r.URL = &url.URL{Path: latin1(c.Path), RawQuery: latin1(c.Query)}
	r.Host = ""
	for _, h := range c.Headers {
		if strings.EqualFold(h[0], "Host") {
			r.Host = latin1(h[1])
			continue
		}
		r.Header.Add(h[0], latin1(h[1]))
	}
	return r
}

func (c Case) answer(w http.ResponseWriter, r *http.Request) {
	env := pipeline.FromRequest(r)
	if user := c.SetEnviron["REMOTE_USER"]; user != "" {
		env.SetIdentity(pipeline.Identity{UserName: user})
	}
	a, ok := c.Answers[r.URL.Path]
	if !ok {
		a = c.Answers["*"]
	}
	if a.Raise != "" {
		panic(a.Raise)
	}
	for _, h := range a.Headers {
		w.Header().Add(h[0], latin1(h[1]))
	}
	code, _, _ := strings.Cut(a.Status, " ")
	status, err := strconv.Atoi(code)
	if err != nil {
		panic(err)
	}
	w.WriteHeader(status)
	for _, chunk := range a.Chunks {
		_, _ = w.Write([]byte(latin1(chunk)))
	}
}

// latin1 gives the bytes that WSGI's text stands for.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}
