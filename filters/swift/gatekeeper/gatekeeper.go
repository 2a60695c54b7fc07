// Package gatekeeper is Swift's gatekeeper: headers that only Swift itself may
// write or read pass neither in nor out.
package gatekeeper

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Shunt         bool `paste:"shunt_inbound_x_timestamp,global" help:"a client's X-Timestamp goes in as X-Backend-Inbound-X-Timestamp"`
	AllowReserved bool `paste:"allow_reserved_names_header,global" help:"a client's X-Allow-Reserved-Names goes in as X-Backend-Allow-Reserved-Names; for tests"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_gatekeeper", Options{Shunt: true}, New,
		paste.LooseAlias("egg:swift#gatekeeper", "swift.common.middleware.gatekeeper:filter_factory"),
		paste.Help("Takes Swift's internal headers (system metadata, X-Backend-*) out of requests and answers."),
		paste.Example("[filter:gatekeeper]\nuse = egg:swift#gatekeeper\nshunt_inbound_x_timestamp = true"),
	)
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	log := b.Logger()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			drop(r.Header, log, "removed request headers")
			if o.Shunt {
				move(r.Header, "X-Timestamp", "X-Backend-Inbound-X-Timestamp")
			}
			if o.AllowReserved {
				move(r.Header, "X-Allow-Reserved-Names", "X-Backend-Allow-Reserved-Names")
			}
			ww := webob.NewWriter(w, func(int) bool {
				h := w.Header()
				drop(h, log, "removed response headers")
				if relative, _ := environ.LeaveRelativeLocation.Get(pipeline.FromRequest(r)); relative {
					relativeLocation(h)
				}
				return false
			})
			next.ServeHTTP(ww, r)
			ww.Finish()
		})
	}, nil
}

func move(h http.Header, from, to string) {
	if values, ok := h[from]; ok {
		delete(h, from)
		h[to] = values
	}
}

// drop removes what is private. The values are not logged: system metadata
// holds keys.
func drop(h http.Header, log *slog.Logger, message string) {
	for name := range h {
		if private(name) {
			delete(h, name)
			if log.Enabled(context.Background(), slog.LevelDebug) {
				log.Debug(message, "name", name)
			}
		}
	}
}

// prefixes begin the names that clients neither write nor read.
var prefixes = []string{"x-account-sysmeta-", "x-container-sysmeta-", "x-object-sysmeta-", "x-object-transient-sysmeta-", "x-backend"}

// whole are the internal names from before X-Backend.
var whole = []string{
	"x-account-host", "x-account-device", "x-account-partition",
	"x-container-host", "x-container-device", "x-container-partition", "x-container-root-db-state",
	"x-delete-at-host", "x-delete-at-device", "x-delete-at-partition", "x-delete-at-container",
}

// private compares as WSGI does, where an underscore is a hyphen: an app behind
// a WSGI server would see such a header under the private name.
func private(name string) bool {
	if len(name) < 2 || name[0]|0x20 != 'x' {
		return false
	}
	for _, p := range prefixes {
		if len(name) >= len(p) && same(name[:len(p)], p) {
			return true
		}
	}
	for _, n := range whole {
		if len(name) == len(n) && same(name, n) {
			return true
		}
	}
	return false
}

// same compares with a lower-case name of the same length.
func same(name, lower string) bool {
	for i := range len(lower) {
		c := name[i]
		if c == '_' {
			c = '-'
		} else if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// relativeLocation leaves of each Location path, query and fragment.
func relativeLocation(h http.Header) {
	for i, value := range h["Location"] {
		u, err := url.Parse(value)
		if err != nil {
			continue
		}
		path := u.EscapedPath()
		if u.RawQuery != "" {
			path += "?" + u.RawQuery
		}
		if _, fragment, ok := strings.Cut(value, "#"); ok && fragment != "" {
			path += "#" + fragment
		}
		h["Location"][i] = path
	}
}
