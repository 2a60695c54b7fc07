// Package debug prints requests and answers, as oslo.middleware's Debug does.
package debug

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/oslo/internal/unread"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options = unread.Options

func init() {
	paste.RegisterFilter("egg:wheatpaste#debug", Options{}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#debug",
			"oslo_middleware:Debug.factory",
			"oslo_middleware.debug:Debug.factory",
			"oslo.middleware:Debug.factory",
			"oslo.middleware.debug:Debug.factory",
		),
		paste.Help("Prints the environ of each request, the headers and the body of its answer to the standard output. Tokens, keys and cookies are masked, bodies are not."),
		paste.Example("[filter:debug]\nuse = egg:oslo.middleware#debug"),
	)
}

const stars = "****************************************"

type filter struct {
	mu  sync.Mutex // keeps the blocks of concurrent requests whole
	out io.Writer
}

// New makes the filter.
func New(*paste.Build, Options) (alice.Constructor, error) {
	f := &filter{out: os.Stdout}
	return f.wrap, nil
}

func (f *filter) print(text []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, _ = f.out.Write(text) // a lost debug line must not harm the request
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.print(environText(r))
		ww := &writer{filter: f}
		ww.Writer = webob.Response(w, r, func(int) bool {
			f.print(headerText(w.Header()))
			return false
		})
		next.ServeHTTP(ww, r)
		ww.Finish()
		f.print([]byte("\n"))
	})
}

// writer prints the body while it is sent.
type writer struct {
	*webob.Writer
	filter *filter
}

// Write prints and sends a part of the body.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.filter.print(p[:n])
	return n, err
}

// environText writes the request as a WSGI environ.
func environText(r *http.Request) []byte {
	env := pipeline.FromRequest(r)
	b := []byte(stars + " REQUEST ENVIRON\n")
	add := func(key, value string) { b = fmt.Appendf(b, "%s = %s\n", key, value) }
	add("REQUEST_METHOD", r.Method)
	add("SCRIPT_NAME", env.ScriptName())
	add("PATH_INFO", r.URL.Path)
	add("QUERY_STRING", webob.MaskQuery(r.URL.RawQuery))
	add("SERVER_PROTOCOL", r.Proto)
	add("SERVER_PORT", env.ServerPort())
	add("REMOTE_ADDR", env.ClientAddr())
	add("wsgi.url_scheme", env.Scheme())
	if r.ContentLength >= 0 {
		add("CONTENT_LENGTH", strconv.FormatInt(r.ContentLength, 10))
	}
	if id := env.RequestID(); id != "" {
		add("openstack.request_id", id)
	}
	if id := env.GlobalRequestID(); id != "" {
		add("openstack.global_request_id", id)
	}
	add("HTTP_HOST", r.Host)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		value := webob.MaskHeader(name, strings.Join(r.Header[name], ","))
		add("HTTP_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_")), value)
	}
	return append(b, '\n')
}

// headerText writes the head of the answer, and of the body that follows.
func headerText(h http.Header) []byte {
	b := []byte(stars + " RESPONSE HEADERS\n")
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			b = fmt.Appendf(b, "%s = %s\n", name, webob.MaskHeader(name, value))
		}
	}
	return append(b, "\n"+stars+" BODY\n"...)
}
