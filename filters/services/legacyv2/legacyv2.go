// Package legacyv2 hides microversions from clients of nova's old API.
package legacyv2

import (
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/microversion"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter: it has none.
type Options struct{}

func init() {
	paste.RegisterFilter("egg:wheatpaste#legacy_v2_compatible", Options{}, New,
		paste.LooseAlias("nova.api.openstack:LegacyV2CompatibleWrapper.factory"),
		paste.Help("Takes the headers of microversions out of requests and answers, for clients of nova's old API."),
		paste.Example("[filter:legacy_v2_compatible]\nuse = egg:wheatpaste#legacy_v2_compatible"),
	)
}

// New makes the filter.
func New(*paste.Build, Options) (alice.Constructor, error) { return wrap, nil }

func wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		microversion.LegacyV2.Set(pipeline.FromRequest(r), true)
		ww := webob.Response(w, r, func(int) bool {
			clean(w.Header())
			return false
		})
		next.ServeHTTP(ww, withoutVersions(r))
		ww.Finish()
	})
}

// withoutVersions gives the request without the headers; the one that came in
// belongs to the outer filters.
func withoutVersions(r *http.Request) *http.Request {
	if r.Header[microversion.Header] == nil && r.Header[microversion.NovaHeader] == nil {
		return r
	}
	r2 := new(http.Request)
	*r2 = *r
	r2.Header = make(http.Header, len(r.Header))
	for name, values := range r.Header {
		if name != microversion.Header && name != microversion.NovaHeader {
			r2.Header[name] = values
		}
	}
	return r2
}

func clean(h http.Header) {
	delete(h, microversion.Header)
	delete(h, microversion.NovaHeader)
	vary := h["Vary"]
	if len(vary) == 0 {
		return
	}
	var kept []string
	for _, line := range vary {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if !strings.EqualFold(name, microversion.Header) && !strings.EqualFold(name, microversion.NovaHeader) {
				kept = append(kept, name)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Vary")
		return
	}
	h["Vary"] = []string{strings.Join(kept, ",")}
}
