package compress

import (
	"net/http"
	"strconv"
	"strings"
)

// choose finds the coding that the client likes best (RFC 9110 12.5.3), among
// equals the one that is offered first; nil for none.
func (f *filter) choose(r *http.Request) *coding {
	values := r.Header["Accept-Encoding"]
	if len(values) == 0 {
		return nil
	}
	var best *coding
	bestWeight := 0
	for _, c := range f.offered {
		if weight := weightOf(c.name, values); weight > bestWeight {
			best, bestWeight = c, weight
		}
	}
	// Who likes the plain answer better gets it: identity;q=1, gzip;q=0.5.
	if best != nil && weightOf("identity", values) > bestWeight {
		return nil
	}
	return best
}

// weightOf gives the weight of a coding in thousandths: its own, else that of
// the star, else 0.
func weightOf(name string, values []string) int {
	star := 0
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			token, params, _ := strings.Cut(item, ";")
			token = strings.TrimSpace(token)
			switch {
			case strings.EqualFold(token, name), name == "gzip" && strings.EqualFold(token, "x-gzip"):
				return quality(params)
			case token == "*" && name != "identity":
				star = quality(params)
			}
		}
	}
	return star
}

// quality reads q=0.5 as 500; 1000 without it, 0 if it cannot be read.
func quality(params string) int {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		value = strings.TrimSpace(value)
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || len(value) > len("0.000") || !(q >= 0 && q <= 1) {
			return 0
		}
		return int(q * 1000)
	}
	return 1000
}

// vary tells caches that the answer depends on Accept-Encoding.
func vary(h http.Header) {
	for _, value := range h["Vary"] {
		for name := range strings.SplitSeq(value, ",") {
			name = strings.TrimSpace(name)
			if name == "*" || strings.EqualFold(name, "Accept-Encoding") {
				return
			}
		}
	}
	if len(h["Vary"]) == 0 {
		h["Vary"] = acceptEncoding
		return
	}
	h.Add("Vary", "Accept-Encoding")
}

// acceptEncoding is shared by all answers: a slice of length and capacity 1.
var acceptEncoding = []string{"Accept-Encoding"}
