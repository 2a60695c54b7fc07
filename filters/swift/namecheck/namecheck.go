// Package namecheck is Swift's name_check: it refuses paths with characters,
// a length or a pattern that the operator does not want.
package namecheck

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Chars     string `paste:"forbidden_chars,global" help:"no path may hold one of these characters"`
	MaxLength int    `paste:"maximum_length,global" help:"bytes of the longest path"`
	Regexp    string `paste:"forbidden_regexp,global" help:"no path may hold a match of this pattern; none when empty"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_name_check", Options{Chars: "'\"`<>", MaxLength: 255, Regexp: `/\./|/\.\./|/\.$|/\.\.$`}, New,
		paste.LooseAlias("egg:swift#name_check", "swift.common.middleware.name_check:filter_factory"),
		paste.Help("Refuses paths that hold unwanted characters or patterns, or are too long, with 400."),
		paste.Example("[filter:name_check]\nuse = egg:swift#name_check\nmaximum_length = 512"),
	)
}

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	var pattern *regexp.Regexp
	if o.Regexp != "" {
		var err error
		if pattern, err = regexp.Compile(o.Regexp); err != nil {
			return nil, paste.BadOption("forbidden_regexp", "%w; look-around and back references do not exist in Go", err)
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := r.URL.Path
			switch {
			case holds(path, o.Chars):
				refuse(w, r, "Object/Container/Account name contains forbidden chars from "+o.Chars)
			case len(path) > o.MaxLength:
				refuse(w, r, "Object/Container/Account name longer than the allowed maximum "+strconv.Itoa(o.MaxLength))
			case pattern != nil && pattern.MatchString(path):
				refuse(w, r, "Object/Container/Account name contains a forbidden substring from regular expression "+o.Regexp)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}, nil
}

// holds compares as WSGI does: the path is a text of Latin-1 there, so that a
// character beyond it is never found.
func holds(path, chars string) bool {
	for _, c := range chars {
		if c < utf8.RuneSelf {
			if strings.IndexByte(path, byte(c)) >= 0 {
				return true
			}
		} else if c <= 0xff && strings.IndexByte(path, byte(c)) >= 0 {
			return true
		}
	}
	return false
}

func refuse(w http.ResponseWriter, r *http.Request, body string) {
	swob.Answer{Status: http.StatusBadRequest, Body: body}.ServeHTTP(w, r)
}
