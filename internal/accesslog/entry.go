package accesslog

import (
	"strconv"
	"time"
)

// Entry is what one line tells.
type Entry struct {
	Client    string // the client's address
	Port      string // and its port, for a Format
	User      string // "" is written as -
	Time      time.Time
	Method    string // "" for a request that could not be read
	URI       string // as the client sent it; secrets in it are masked
	Proto     string
	Status    int // 0, for no answer, is written as -
	Bytes     int64
	Referer   string
	Agent     string
	RequestID string
	Duration  time.Duration
}

// append writes the line: Apache's combined format, then the request's id and
// the seconds it took.
func (e *Entry) append(b []byte, stamp string) []byte {
	b = appendWord(b, e.Client)
	b = append(b, " - "...)
	b = appendWord(b, e.User)
	b = append(b, " ["...)
	b = append(b, stamp...)
	b = append(b, `] "`...)
	b = e.appendRequestLine(b)
	b = append(b, `" `...)
	if e.Status == 0 {
		b = append(b, '-')
	} else {
		b = strconv.AppendInt(b, int64(e.Status), 10)
	}
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Bytes, 10)
	b = append(b, ` "`...)
	b = appendURI(b, orDash(e.Referer))
	b = append(b, `" "`...)
	b = appendQuoted(b, orDash(e.Agent))
	b = append(b, `" `...)
	b = appendWord(b, e.RequestID)
	b = append(b, ' ')
	b = appendSeconds(b, e.Duration)
	return append(b, '\n')
}

func (e *Entry) appendRequestLine(b []byte) []byte {
	if e.Method == "" {
		return append(b, '-')
	}
	b = appendQuoted(b, e.Method)
	b = append(b, ' ')
	b = appendURI(b, e.URI)
	b = append(b, ' ')
	return appendQuoted(b, e.Proto)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// appendSeconds writes a duration as seconds with six decimals.
func appendSeconds(b []byte, d time.Duration) []byte {
	us := max(d.Microseconds(), 0)
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	for unit := int64(1e5); unit > 0; unit /= 10 {
		b = append(b, byte('0'+us/unit%10))
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a text that stands between quotes. What could end the
// quotes or the line, or steer a terminal, is escaped: control characters,
// quotes, backslashes and all that is not ASCII.
func appendQuoted(b []byte, s string) []byte {
	start := 0
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			start = i + 1
		}
	}
	return append(b, s[start:]...)
}

func appendEscape(b []byte, c byte) []byte {
	if c == '"' || c == '\\' {
		return append(b, '\\', c)
	}
	return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// appendWord writes a text that stands without quotes: spaces, too, are
// escaped.
func appendWord(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			b = appendEscape(b, c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

// stamp is the text of one second: all requests of a second share it.
type stamp struct {
	second int64
	text   string
}

func (l *Log) timestamp(t time.Time) string {
	second := t.Unix()
	if s := l.stamp.Load(); s != nil && s.second == second {
		return s.text
	}
	s := &stamp{second, t.Format("02/Jan/2006:15:04:05 -0700")}
	l.stamp.Store(s)
	return s.text
}
