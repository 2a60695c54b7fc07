package pipeline

import (
	"net/http"
	"strings"
)

// Mount puts an application under a path of a host program's own router, as a
// URLMap does: the prefix becomes SCRIPT_NAME, so that links which the
// application writes lead back to it. Requests that do not lie under the prefix
// get 404.
func Mount(prefix string, app http.Handler) http.Handler {
	prefix = strings.TrimSuffix(prefix, "/")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, prefix)
		if !ok || path != "" && path[0] != '/' {
			http.NotFound(w, r)
			return
		}
		_, w, r = Begin(w, r)
		app.ServeHTTP(w, Rebase(r, prefix, path))
	})
}
