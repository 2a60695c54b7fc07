// Package healthcheck is Swift's healthcheck filter.
package healthcheck

import (
	"net/http"
	"os"
	"strconv"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of the filter.
type Options struct {
	DisablePath string `paste:"disable_path,global" help:"answer 503 while this file exists"`
}

func init() {
	paste.RegisterFilter("egg:swift#healthcheck", Options{}, New,
		paste.LooseAlias("swift.common.middleware.healthcheck:filter_factory"),
		paste.Alias("egg:wheatpaste#swift_healthcheck"),
		paste.Help("Answers /healthcheck with OK, or with 503 while a file exists."),
		paste.Example(`
[filter:healthcheck]
use = egg:swift#healthcheck
disable_path = /etc/swift/healthcheck_disable
`))
}

// path is where the filter answers; Swift has no option for it.
const path = "/healthcheck"

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			env := pipeline.FromRequest(r)
			if env.ScriptName()+r.URL.Path != path {
				next.ServeHTTP(w, r)
				return
			}
			if env.Draining() { // so that load balancers look elsewhere (PAIN-27)
				answer(w, r, http.StatusServiceUnavailable, "DRAINING")
				return
			}
			if o.DisablePath != "" && exists(o.DisablePath) {
				answer(w, r, http.StatusServiceUnavailable, "DISABLED BY FILE")
				return
			}
			answer(w, r, http.StatusOK, "OK")
		})
	}, nil
}

// exists follows links; what cannot be looked at is not there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func answer(w http.ResponseWriter, r *http.Request, status int, body string) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write([]byte(body)) //nolint:errcheck // the client left; net/http knows
	}
}
