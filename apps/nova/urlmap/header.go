package urlmap

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Nova fails on these headers; here the client is told.
var (
	errNoToken   = errors.New("a media type without a name, want one such as application/json")
	errNoVersion = errors.New("version without a value, want one such as version=2.1")
	errNoQuality = errors.New("q without a value, want one such as q=0.5")
)

// media is one item of an Accept header, or a Content-Type (NMAP-09).
type media struct {
	mask    string
	stars   int // in mask
	q       parameter
	version parameter

	quality float64 // of an item of Accept
	skip    bool    // q is no number
}

// parameter is one parameter of a media type.
type parameter struct {
	text    string
	set     bool
	hasText bool // there is a "=" with something behind it
}

// parseAccept reads the items of the lines of an Accept header.
func parseAccept(lines []string) ([]media, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	var items []media
	for _, text := range splitList(strings.Join(lines, ",")) {
		item, err := parseMedia(text)
		if err == nil {
			err = item.setQuality()
		}
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

// splitList splits at the commas outside quotes. A backslash in quotes stands
// for the next character; an item in quotes loses them.
func splitList(text string) []string {
	var list []string
	var part []byte
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			if i++; i < len(text) {
				part = append(part, text[i])
			}
			continue
		case !quoted && c == ',':
			list = append(list, listItem(part))
			part = part[:0]
			continue
		case c == '"':
			quoted = !quoted
		}
		part = append(part, c)
	}
	if len(part) > 0 {
		list = append(list, listItem(part))
	}
	return list
}

func listItem(part []byte) string {
	text := trim(string(part))
	if inner := unquote(text); inner != text {
		return unquote(inner)
	}
	return text
}

// unquote removes the quotes round a text, as browsers do: nothing inside is
// changed.
func unquote(s string) string {
	if s == "" || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return s[1:max(len(s)-1, 1)]
}

// spaces is Python's white space among the characters that a header can hold.
const spaces = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0"

// parseMedia reads a media type with its parameters. Of one that is given twice
// the last counts.
func parseMedia(text string) (media, error) {
	if text == "" {
		return media{}, nil
	}
	tokens := tokenizer{rest: text, more: true}
	name, _, ok := tokens.next()
	if !ok {
		return media{}, errNoToken
	}
	m := media{mask: unquote(name), stars: strings.Count(name, "*")}
	for {
		name, value, ok := tokens.next()
		if !ok {
			return m, nil
		}
		switch unquote(name) {
		case "q":
			m.q = value
		case "version":
			m.version = value
		}
	}
}

func (m *media) setQuality() error {
	m.quality = 1
	if !m.q.set {
		return nil
	}
	if !m.q.hasText {
		return errNoQuality
	}
	var ok bool
	m.quality, ok = parseFloat(m.q.text)
	m.skip = !ok
	return nil
}

// tokenizer cuts "name=value" pieces, each of which follows a semicolon.
type tokenizer struct {
	rest string // what follows the last semicolon
	more bool
}

// next gives the next piece. A semicolon in quotes splits, and a value keeps its
// trailing blanks, as in nova (NMAP-09).
func (t *tokenizer) next() (name string, value parameter, ok bool) {
	for t.more {
		piece := t.rest
		end := strings.IndexByte(piece, ';')
		t.more = end >= 0
		if t.more {
			piece, t.rest = piece[:end], piece[end+1:]
		}
		piece = trimLeft(piece)
		if n := nameLength(piece); n > 0 {
			return piece[:n], parseValue(piece[n:]), true
		}
	}
	return "", parameter{}, false
}

// nameLength is the length of the name that a piece begins with. Bytes are
// characters here, as they are in WSGI.
func nameLength(piece string) int {
	for i := range len(piece) {
		if piece[i] == '=' || strings.IndexByte(spaces, piece[i]) >= 0 {
			return i
		}
	}
	return len(piece)
}

// parseValue reads what follows a name.
func parseValue(text string) parameter {
	text, ok := strings.CutPrefix(trimLeft(text), "=")
	if !ok || text == "" {
		return parameter{set: true}
	}
	value := trimLeft(text)
	if value == "" { // only blanks: the last of them is the value
		value = text[len(text)-1:]
	}
	return parameter{text: unquote(value), set: true, hasText: true}
}

// trim and trimLeft trim byte by byte: those of package strings would take spaces
// for UTF-8.
func trim(s string) string {
	for s != "" && strings.IndexByte(spaces, s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	return trimLeft(s)
}

func trimLeft(s string) string {
	for s != "" && strings.IndexByte(spaces, s[0]) >= 0 {
		s = s[1:]
	}
	return s
}

// parseFloat reads a number as Python's float does.
func parseFloat(text string) (float64, bool) {
	text = trim(text)
	if strings.ContainsAny(text, "xXpP") { // hexadecimal, in Go only
		return 0, false
	}
	plain := strings.ReplaceAll(text, "_", "")
	if plain != text && !goodUnderscores(text) {
		return 0, false
	}
	if strings.EqualFold(strings.TrimLeft(plain, "+-"), "nan") && len(plain) <= len("+nan") {
		return math.NaN(), true
	}
	n, err := strconv.ParseFloat(plain, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return n, true
}

// goodUnderscores reports whether each underscore stands between two digits.
func goodUnderscores(text string) bool {
	for i := range len(text) {
		if text[i] != '_' {
			continue
		}
		if i == 0 || i == len(text)-1 || !isDigit(text[i-1]) || !isDigit(text[i+1]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
