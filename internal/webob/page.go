// Package webob answers as the WebOb library of Python does where clients can
// tell: error pages, the choice between their forms, absolute Locations.
package webob

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
)

// Page is an error page. It is sent as HTML, JSON or plain text, whichever the
// request's Accept header prefers.
type Page struct {
	Status      int
	Title       string // "" for the usual one of the status
	Explanation string
	Detail      string
}

// InternalServerError is the page for an error that nobody handled.
var InternalServerError = Page{
	Status:      http.StatusInternalServerError,
	Explanation: "The server has either erred or is incapable of performing the requested operation.",
}

// Write sends the page. Headers that w holds already are sent with it.
func (p Page) Write(w http.ResponseWriter, r *http.Request) {
	contentType, body := p.render(r)
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	if body != "" {
		_, _ = w.Write([]byte(body)) // the client may have gone
	}
}

func (p Page) render(r *http.Request) (contentType, body string) {
	if r.Method == http.MethodHead { // WebOb negotiates nothing here
		return "text/html; charset=UTF-8", ""
	}
	switch preferred(strings.Join(r.Header.Values("Accept"), ",")) {
	case "text/html":
		return "text/html; charset=UTF-8", p.html()
	case "application/json":
		return "application/json", p.json()
	default:
		return "text/plain; charset=UTF-8", p.plain()
	}
}

func (p Page) title() string { return cmp.Or(p.Title, http.StatusText(p.Status)) }

// status is the text of the status line.
func (p Page) status() string { return fmt.Sprintf("%d %s", p.Status, p.title()) }

func (p Page) text(escape func(string) string) string {
	return escape(p.Explanation) + "<br /><br />\n" + escape(p.Detail) + "\n\n"
}

func asIs(s string) string { return s }

func (p Page) html() string {
	status := p.status()
	return "<html>\n <head>\n  <title>" + status + "</title>\n </head>\n <body>\n  <h1>" + status +
		"</h1>\n  " + p.text(escapeHTML) + "\n </body>\n</html>"
}

func (p Page) json() string {
	return `{"message": ` + quoteJSON(p.text(asIs)) + `, "code": ` + quoteJSON(p.status()) +
		`, "title": ` + quoteJSON(p.title()) + `}`
}

var (
	lineBreak = pattern.Lazy(`(?is)<br.*?>`)
	comment   = pattern.Lazy(`<!--|-->`)
	tag       = pattern.Lazy(`(?s)<.*?>`)
)

func (p Page) plain() string {
	text := strings.ReplaceAll(p.text(asIs), "\n", " ")
	text = strings.ReplaceAll(text, "\r", "")
	text = lineBreak().ReplaceAllLiteralString(text, "\n")
	text = comment().ReplaceAllLiteralString(text, "")
	text = tag().ReplaceAllLiteralString(text, "")
	return p.status() + "\n\n" + text
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;")

// escapeHTML gives pure ASCII, as WebOb does.
func escapeHTML(s string) string {
	var b strings.Builder
	for _, r := range htmlEscaper.Replace(s) {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// quoteJSON writes a string as Python's json.dumps does: encoding/json escapes
// other characters.
func quoteJSON(s string) string {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\f': `\f`, '\b': `\b`}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch esc, ok := short[r]; {
		case ok:
			b.WriteString(esc)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		case r >= 0x10000:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
