package osloconf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
)

// problem tells why a text is not a value of a type.
type problem struct{ what, want string }

// about is the message about the text, which is left out when it is secret.
func (p *problem) about(text string, secret bool) string {
	if secret {
		return "invalid " + p.what + " (a secret, not shown), want " + p.want
	}
	return fmt.Sprintf("invalid %s %q, want %s", p.what, shorten(maskURL(text)), p.want)
}

func strip(s string) string { return strings.TrimFunc(s, isSpace) }

// stripNumber takes away what Python lets stand around a number: white space
// without the separators U+001C to U+001F. A text of nothing but those is
// empty all the same.
func stripNumber(s string) string {
	if strip(s) == "" {
		return ""
	}
	return strings.TrimSpace(s)
}

// parseText takes any text.
func parseText(s string) (string, *problem) { return s, nil }

// integer is Python's notation: a sign, leading zeros, single underscores
// between digits. ASCII digits are enough.
var integer = pattern.Lazy(`^[+-]?[0-9]+(_[0-9]+)*$`)

// digits writes an integer of any size as Python does, "" for the empty text,
// which is None in oslo.
func digits(s string) (string, *problem) {
	s = stripNumber(s)
	if s == "" {
		return "", nil
	}
	if !integer().MatchString(s) {
		return "", &problem{"integer", "a whole number"}
	}
	s = strings.ReplaceAll(s, "_", "")
	number := strings.TrimLeft(strings.TrimLeft(s, "+-"), "0")
	switch {
	case number == "":
		return "0", nil
	case s[0] == '-':
		return "-" + number, nil
	}
	return number, nil
}

func parseInt(s string) (int, *problem) {
	number, bad := digits(s)
	if bad != nil || number == "" {
		return 0, bad
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, &problem{"integer", fmt.Sprintf("a number from %d to %d", math.MinInt, math.MaxInt)}
	}
	return n, nil
}

func parsePort(s string) (int, *problem) {
	n, bad := parseInt(s)
	if bad != nil || n < 0 || n > math.MaxUint16 {
		return 0, &problem{"port", "a whole number from 0 to 65535"}
	}
	return n, nil
}

// float is Python's notation. Go's has hexadecimal numbers too.
var float = pattern.Lazy(`(?i)^[+-]?(inf|infinity|nan|([0-9]+(_[0-9]+)*\.?([0-9]+(_[0-9]+)*)?|\.[0-9]+(_[0-9]+)*)(e[+-]?[0-9]+(_[0-9]+)*)?)$`)

func parseFloat(s string) (float64, *problem) {
	s = stripNumber(s)
	if s == "" {
		return 0, nil // None in oslo
	}
	if !float().MatchString(s) {
		return 0, &problem{"number", "a number such as 1.5"}
	}
	// The only error left is one of range, and then the value is infinite, as
	// in Python.
	n, _ := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return n, nil
}

func parseDuration(s string) (time.Duration, *problem) {
	n, bad := parseFloat(s)
	const most = float64(math.MaxInt64/int64(time.Second) - 1)
	if bad != nil || !(n >= 0) || n > most {
		return 0, &problem{"duration", "a number of seconds, 0 or more"}
	}
	whole, rest := math.Modf(n) // the product would lose nanoseconds
	return time.Duration(whole)*time.Second + time.Duration(math.Round(rest*float64(time.Second))), nil
}

// parseBool knows oslo's words only: y and t are none, nor is a word with
// white space inside quotes.
func parseBool(s string) (bool, *problem) {
	switch strings.ToLower(s) {
	case "true", "1", "on", "yes":
		return true, nil
	case "false", "0", "off", "no":
		return false, nil
	}
	return false, &problem{"boolean", "true, 1, on, yes or false, 0, off, no"}
}

// parseList splits at commas. Commas at the end do not count, empty items
// elsewhere do; quotes and brackets mean nothing.
func parseList(s string) ([]string, *problem) {
	s = strings.TrimRight(strip(s), ",")
	if s == "" {
		return nil, nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strip(items[i])
	}
	return items, nil
}

// asPython writes the values of an option as Python's str() writes the
// converted value, which is what oslo puts in place of $name. No value is None
// and gives "". With a problem comes the value that has it.
func asPython(list []value, t Type) (string, value, *problem) {
	if t == Multi {
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = v.text
		}
		if len(list) == 0 {
			return "", value{}, nil
		}
		return reprList(texts), value{}, nil
	}
	if len(list) == 0 {
		return "", value{}, nil
	}
	text, bad := oneAsPython(list[0].text, t)
	return text, list[0], bad
}

func oneAsPython(s string, t Type) (string, *problem) {
	switch t {
	case Int:
		return digits(s)
	case Float:
		n, bad := parseFloat(s)
		if bad != nil || strip(s) == "" {
			return "", bad
		}
		return reprFloat(n), nil
	case Bool:
		b, bad := parseBool(s)
		if b {
			return "True", bad
		}
		return "False", bad
	case List:
		items, bad := parseList(s)
		return reprList(items), bad
	}
	return s, nil
}

// reprFloat writes a number as Python does: always with a point or an
// exponent, the latter below 1e-4 and from 1e16 on.
func reprFloat(n float64) string {
	switch {
	case math.IsNaN(n):
		return "nan"
	case math.IsInf(n, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(n, 'f', -1, 64), "+"))
	}
	short := strconv.FormatFloat(n, 'e', -1, 64)
	_, exponent, _ := strings.Cut(short, "e")
	if e, _ := strconv.Atoi(exponent); n != 0 && (e < -4 || e >= 16) {
		return short
	}
	plain := strconv.FormatFloat(n, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += ".0"
	}
	return plain
}

func reprList(list []string) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = repr(s)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// repr writes a text as Python does.
func repr(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		b.WriteString(reprRune(r, quote))
	}
	b.WriteRune(quote)
	return b.String()
}

func reprRune(r, quote rune) string {
	switch {
	case r == quote || r == '\\':
		return `\` + string(r)
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r == ' ' || unicode.IsPrint(r):
		return string(r)
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
