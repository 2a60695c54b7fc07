package translogger

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// template is a parsed format: Python's formatting by name.
type template []part

// part is literal text and, unless value is nil, a field after it.
type part struct {
	text      string
	value     func(*answer) string
	left      bool // %(name)-8s
	width     int  // in characters
	precision int  // -1 for the whole value
}

// answer is what a line is made of.
type answer struct {
	*request
	status int
	length string
}

const timeLayout = "02/Jan/2006:15:04:05 -0700"

// fields are the original's, with "-" for what is absent.
var fields = map[string]func(*answer) string{
	"REMOTE_ADDR":     func(a *answer) string { return escape(a.remoteAddr()) },
	"REMOTE_USER":     func(a *answer) string { return escape(a.user()) },
	"REQUEST_METHOD":  func(a *answer) string { return escape(a.Method) },
	"REQUEST_URI":     (*answer).uri,
	"HTTP_VERSION":    func(a *answer) string { return escape(a.Proto) },
	"time":            func(a *answer) string { return a.time.Format(timeLayout) },
	"status":          func(a *answer) string { return strconv.Itoa(a.status) },
	"bytes":           func(a *answer) string { return escape(a.length) },
	"HTTP_REFERER":    func(a *answer) string { return escape(a.referer) },
	"HTTP_USER_AGENT": func(a *answer) string { return escape(a.agent) },
}

// maxWidth bounds a width and a precision: a line of spaces is a slip.
const maxWidth = 1000

// parseTemplate reads %(NAME)s with an optional minus sign, width and precision,
// and %%. The original fails at each request on what is an error here.
func parseTemplate(format string) (template, error) {
	var t template
	var text strings.Builder
	for rest := format; rest != ""; {
		before, after, found := strings.Cut(rest, "%")
		text.WriteString(before)
		if !found {
			break
		}
		if strings.HasPrefix(after, "%") {
			text.WriteByte('%')
			rest = after[1:]
			continue
		}
		p, n, err := parseField(after)
		if err != nil {
			return nil, err
		}
		p.text = text.String()
		text.Reset()
		t = append(t, p)
		rest = after[n:]
	}
	return append(t, part{text: text.String()}), nil
}

// parseField reads the field that s, which follows a percent sign, begins with
// and gives its length.
func parseField(s string) (part, int, error) {
	name, rest, ok := strings.Cut(strings.TrimPrefix(s, "("), ")")
	if !strings.HasPrefix(s, "(") || !ok {
		return part{}, 0, fmt.Errorf("unexpected %q, want %%(NAME)s or %%%% for a percent sign", "%"+head(s))
	}
	p := part{value: fields[name], precision: -1}
	if p.value == nil {
		return part{}, 0, fmt.Errorf("unknown field %q, want one of %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	}
	spec := rest
	rest, p.left = strings.CutPrefix(rest, "-")
	p.width, rest = leadingNumber(rest)
	if r, ok := strings.CutPrefix(rest, "."); ok {
		p.precision, rest = leadingNumber(r)
	}
	if !strings.HasPrefix(rest, "s") {
		return part{}, 0, fmt.Errorf("unexpected %q after %%(%s), want s, if need be after a width as in -8s", head(spec), name)
	}
	if p.width > maxWidth || p.precision > maxWidth {
		return part{}, 0, fmt.Errorf("width of %%(%s)s out of range, want at most %d", name, maxWidth)
	}
	return p, len(s) - len(rest) + 1, nil
}

// leadingNumber gives the number that s begins with, 0 without one.
func leadingNumber(s string) (int, string) {
	n := 0
	for s != "" && s[0] >= '0' && s[0] <= '9' {
		n = min(n*10+int(s[0]-'0'), maxWidth+1)
		s = s[1:]
	}
	return n, s
}

// head is enough of s to show where it is.
func head(s string) string {
	for i := range s {
		if i >= 12 {
			return s[:i]
		}
	}
	return s
}

// line is the text of one line, without the end of the line.
func (t template) line(r *request, status int, length string) []byte {
	a := &answer{r, status, length}
	line := make([]byte, 0, 256)
	for i := range t {
		line = append(line, t[i].text...)
		if t[i].value != nil {
			line = t[i].append(line, t[i].value(a))
		}
	}
	return line
}

func (p *part) append(line []byte, value string) []byte {
	if p.precision >= 0 && utf8.RuneCountInString(value) > p.precision {
		value = string([]rune(value)[:p.precision])
	}
	pad := 0
	if p.width > 0 {
		pad = max(0, p.width-utf8.RuneCountInString(value))
	}
	if p.left {
		return append(append(line, value...), spaces[:pad]...)
	}
	return append(append(line, spaces[:pad]...), value...)
}

var spaces = strings.Repeat(" ", maxWidth)

// uri is the escaped path with the query as it came.
func (a *answer) uri() string {
	if a.URL.RawQuery == "" {
		return quote(a.path)
	}
	return quote(a.path) + "?" + escape(a.URL.RawQuery)
}

const hexDigits = "0123456789ABCDEF"

// quote escapes a path as Python's urllib does: every byte but letters, digits
// and _.-~/.
func quote(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_.-~/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
	}
	return b.String()
}

// escape keeps what a client sends from ending its field or its line, or from
// reaching a terminal: quotes, backslashes and control characters, as Apache
// writes them.
func escape(s string) string {
	if strings.IndexFunc(s, mustEscape) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i]) // no UTF-8
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x100 && mustEscape(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case mustEscape(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func mustEscape(r rune) bool {
	return r < 0x20 || r == '"' || r == '\\' || r >= 0x7f && r < 0xa0 ||
		r == '\u2028' || r == '\u2029' // ends of lines to some readers
}
