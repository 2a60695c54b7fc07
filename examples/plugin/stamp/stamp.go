// Package stamp is a filter that puts a header on every answer.
package stamp

import (
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options are the options of the filter, as they are written in its section.
type Options struct {
	Header string `paste:"header" help:"name of the header"`
	Value  string `paste:"value,required" help:"its value"`
}

func init() {
	paste.RegisterFilter("egg:teaserver#stamp", Options{Header: "X-Stamp"}, New,
		paste.Help("Puts a header on every answer."),
		paste.Example("[filter:stamp]\nuse = egg:teaserver#stamp\nvalue = tea"))
}

// New makes the filter. It has no side effect: what opens files or sockets
// belongs into b.OnStart.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	if o.Header == "" || strings.ContainsAny(o.Header, " :\t\r\n") {
		return nil, paste.BadOption("header", "invalid header %q, want a name such as X-Stamp", o.Header)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(o.Header, o.Value)
			next.ServeHTTP(w, r)
		})
	}, nil
}
