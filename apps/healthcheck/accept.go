package healthcheck

import (
	"strconv"
	"strings"
)

// offers are what can be sent, the preferred first.
var offers = []string{"text/plain", "text/html", "application/json"}

// negotiate chooses a media type by the Accept headers (RFC 9110 12.5.1) as
// WebOb does. There is no 406: to a client that accepts nothing of ours, or
// whose header is not one, text/plain is sent.
func negotiate(headers []string) string {
	ranges, ok := parseAccept(strings.Join(headers, ","))
	best, bestQuality := offers[0], 0.0
	if !ok {
		return best
	}
	for _, offer := range offers {
		if q := quality(offer, ranges); q > bestQuality {
			best, bestQuality = offer, q
		}
	}
	return best
}

// mediaRange is one element of an Accept header.
type mediaRange struct {
	mediaType string // lower case, without parameters
	params    bool
	quality   float64
}

// quality is that of the most specific range that fits; of two such the first
// counts.
func quality(offer string, ranges []mediaRange) float64 {
	var q float64
	best := 0
	for _, r := range ranges {
		if s := specificity(offer, r); s > best {
			best, q = s, r.quality
		}
	}
	return q
}

func specificity(offer string, r mediaRange) int {
	kind, _, _ := strings.Cut(offer, "/")
	switch {
	case r.mediaType == offer && !r.params: // none of the offers has parameters
		return 3
	case r.mediaType == kind+"/*":
		return 2
	case r.mediaType == "*/*":
		return 1
	default:
		return 0
	}
}

// parseAccept reads an Accept header; ok is false when it is not one. Empty
// elements are none.
func parseAccept(header string) (ranges []mediaRange, ok bool) {
	s := scanner(header)
	for s != "" {
		if s.space(); s.take(",") {
			continue
		}
		r, ok := s.mediaRange()
		if s.space(); !ok || s != "" && !s.take(",") {
			return nil, false
		}
		ranges = append(ranges, r)
	}
	return ranges, true
}

// scanner is what is left of a header.
type scanner string

func (s *scanner) space() { *s = scanner(strings.TrimLeft(string(*s), " \t")) }

func (s *scanner) take(prefix string) bool {
	rest, ok := strings.CutPrefix(string(*s), prefix)
	if ok {
		*s = scanner(rest)
	}
	return ok
}

// mediaRange reads type/subtype, parameters and, after a weight, extensions.
func (s *scanner) mediaRange() (mediaRange, bool) {
	kind := s.token()
	if kind == "" || !s.take("/") {
		return mediaRange{}, false
	}
	r := mediaRange{mediaType: strings.ToLower(kind + "/" + s.token()), quality: 1}
	ok := !strings.HasSuffix(r.mediaType, "/")
	for weighted := false; ok && s.semicolon(); {
		name := s.token()
		switch {
		case name == "":
			return r, false
		case !s.take("="):
			ok = weighted // only an extension may have no value
		case !weighted && strings.EqualFold(name, "q"):
			weighted = true
			r.quality, ok = parseWeight(s.token())
		default:
			ok = s.value()
			r.params = r.params || !weighted
		}
	}
	return r, ok
}

// semicolon takes what separates parameters; white space alone is left.
func (s *scanner) semicolon() bool {
	rest := *s
	rest.space()
	if !rest.take(";") {
		return false
	}
	rest.space()
	*s = rest
	return true
}

func (s *scanner) token() string {
	n := 0
	for n < len(*s) && isTokenChar((*s)[n]) {
		n++
	}
	t := (*s)[:n]
	*s = (*s)[n:]
	return string(t)
}

// value takes a token or a quoted string.
func (s *scanner) value() bool {
	if !s.take(`"`) {
		return s.token() != ""
	}
	for i := 0; i < len(*s); i++ {
		switch c := (*s)[i]; {
		case c == '"':
			*s = (*s)[i+1:]
			return true
		case c == '\\':
			i++ // whatever is quoted
		case c < ' ' && c != '\t' || c == 0x7f:
			return false
		}
	}
	return false
}

func isTokenChar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// parseWeight reads a qvalue: 0 to 1 with at most three decimals.
func parseWeight(text string) (float64, bool) {
	whole, decimals, _ := strings.Cut(text, ".")
	digits := strings.Trim(decimals, "0123456789") == ""
	if (whole != "0" && whole != "1") || len(decimals) > 3 || !digits || whole == "1" && strings.Trim(decimals, "0") != "" {
		return 0, false
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil
}
