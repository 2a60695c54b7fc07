package errorcatcher

import (
	"fmt"
	"html"
	"net/http"
	"sync/atomic"
	"time"
)

const defaultMessage = "<p>The request could not be answered. What happened stands in the log.</p>"

// report is one panic.
type report struct {
	value any
	stack []byte
	time  time.Time
}

// text is what is appended to error_log.
func (p *report) text(r *http.Request) string {
	return fmt.Sprintf("%s %q %q\npanic: %v\n%s%s\n", p.time.Format(time.RFC3339), r.Method, r.URL.Path, p.value, p.stack, line)
}

const line = "------------------------------------------------------------"

// page is the body for the client. Headers, which hold passwords and tokens, are
// not shown.
func (c *catcher) page(r *http.Request, p *report) string {
	content := c.Message
	if c.Debug {
		content = fmt.Sprintf("<p>%s %s</p>\n<p><b>%s</b></p>\n<pre>%s</pre>", html.EscapeString(r.Method),
			html.EscapeString(r.URL.Path), html.EscapeString(fmt.Sprint(p.value)), html.EscapeString(string(p.stack)))
		if c.XMLHTTPKey != "" && r.URL.Query().Get(c.XMLHTTPKey) != "" {
			return content
		}
	}
	return "<html>\n<head><title>Server Error</title></head>\n<body>\n<h1>Server Error</h1>\n" + content + "\n</body>\n</html>\n"
}

// startWriter notes that an answer has begun.
type startWriter struct {
	http.ResponseWriter
	started atomic.Bool // a filter below may answer from another goroutine
}

// Unwrap is for http.ResponseController. A hijack shows in the Environ's status.
func (w *startWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the first final status; 1xx answers come before it.
func (w *startWriter) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.started.Store(true)
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *startWriter) Write(p []byte) (int, error) {
	w.started.Store(true)
	return w.ResponseWriter.Write(p)
}

// FlushError is forwarded by hand because a flush can start an answer.
func (w *startWriter) FlushError() error {
	w.started.Store(true)
	return http.NewResponseController(w.ResponseWriter).Flush()
}
