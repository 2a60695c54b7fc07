package paste

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// AsBool reads a truth value as Paste Deploy's asbool does (CONV-01): true
// yes on y t 1, false no off n f 0, in any case. All else, the empty text
// too, is an error.
func AsBool(s string) (bool, error) {
	word := strings.ToLower(strip(s))
	switch word {
	case "true", "yes", "on", "y", "t", "1":
		return true, nil
	case "false", "no", "off", "n", "f", "0":
		return false, nil
	}
	return false, fmt.Errorf("String is not true/false: %s, want true, yes, on, y, t, 1 or false, no, off, n, f, 0", repr(word))
}

// AsInt reads an integer as Paste Deploy's asint does (CONV-02): Python's
// notation, with a sign, single underscores between digits and leading zeros.
func AsInt(s string) (int64, error) {
	bad := fmt.Errorf("Bad integer value: %s, want a whole number", repr(s)) //nolint:staticcheck // the text is Paste Deploy's
	text := strip(s)
	if text == "" || strings.HasPrefix(text, "_") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return 0, bad
	}
	var digits strings.Builder
	for i, r := range text {
		switch {
		case i == 0 && (r == '+' || r == '-'):
			digits.WriteRune(r)
		case r == '_':
			if d := digits.String(); d == "" || d == "+" || d == "-" {
				return 0, bad
			}
		case r >= '0' && r <= '9': // GO-10: ASCII digits are enough
			digits.WriteRune(r)
		default:
			return 0, bad
		}
	}
	n, err := strconv.ParseInt(digits.String(), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("integer %s is out of range, want at most %d", text, math.MaxInt64)
	}
	if err != nil {
		return 0, bad
	}
	return n, nil
}

// AsList splits on white space, without empty items (CONV-03).
func AsList(s string) []string { return Words(s) }

// AsListSep splits on sep and strips the items; empty ones are kept
// (CONV-03). strip = false keeps their white space.
func AsListSep(s, sep string, stripItems bool) []string {
	items := strings.Split(s, sep)
	if stripItems {
		for i := range items {
			items[i] = strip(items[i])
		}
	}
	return items
}

// AsDuration reads a length of time: a number of seconds ("30", "0.5") or Go's
// notation ("1m30s", "250ms"). Negative ones are refused.
func AsDuration(s string) (time.Duration, error) {
	text := strip(s)
	bad := fmt.Errorf("invalid duration %q, want seconds or a number with ms, s, m or h", s)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if !(n >= 0) || n > float64(math.MaxInt64)/float64(time.Second)-1 {
			return 0, bad
		}
		return time.Duration(n * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, bad
	}
	return d, nil
}

// Size is a number of bytes. It reads "114688", "64k", "10M", "1 GiB"; all
// units are powers of 1024.
type Size int64

// UnmarshalText reads a size.
func (z *Size) UnmarshalText(text []byte) error {
	s := strings.ToLower(strip(string(text)))
	digits := strings.TrimRightFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	shift, ok := map[string]uint{"": 0, "b": 0, "k": 10, "kb": 10, "kib": 10, "m": 20, "mb": 20, "mib": 20,
		"g": 30, "gb": 30, "gib": 30, "t": 40, "tb": 40, "tib": 40}[strip(s[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 || n > math.MaxInt64>>shift {
		return fmt.Errorf("invalid size %q, want bytes or a number with k, m or g", text)
	}
	*z = Size(n << shift)
	return nil
}

// String writes the number of bytes.
func (z Size) String() string { return strconv.FormatInt(int64(z), 10) }

// CommaList is a list written with commas, as oslo writes its lists: a, b.
// Empty items are left out.
type CommaList []string

// UnmarshalText splits the text.
func (l *CommaList) UnmarshalText(text []byte) error {
	*l = nil
	for _, item := range AsListSep(string(text), ",", true) {
		if item != "" {
			*l = append(*l, item)
		}
	}
	return nil
}

// String writes the list as it is read.
func (l CommaList) String() string { return strings.Join(l, ", ") }
