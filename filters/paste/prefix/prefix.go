// Package prefix is Paste Deploy's prefix filter: it gives an application behind
// a reverse proxy the address under which its clients know it.
package prefix

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Prefix     string            `paste:"prefix" help:"the path under which the proxy shows the application; it becomes SCRIPT_NAME"`
	XForwarded bool              `paste:"translate_forwarded_server" help:"take host, client and scheme from X-Forwarded-Server, -Host, -For, -Scheme and -Proto"`
	ForcePort  *string           `paste:"force_port" help:"the port that clients use; empty: the default port of the scheme"`
	Scheme     *string           `paste:"scheme" help:"the scheme that clients use, such as https"`
	Forwarded  bool              `paste:"translate_forwarded" help:"take host, client and scheme from the Forwarded header of RFC 7239"`
	Trusted    forwarded.Proxies `paste:"trusted_proxies" help:"addresses and networks of the proxies that are believed, unix for those on a unix socket; empty: everyone is, as in the original"`
}

func init() {
	paste.RegisterFilter("egg:PasteDeploy#prefix", Options{Prefix: "/", XForwarded: true}, New,
		paste.Alias("egg:wheatpaste#prefix", "paste.deploy.config:make_prefix_middleware"),
		paste.Help("Sets SCRIPT_NAME and takes host, client and scheme from the headers of a reverse proxy."),
		paste.Example(`
[filter:proxy-prefix]
use = egg:PasteDeploy#prefix
prefix = /galaxy
trusted_proxies = 127.0.0.1 10.0.0.0/8
`))
}

// New translates what a proxy says about a request.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{prefix: strings.TrimRight(o.Prefix, "/"), scheme: o.Scheme, headers: newHeaders(o)}
	if f.prefix != "" && !strings.HasPrefix(f.prefix, "/") {
		b.Warn("prefix", "does not begin with a slash, so that no path begins with it")
	}
	if o.Scheme != nil && *o.Scheme == "" {
		b.Warn("scheme", "an empty scheme makes every URL of the application invalid")
	}
	if o.ForcePort != nil {
		f.force = true
		if f.port = *o.ForcePort; f.port != "" {
			n, err := strconv.ParseUint(f.port, 10, 16)
			if err != nil || n == 0 {
				return nil, paste.BadOption("force_port", "invalid port %q, want 1 to 65535, or nothing for the scheme's default", f.port)
			}
		}
	}
	return f.wrap, nil
}

type filter struct {
	prefix  string // without a slash at the end
	headers headers
	force   bool
	port    string  // "" for the scheme's default
	scheme  *string // nil to leave it
}

// wrap does the four steps in the order of PFX-09.
func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		// PFX-02: SCRIPT_NAME is set, whatever it was.
		r = pipeline.Rebase(r, f.prefix, f.strip(r.URL.Path))
		r = f.headers.translate(env, r)
		if f.force {
			r = withHost(r, f.forcePort(env, r.Host))
		}
		if f.scheme != nil {
			env.SetScheme(*f.scheme)
		}
		next.ServeHTTP(w, r)
	})
}

// strip takes the prefix off a path (PFX-03). It is literal and ends at a
// segment's end (PFX-04, BUG-16).
func (f *filter) strip(path string) string {
	if rest, ok := strings.CutPrefix(path, f.prefix); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	if path == "" {
		return "/"
	}
	return path
}

// forcePort gives the Host and sets SERVER_PORT (PFX-07).
func (f *filter) forcePort(env *pipeline.Environ, host string) string {
	host = withoutPort(host)
	switch {
	case f.port != "":
		env.SetServerPort(f.port)
		return host + ":" + f.port
	case env.Scheme() == "http":
		env.SetServerPort("80")
	default:
		env.SetServerPort("443")
	}
	return host
}

// withoutPort cuts a Host at its port, an IPv6 address after its bracket.
func withoutPort(host string) string {
	if strings.HasPrefix(host, "[") {
		if address, _, ok := strings.Cut(host, "]"); ok {
			return address + "]"
		}
	}
	host, _, _ = strings.Cut(host, ":")
	return host
}

// withHost gives the request with another Host; the one that came in may be in
// use elsewhere.
func withHost(r *http.Request, host string) *http.Request {
	if r.Host == host {
		return r
	}
	moved := new(http.Request)
	*moved = *r
	moved.Host = host
	return moved
}
