// Package respond is an application that gives one fixed answer.
package respond

import (
	"errors"
	"mime"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options are the options of the application.
type Options struct {
	Body        string      `paste:"body" help:"the body, sent as it stands"`
	Status      int         `paste:"status" help:"the status, 200 to 599"`
	ContentType string      `paste:"content_type" help:"the Content-Type; empty for none"`
	Headers     *paste.Conf `paste:"header *" help:"a further header; each line is a value of its own"`
}

func init() {
	paste.RegisterApp("egg:wheatpaste#respond", Options{Status: http.StatusOK, ContentType: "text/plain"}, New,
		paste.Help("Gives one fixed answer to every request: a maintenance page, a robots.txt, the app of a benchmark."),
		paste.Example(`
[app:maintenance]
use = egg:wheatpaste#respond
status = 503
content_type = text/html; charset=utf-8
body = <h1>Back at noon</h1>
header Retry-After = 3600
`))
}

// New makes an application that answers every request with the same status,
// headers and body.
func New(b *paste.Build, o Options) (http.Handler, error) {
	if o.Status < 200 || o.Status > 599 {
		return nil, paste.BadOption("status", "invalid status %d, want 200 to 599", o.Status)
	}
	h := &answer{status: o.Status, body: []byte(o.Body)}
	var errs []error
	if o.ContentType != "" {
		if err := checkContentType(o.ContentType); err != nil {
			errs = append(errs, err)
		}
	}
	for name, v := range o.Headers.All() {
		errs = append(errs, h.addHeader(name, v.Text))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	h.addContent(b, o)
	return h, nil
}

func checkContentType(text string) error {
	mediaType, _, err := mime.ParseMediaType(text)
	if err != nil || !strings.Contains(mediaType, "/") || !validValue(text) {
		return paste.BadOption("content_type", "invalid media type %q, want one such as text/plain; charset=utf-8", text)
	}
	return nil
}

// answer is a handler that makes nothing per request: the header values are
// shared slices of length and capacity 1, so that a filter that appends to one
// gets a copy.
type answer struct {
	status  int
	headers []header
	body    []byte
}

type header struct {
	name   string
	values []string
}

// reserved are headers that would contradict what net/http writes itself.
var reserved = map[string]string{
	"Content-Type":      "want content_type",
	"Content-Length":    "it is taken from body",
	"Transfer-Encoding": "it belongs to the server",
	"Connection":        "it belongs to the server",
	"Trailer":           "the answer has none",
}

func (h *answer) addHeader(name, text string) error {
	option := "header " + name
	key := textproto.CanonicalMIMEHeaderKey(name)
	if !validName(name) {
		return paste.BadOption(option, "invalid header name %q, want letters, digits and any of !#$%%&'*+-.^_`|~", name)
	}
	if why, ok := reserved[key]; ok {
		return paste.BadOption(option, "header %s cannot be set here, %s", key, why)
	}
	for line := range strings.SplitSeq(text, "\n") {
		value := strings.TrimSpace(line)
		if !validValue(value) {
			return paste.BadOption(option, "invalid header value %q, want no control characters", value)
		}
		h.add(key, value)
	}
	return nil
}

func (h *answer) add(key, value string) {
	for i := range h.headers {
		if h.headers[i].name == key {
			values := append([]string(nil), h.headers[i].values...)
			h.headers[i].values = append(values, value)[: len(values)+1 : len(values)+1]
			return
		}
	}
	h.headers = append(h.headers, header{key, []string{value}})
}

// addContent adds the headers of the body, which 204, 205 and 304 do not have
// (RFC 9110 15.3.5, 15.3.6, 15.4.5).
func (h *answer) addContent(b *paste.Build, o Options) {
	switch o.Status {
	case http.StatusNoContent, http.StatusNotModified:
	case http.StatusResetContent:
		h.add("Content-Length", "0")
	default:
		if o.ContentType == "" {
			// Present without a value: net/http does not guess a type then.
			h.headers = append(h.headers, header{"Content-Type", nil})
		} else {
			h.add("Content-Type", o.ContentType)
		}
		h.add("Content-Length", strconv.Itoa(len(h.body)))
		return
	}
	if len(h.body) > 0 {
		b.Warn("body", "an answer with status "+strconv.Itoa(o.Status)+" has no body; it is not sent")
		h.body = nil
	}
}

// ServeHTTP gives the answer.
func (h *answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	headers := w.Header()
	for i := range h.headers {
		headers[h.headers[i].name] = h.headers[i].values
	}
	w.WriteHeader(h.status)
	if len(h.body) > 0 && r.Method != http.MethodHead {
		w.Write(h.body) //nolint:errcheck // the client left; net/http knows
	}
}

// validName reports whether a text is a token (RFC 9110 5.6.2), which is what
// net/http sends as the name of a header.
func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// validValue reports whether net/http sends a text as the value of a header.
func validValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
