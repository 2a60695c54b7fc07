// Package authurl tells heat's application where keystone is, by the header
// X-Auth-Url, as heat's AuthUrlFilter does.
package authurl

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/keystonecontext"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	AuthURI      string          `paste:"auth_uri,global" help:"the URL of keystone"`
	Clients      string          `paste:"clients_keystone_auth_uri" conf:"clients_keystone.auth_uri" help:"without auth_uri: the URL of keystone, whose /v3 is taken"`
	Authenticate string          `paste:"www_authenticate_uri" conf:"keystone_authtoken.www_authenticate_uri,keystone_authtoken.auth_uri" help:"without both: the URL of keystone as it stands"`
	MultiCloud   bool            `paste:"multi_cloud" conf:"auth_password.multi_cloud" help:"let clients choose among allowed_auth_uris"`
	Allowed      paste.CommaList `paste:"allowed_auth_uris" conf:"auth_password.allowed_auth_uris" help:"the URLs that clients may choose"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#heat_auth_url", Options{}, New,
		paste.LooseAlias("heat.common.auth_url:filter_factory"),
		paste.Help("Sets the request header X-Auth-Url to the URL of keystone; with multi_cloud it checks the one that the client sent."),
		paste.Example("[filter:authurl]\nuse = egg:wheatpaste#heat_auth_url\nauth_uri = https://keystone.example.org/v3"))
}

type filter struct {
	url     []string
	multi   bool
	allowed []string
}

const header = "X-Auth-Url"

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{url: []string{cmp.Or(o.AuthURI, versioned(o.Clients), o.Authenticate)}, multi: o.MultiCloud, allowed: o.Allowed}
	if f.url[0] == "" && !f.multi {
		b.Warn("auth_uri", "missing, X-Auth-Url will be empty")
	}
	return f.wrap, nil
}

// versioned adds the version that the original finds by asking keystone.
func versioned(uri string) string {
	base := strings.TrimRight(uri, "/")
	if base == "" || strings.HasSuffix(base, "/v3") {
		return base
	}
	return strings.TrimSuffix(base, "/v2.0") + "/v3"
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.multi {
			if f.refused(w, r) {
				return
			}
		} else {
			r2 := new(http.Request)
			*r2 = *r
			r2.Header = r.Header.Clone()
			r2.Header[header] = f.url
			r = r2
		}
		ww := webob.Response(w, r, nil)
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

// refused answers a client that chose no URL, or one that is not allowed.
func (f *filter) refused(w http.ResponseWriter, r *http.Request) bool {
	sent := strings.Join(r.Header[header], ",")
	switch {
	case sent == "":
		webob.Page{Status: http.StatusBadRequest, Detail: "Request missing required header X-Auth-Url",
			Explanation: "The server could not comply with the request since it is either malformed or otherwise incorrect."}.Write(w, r)
		return true
	case !slices.Contains(f.allowed, sent):
		keystonecontext.UnauthorizedBecause(w, r, fmt.Sprintf("Header X-Auth-Url \"%s\" not an allowed endpoint", sent))
		return true
	}
	return false
}
