package accesslog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Format is a template in the language of oslo.service's wsgi_log_format
// (HTTP-13): text with %(field)s, %(field)d or %(field).7f, and %% for a percent
// sign.
type Format struct {
	parts []part
}

// part is a piece of text, and the field behind it.
type part struct {
	text  string
	field func(b []byte, e *Entry, p part) []byte // nil at the end
	verb  byte
	left  bool // - before the width
	zero  bool // 0 before the width
	width int
	prec  int // -1 without
}

// NovaFormat is nova's template.
const NovaFormat = `%(client_ip)s "%(request_line)s" status: %(status_code)s len: %(body_length)s time: %(wall_seconds).7f`

// The bounds of a width and a precision; more is a slip.
const (
	maxWidth     = 200
	maxPrecision = 20
)

// fields are oslo's, and those that Apache's combined format has beside them.
// body_length is that of the body alone, where oslo counts the header, too.
var fields = map[string]func(b []byte, e *Entry, p part) []byte{
	"client_ip":    func(b []byte, e *Entry, _ part) []byte { return appendWord(b, e.Client) },
	"client_port":  func(b []byte, e *Entry, _ part) []byte { return appendWord(b, e.Port) },
	"date_time":    func(b []byte, e *Entry, _ part) []byte { return e.Time.AppendFormat(b, "02/Jan/2006 15:04:05") },
	"request_line": func(b []byte, e *Entry, _ part) []byte { return e.appendRequestLine(b) },
	"status_code":  func(b []byte, e *Entry, p part) []byte { return p.number(b, int64(e.Status), e.Status == 0) },
	"body_length":  func(b []byte, e *Entry, p part) []byte { return p.number(b, e.Bytes, false) },
	"wall_seconds": func(b []byte, e *Entry, p part) []byte { return p.seconds(b, e) },
	"user":         func(b []byte, e *Entry, _ part) []byte { return appendWord(b, e.User) },
	"request_id":   func(b []byte, e *Entry, _ part) []byte { return appendWord(b, e.RequestID) },
	"referer":      func(b []byte, e *Entry, _ part) []byte { return appendURI(b, orDash(e.Referer)) },
	"user_agent":   func(b []byte, e *Entry, _ part) []byte { return appendQuoted(b, orDash(e.Agent)) },
}

// numeric are the fields that %d and %f take; Python refuses them for texts.
var numeric = []string{"body_length", "status_code", "wall_seconds"}

// ParseFormat reads a template.
func ParseFormat(text string) (*Format, error) {
	if strings.ContainsAny(text, "\n\r") {
		return nil, errors.New("several lines, want one")
	}
	f := &Format{}
	p := part{}
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "%")
		p.text += before
		if !found {
			f.parts = append(f.parts, p)
			return f, nil
		}
		if strings.HasPrefix(after, "%") {
			p.text += "%"
			rest = after[1:]
			continue
		}
		length, err := p.reference(after)
		if err != nil {
			return nil, err
		}
		f.parts = append(f.parts, p)
		p, rest = part{}, after[length:]
	}
}

// reference reads (name), flags, width, precision and verb, and gives their
// length.
func (p *part) reference(s string) (int, error) {
	name, spec, ok := strings.Cut(strings.TrimPrefix(s, "("), ")")
	if !ok || s[0] != '(' {
		return 0, fmt.Errorf("%q is no field, want %%(name)s, or %%%% for a percent sign", "%"+clip(s))
	}
	field, ok := fields[name]
	if !ok {
		return 0, fmt.Errorf("unknown field %q, want one of %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	}
	p.field = field
	length := p.flags(spec)
	if length == len(spec) || !strings.ContainsRune("sdif", rune(spec[length])) || p.width > maxWidth || p.prec > maxPrecision {
		return 0, fmt.Errorf("%q is no conversion, want %%(%s)s, d or .7f", "%("+name+")"+clip(spec), name)
	}
	p.verb = spec[length]
	if p.verb != 's' && !slices.Contains(numeric, name) {
		return 0, fmt.Errorf("%%(%s)%c: no number, want %%(%s)s", name, p.verb, name)
	}
	return len("()") + len(name) + length + 1, nil
}

func (p *part) flags(spec string) (length int) {
	for ; length < len(spec) && (spec[length] == '-' || spec[length] == '0'); length++ {
		p.left, p.zero = p.left || spec[length] == '-', p.zero || spec[length] == '0'
	}
	number := func() (n int) {
		for ; length < len(spec) && '0' <= spec[length] && spec[length] <= '9'; length++ {
			n = min(n*10+int(spec[length]-'0'), maxWidth+1)
		}
		return n
	}
	p.width, p.prec = number(), -1
	if length < len(spec) && spec[length] == '.' {
		length++
		p.prec = number()
	}
	return length
}

func clip(s string) string {
	const most = 20
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// append writes the line.
func (f *Format) append(b []byte, e *Entry) []byte {
	for _, p := range f.parts {
		b = append(b, p.text...)
		if p.field == nil {
			continue
		}
		start := len(b)
		b = p.field(b, e, p)
		b = p.pad(b, start)
	}
	return append(b, '\n')
}

// pad cuts a text to the precision and fills it up to the width, as Python does.
func (p part) pad(b []byte, start int) []byte {
	if p.verb == 's' && p.prec >= 0 {
		b = b[:min(len(b), start+p.prec)]
	}
	missing := p.width - (len(b) - start)
	if missing <= 0 {
		return b
	}
	fill := byte(' ')
	if p.zero && !p.left && p.verb != 's' {
		fill = '0'
	}
	at := len(b)
	if !p.left {
		at = start
	}
	return slices.Insert(b, at, slices.Repeat([]byte{fill}, missing)...)
}

func (p part) number(b []byte, n int64, none bool) []byte {
	switch {
	case none:
		return append(b, '-')
	case p.verb == 'f':
		return strconv.AppendFloat(b, float64(n), 'f', p.decimals(), 64)
	}
	return strconv.AppendInt(b, n, 10)
}

func (p part) seconds(b []byte, e *Entry) []byte {
	s := max(e.Duration.Seconds(), 0)
	switch p.verb {
	case 'f':
		return strconv.AppendFloat(b, s, 'f', p.decimals(), 64)
	case 's':
		return strconv.AppendFloat(b, s, 'f', -1, 64)
	}
	return strconv.AppendInt(b, int64(s), 10)
}

// decimals are those of %f: six without a precision.
func (p part) decimals() int {
	if p.prec < 0 {
		return 6
	}
	return p.prec
}
