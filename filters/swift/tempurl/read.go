package tempurl

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// read takes the query apart; of a parameter that stands twice the first one
// counts.
func (f *filter) read(query string) claim {
	var c claim
	seen := map[string]bool{}
	for item := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(item, "=")
		name, value = plain(name), plain(value)
		if seen[name] {
			continue
		}
		seen[name] = true
		switch name {
		case "temp_url_sig":
			c.sig, c.hasSig = value, true
		case "temp_url_expires":
			c.expires, c.hasExpires = f.expiry(value), true
		case "temp_url_prefix":
			c.prefix, c.hasPrefix = value, true
		case "temp_url_ip_range":
			c.ipRange = value
		case "filename":
			c.filename = value
		case "inline":
			c.inline = true
		}
	}
	return c
}

func plain(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}

// expiry reads seconds since 1970, or a time in UTC; 0 for one that is past.
func (f *filter) expiry(text string) int64 {
	n, err := paste.AsInt(text)
	if err != nil {
		t, err := time.Parse("2006-1-2T15:4:5Z", text)
		if err != nil {
			return 0
		}
		n = t.Unix()
	}
	if n < f.now().Unix() {
		return 0
	}
	return n
}

// forbidden are the headers of writes that would point elsewhere.
var forbidden = []string{"X-Object-Manifest", "X-Symlink-Target", "X-Copy-From"}

func disallowed(r *http.Request) http.Handler {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	for name := range r.Header {
		for _, f := range forbidden {
			if strings.EqualFold(strings.ReplaceAll(name, "_", "-"), f) {
				return swob.Answer{Status: http.StatusBadRequest, Body: "The header '" + f + "' is not allowed in this tempurl"}
			}
		}
	}
	return nil
}

// names are headers to take out, and those that stay nevertheless.
type names struct{ remove, allow []string }

func (n names) clean(h http.Header) {
	for name := range h {
		if matches(n.remove, name) && !matches(n.allow, name) {
			delete(h, name)
		}
	}
}

func matches(patterns []string, name string) bool {
	name = strings.ReplaceAll(name, "_", "-")
	for _, p := range patterns {
		p = strings.ReplaceAll(p, "_", "-")
		if prefix, ok := strings.CutSuffix(p, "*"); ok {
			if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
				return true
			}
		} else if strings.EqualFold(name, p) {
			return true
		}
	}
	return false
}
