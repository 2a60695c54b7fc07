// Package etagquoter is Swift's etag_quoter: it puts the ETags of objects
// between quotes, as RFC 9110 wants them, where an account or container asks
// for it.
package etagquoter

import (
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/info"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Default bool `paste:"enable_by_default,global" help:"quote where neither container nor account says anything"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_etag_quoter", Options{}, New,
		paste.LooseAlias("egg:swift#etag_quoter", "swift.common.middleware.etag_quoter:filter_factory"),
		paste.Help("Quotes the ETags of objects where X-Account- or X-Container-Rfc-Compliant-Etags asks for it."),
		paste.Example("[filter:etag-quoter]\nuse = egg:swift#etag_quoter\nenable_by_default = true"),
	)
}

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			segs, ok := swob.Split(swob.FullPath(r), 2, 4, true)
			switch {
			case !ok || !swob.ValidVersion(segs[0]):
				next.ServeHTTP(w, r)
			case segs[3] == "":
				setting(next, w, r, segs[2] != "")
			default:
				object(next, w, r, o.Default)
			}
		})
	}, nil
}

// setting translates between the header of clients and the one that is stored.
func setting(next http.Handler, w http.ResponseWriter, r *http.Request, container bool) {
	kind := "Account"
	if container {
		kind = "Container"
	}
	header, stored := "X-"+kind+"-Rfc-Compliant-Etags", "X-"+kind+"-Sysmeta-Rfc-Compliant-Etags"
	if values, ok := r.Header[header]; ok {
		value := strings.Join(values, ",")
		switch {
		case value == "":
		case swob.True(value):
			value = "True"
		default:
			value = "False"
		}
		r.Header[stored] = []string{value}
	}
	if r.Header.Get("X-Remove-"+kind+"-Rfc-Compliant-Etags") != "" {
		r.Header[stored] = []string{""}
	}
	ww := webob.NewWriter(w, func(int) bool {
		if values, ok := w.Header()[stored]; ok {
			delete(w.Header(), stored)
			w.Header()[header] = values
		}
		return false
	})
	next.ServeHTTP(ww, r)
	ww.Finish()
}

// object quotes the ETag of an object if that is wanted.
func object(next http.Handler, w http.ResponseWriter, r *http.Request, quote bool) {
	container, _ := info.Container(next, r, r.URL.Path, "EQ")
	if !container.Success() {
		next.ServeHTTP(w, r)
		return
	}
	flag, ok := container.Sysmeta["rfc-compliant-etags"]
	if !ok {
		account, _ := info.Account(next, r, r.URL.Path, "EQ")
		if !account.Success() {
			next.ServeHTTP(w, r)
			return
		}
		flag, ok = account.Sysmeta["rfc-compliant-etags"]
	}
	if ok {
		quote = swob.True(flag)
	}
	if !quote {
		next.ServeHTTP(w, r)
		return
	}
	ww := webob.NewWriter(w, func(int) bool {
		for i, v := range w.Header()["Etag"] {
			if (!strings.HasPrefix(v, `"`) && !strings.HasPrefix(v, `W/"`)) || !strings.HasSuffix(v, `"`) {
				w.Header()["Etag"][i] = `"` + v + `"`
			}
		}
		return false
	})
	next.ServeHTTP(ww, r)
	ww.Finish()
}
