// Package cors answers cross-origin requests of browsers, as oslo.middleware's
// CORS does.
package cors

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Origins     paste.CommaList `paste:"allowed_origin,global" conf:"cors.allowed_origin" help:"origins that may read the answers, such as https://horizon.example.com, or *"`
	Credentials bool            `paste:"allow_credentials,global" conf:"cors.allow_credentials" help:"whether browsers may send cookies and the like"`
	Expose      paste.CommaList `paste:"expose_headers,global" conf:"cors.expose_headers" help:"response headers that scripts may read"`
	MaxAge      seconds         `paste:"max_age,global" conf:"cors.max_age" help:"seconds for which a browser may remember a preflight, 0 to not say"`
	Methods     paste.CommaList `paste:"allow_methods,global" conf:"cors.allow_methods" help:"methods that a preflight may ask for"`
	Headers     paste.CommaList `paste:"allow_headers,global" conf:"cors.allow_headers" help:"request headers that a preflight may ask for besides the simple ones"`

	LatentMethods string `paste:"latent_allow_methods" help:"accepted without effect, want allow_methods"`
	LatentHeaders string `paste:"latent_allow_headers" help:"accepted without effect, want allow_headers"`
	LatentExpose  string `paste:"latent_expose_headers" help:"accepted without effect, want expose_headers"`
	LatentMaxAge  string `paste:"latent_max_age" help:"accepted without effect, want max_age"`
	LatentCreds   string `paste:"latent_allow_credentials" help:"accepted without effect, want allow_credentials"`
}

var defaults = Options{
	Credentials: true,
	MaxAge:      3600,
	Methods:     paste.CommaList{"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "PATCH"},
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#cors", defaults, New,
		paste.LooseAlias(
			"egg:oslo.middleware#cors",
			"oslo_middleware:CORS.factory",
			"oslo_middleware.cors:CORS.factory",
			"oslo_middleware.cors:filter_factory",
			"oslo.middleware:CORS.factory",
			"oslo.middleware.cors:CORS.factory",
			"oslo.middleware.cors:filter_factory",
		),
		paste.Help("Answers preflights and adds the CORS headers for the allowed origins. An application that sets Access-Control-Allow-Origin itself is left alone."),
		paste.Example("[filter:cors]\nuse = egg:oslo.middleware#cors\nallowed_origin = https://horizon.example.com"),
	)
}

// seconds is an option that may be empty, which is 0.
type seconds int

// UnmarshalText reads a whole number of seconds.
func (s *seconds) UnmarshalText(text []byte) error {
	*s = 0
	if len(text) == 0 {
		return nil
	}
	n, err := paste.AsInt(string(text))
	*s = seconds(n)
	return err
}

// simpleHeaders need not be in allow_headers.
var simpleHeaders = []string{
	"Accept", "Accept-Language", "Content-Type", "Cache-Control", "Content-Language", "Expires", "Last-Modified", "Pragma",
}

// The headers of the CORS protocol.
const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
	allowMethods     = "Access-Control-Allow-Methods"
	allowHeaders     = "Access-Control-Allow-Headers"
	exposeHeaders    = "Access-Control-Expose-Headers"
	maxAge           = "Access-Control-Max-Age"
	requestMethod    = "Access-Control-Request-Method"
	requestHeaders   = "Access-Control-Request-Headers"
)

type filter struct {
	origins map[string]*rules // by origin as the browser writes it; * for all others
}

// rules are what an origin may do.
type rules struct {
	credentials bool
	expose      string
	maxAge      string // "" to not send it
	methods     []string
	headers     map[string]bool // in capitals
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	local := b.LocalConf()
	if !local.Has("allowed_origin") && !local.Has("oslo_config_project") {
		return nil, paste.BadOption("allowed_origin", "allowed_origin or oslo_config_project is required, in this section itself (those of [DEFAULT] do not count)")
	}
	f := &filter{origins: map[string]*rules{}}
	f.add(b, o)
	if err := f.addGroups(b, o); err != nil {
		return nil, err
	}
	return f.wrap, nil
}

// addGroups adds what the groups [cors.NAME] of conf files say, in the order of
// their names. What one of them does not set is as in the main group; an origin
// that was seen before stays as it is.
func (f *filter) addGroups(b *paste.Build, o Options) error {
	groups, err := b.ConfGroups()
	if err != nil {
		return err
	}
	slices.Sort(groups)
	for _, group := range groups {
		if !strings.HasPrefix(group, "cors.") {
			continue
		}
		other := o
		other.Origins = nil
		if err := b.ReadConf(group, &other); err != nil {
			return err
		}
		f.add(b, other)
	}
	return nil
}

func (f *filter) add(b *paste.Build, o Options) {
	warn(b, o)
	r := &rules{credentials: o.Credentials, methods: o.Methods, headers: map[string]bool{}}
	r.expose = strings.Join(o.Expose, ",")
	if o.MaxAge != 0 {
		r.maxAge = strconv.Itoa(int(o.MaxAge))
	}
	for _, name := range slices.Concat(o.Headers, simpleHeaders) {
		r.headers[strings.ToUpper(name)] = true
	}
	for _, origin := range o.Origins {
		if f.origins[origin] != nil {
			b.Warn("allowed_origin", fmt.Sprintf("origin %q comes again, the first one counts", origin))
			continue
		}
		f.origins[origin] = r
	}
}

// warn names what the original takes and ignores, or takes at its word.
func warn(b *paste.Build, o Options) {
	local := b.LocalConf()
	for _, name := range []string{"allow_methods", "allow_headers", "expose_headers", "max_age", "allow_credentials"} {
		if local.Has("latent_" + name) {
			b.Warn("latent_"+name, "has no effect in oslo.middleware any more, want "+name)
		}
	}
	for _, origin := range o.Origins {
		if strings.HasSuffix(origin, "/") {
			b.Warn("allowed_origin", fmt.Sprintf("origin %q never matches, want it without the slash at its end", origin))
		}
	}
	if slices.Contains(o.Origins, "*") && o.Credentials {
		b.Warn("allowed_origin", "browsers refuse credentials from the origin *, want named origins or allow_credentials = false")
	}
	if slices.Contains(o.Methods, "*") {
		b.Warn("allow_methods", "* stands for no other method, want their names")
	}
	if slices.Contains(o.Headers, "*") {
		b.Warn("allow_headers", "* stands for no other header, want their names")
	}
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		replaced := false
		var ww *webob.Writer
		ww = webob.Response(w, r, func(status int) bool {
			switch {
			case len(w.Header()[allowOrigin]) > 0: // the application knows better
			case r.Method != http.MethodOptions:
				f.decorate(w.Header(), r)
			case status >= 200 && status < 300: // it answers preflights itself, but not all of it
				f.preflight(w.Header(), r)
			default:
				replaced = true
				ww.Reset()
				w.Header().Set("Content-Length", "0")
				f.preflight(w.Header(), r)
				w.WriteHeader(http.StatusOK)
			}
			return replaced
		})
		defer func() {
			if replaced {
				pipeline.Answered(r)
			}
		}()
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

// origin is what the answer allows, the request's origin or *, and what this
// origin may do; nil when it is not allowed.
func (f *filter) origin(r *http.Request) (string, *rules) {
	values, sent := r.Header["Origin"]
	if !sent {
		return "", nil
	}
	origin := strings.Join(values, ",")
	if allowed := f.origins[origin]; allowed != nil {
		return origin, allowed
	}
	return "*", f.origins["*"]
}

// decorate is for all methods but OPTIONS.
func (f *filter) decorate(h http.Header, r *http.Request) {
	origin, allowed := f.origin(r)
	if allowed == nil {
		return
	}
	vary := "Origin"
	if values := h["Vary"]; len(values) > 0 { // of several the original keeps the last
		vary = values[len(values)-1] + ",Origin"
	}
	allowed.allow(h, vary, origin)
	if allowed.expose != "" {
		h.Set(exposeHeaders, allowed.expose)
	}
}

func (a *rules) allow(h http.Header, vary, origin string) {
	h.Set("Vary", vary)
	h.Set(allowOrigin, origin)
	if a.credentials {
		h.Set(allowCredentials, "true")
	}
}

// preflight adds the headers for OPTIONS; none when the origin, the method or
// one of the headers that are asked for is not allowed.
func (f *filter) preflight(h http.Header, r *http.Request) {
	origin, allowed := f.origin(r)
	if allowed == nil {
		return
	}
	method := strings.Join(r.Header[requestMethod], ",")
	if !slices.Contains(allowed.methods, method) {
		return
	}
	asked := paste.AsListSep(strings.Join(r.Header[requestHeaders], ","), ",", true)
	asked = slices.DeleteFunc(asked, func(name string) bool { return name == "" })
	for _, name := range asked {
		if !allowed.headers[strings.ToUpper(name)] {
			return
		}
	}
	allowed.allow(h, "Origin", origin)
	if allowed.maxAge != "" {
		h.Set(maxAge, allowed.maxAge)
	}
	h.Set(allowMethods, method)
	if len(asked) > 0 {
		h.Set(allowHeaders, strings.Join(asked, ","))
	}
}
