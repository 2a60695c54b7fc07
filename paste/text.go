package paste

import (
	"fmt"
	"strings"
	"unicode"
)

// isSpace reports Python's white space (INI-04): Unicode's and the four
// separators U+001C to U+001F.
func isSpace(r rune) bool {
	return r >= 0x1c && r <= 0x1f || unicode.IsSpace(r)
}

func strip(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	if len(s) > 0 && isPlain(s[0]) && isPlain(s[len(s)-1]) { // most texts
		return s
	}
	return strings.TrimFunc(s, isSpace)
}

// isPlain reports a byte that is a whole character and no white space.
func isPlain(c byte) bool { return c > ' ' && c < 0x7f }

func stripRight(s string) string {
	if len(s) > 0 && isPlain(s[len(s)-1]) {
		return s
	}
	return strings.TrimRightFunc(s, isSpace)
}

// Words splits a text on Python's white space, as pipeline and require do.
func Words(s string) []string { return strings.FieldsFunc(s, isSpace) }

// Repr writes a text as Python's repr does (GEN-02), for messages that quote as
// the original does.
func Repr(s string) string { return repr(s) }

// repr writes a text as Python's repr does (GEN-02).
func repr(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

// reprList writes a list of texts as Python's repr does.
func reprList(list []string) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = repr(s)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
