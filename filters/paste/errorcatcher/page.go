package errorcatcher

import (
	"fmt"
	"html"
	"net/http"
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
