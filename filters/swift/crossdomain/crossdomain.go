// Package crossdomain is Swift's crossdomain: it answers /crossdomain.xml.
package crossdomain

import (
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Policy string `paste:"cross_domain_policy,global" help:"the XML between the tags cross-domain-policy"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_crossdomain", Options{Policy: `<allow-access-from domain="*" secure="false" />`}, New,
		paste.LooseAlias("egg:swift#crossdomain", "swift.common.middleware.crossdomain:filter_factory"),
		paste.Help("Answers /crossdomain.xml with a policy for browser plugins such as Flash."),
		paste.Example("[filter:crossdomain]\nuse = egg:swift#crossdomain\ncross_domain_policy = <allow-access-from domain=\"*.example.com\" />"),
	)
}

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	answer := swob.Answer{Status: http.StatusOK, Type: "application/xml", Body: `<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >
<cross-domain-policy>
` + o.Policy + `
</cross-domain-policy>`}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && swob.FullPath(r) == "/crossdomain.xml" {
				answer.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}
