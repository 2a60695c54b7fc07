// Package urlnormalize removes slashes at the end of paths, as keystone does.
package urlnormalize

import (
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter: it has none.
type Options struct{}

func init() {
	paste.RegisterFilter("egg:wheatpaste#url_normalize", Options{}, New,
		paste.LooseAlias("egg:keystone#url_normalize", "keystone.middleware:NormalizingFilter.factory",
			"keystone.middleware.core:NormalizingFilter.factory", "designate.api.middleware:NormalizeURIMiddleware.factory"),
		paste.Help("Removes slashes at the end of paths; an empty path becomes /."),
		paste.Example("[filter:url_normalize]\nuse = egg:wheatpaste#url_normalize"))
}

// New makes the filter.
func New(*paste.Build, Options) (alice.Constructor, error) { return wrap, nil }

func wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if len(path) > 1 && path[len(path)-1] == '/' {
			path = strings.TrimRight(path, "/")
		}
		if path == "" {
			path = "/"
		}
		if path != r.URL.Path {
			r = pipeline.Rebase(r, pipeline.FromRequest(r).ScriptName(), path)
		}
		next.ServeHTTP(w, r)
	})
}
