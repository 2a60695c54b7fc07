// Package test is the two test pages of Paste and PasteScript.
package test

import (
	"html"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/apps/internal/wsgi"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options are those of the simple page: none.
type Options struct{}

// EnvironOptions are the options of the page that shows the environ.
type EnvironOptions struct {
	Text bool `paste:"text" help:"plain text instead of HTML"`
	Lint bool `paste:"lint" help:"accepted; there is no WSGI to check here"`
}

func init() {
	paste.RegisterApp("egg:Paste#test", Options{}, New,
		paste.Alias("paste.debug.debugapp:make_test_app", "egg:wheatpaste#test"),
		paste.Help("Answers every request with one small fixed HTML page."),
		paste.Example("[app:main]\nuse = egg:Paste#test"))
	paste.RegisterApp("egg:PasteScript#test", EnvironOptions{}, NewEnviron,
		paste.Alias("paste.script.testapp:make_test_application"),
		paste.Help("Shows the WSGI environ of the request as an HTML table or as text; a query with error= gets a 500."),
		paste.Example("[app:main]\nuse = egg:PasteScript#test\ntext = true"))
}

const simplePage = "<html><body>simple</body></html>" // EP-09

// New makes the simple page of egg:Paste#test.
func New(*paste.Build, Options) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		send(w, r, http.StatusOK, "text/html", simplePage)
	}), nil
}

// NewEnviron makes the page of egg:PasteScript#test.
func NewEnviron(b *paste.Build, o EnvironOptions) (http.Handler, error) {
	if o.Lint {
		b.Warn("lint", "there is no WSGI to check here; it is ignored")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.RawQuery, "error="):
			send(w, r, http.StatusInternalServerError, "text/plain; charset=utf8", "an error, as the query asked for\n")
		case o.Text:
			send(w, r, http.StatusOK, "text/plain; charset=utf8", textPage(wsgi.Environ(r)))
		default:
			send(w, r, http.StatusOK, "text/html; charset=utf8", htmlPage(wsgi.Environ(r)))
		}
	}), nil
}

func textPage(environ map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(environ)) {
		b.WriteString(key + ": " + strconv.Quote(environ[key]) + "\n")
	}
	return b.String()
}

func htmlPage(environ map[string]string) string {
	var b strings.Builder
	b.WriteString("<html>\n<head><title>Test Application</title></head>\n<body>\n<h1>Test Application</h1>\n<table border=\"1\">\n")
	for _, key := range slices.Sorted(maps.Keys(environ)) {
		b.WriteString("<tr><td><b>" + html.EscapeString(key) + "</b></td><td><tt>" +
			html.EscapeString(strconv.Quote(environ[key])) + "</tt></td></tr>\n")
	}
	b.WriteString("</table>\n<p>A query with <code>error=true</code> gets a 500.</p>\n</body>\n</html>\n")
	return b.String()
}

func send(w http.ResponseWriter, r *http.Request, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write([]byte(body)) //nolint:errcheck // the client left; net/http knows
	}
}
