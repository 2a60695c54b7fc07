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
	Origins     paste.CommaList `paste:"allowed_origin,global" help:"origins that may read the answers, such as https://horizon.example.com, or *"`
	Credentials bool            `paste:"allow_credentials,global" help:"whether browsers may send cookies and the like"`
	Expose      paste.CommaList `paste:"expose_headers,global" help:"response headers that scripts may read"`
	MaxAge      seconds         `paste:"max_age,global" help:"seconds for which a browser may remember a preflight, 0 to not say"`
	Methods     paste.CommaList `paste:"allow_methods,global" help:"methods that a preflight may ask for"`
	Headers     paste.CommaList `paste:"allow_headers,global" help:"request headers that a preflight may ask for besides the simple ones"`

	LatentMethods string `paste:"latent_allow_methods" help:"accepted without effect, want allow_methods"`
	LatentHeaders string `paste:"latent_allow_headers" help:"accepted without effect, want allow_headers"`
	LatentExpose  string `paste:"latent_expose_headers" help:"accepted without effect, want expose_headers"`
	LatentMaxAge  string `paste:"latent_max_age" help:"accepted without effect, want max_age"`
	LatentCreds   string `paste:"latent_allow_credentials" help:"accepted without effect, want allow_credentials"`

	Project string `paste:"oslo_config_project,global" help:"names the service whose conf files may hold the options, in [cors]"`
	Program string `paste:"oslo_config_program,global" help:"the program of that service"`
	File    string `paste:"oslo_config_file,global" help:"the conf file to read in place of the usual ones"`
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
	origins     map[string]bool
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
	warn(b, o)
	f := &filter{origins: map[string]bool{}, credentials: o.Credentials, methods: o.Methods, headers: map[string]bool{}}
	f.expose = strings.Join(o.Expose, ",")
	if o.MaxAge != 0 {
		f.maxAge = strconv.Itoa(int(o.MaxAge))
	}
	for _, origin := range o.Origins {
		f.origins[origin] = true
	}
	for _, name := range slices.Concat(o.Headers, simpleHeaders) {
		f.headers[strings.ToUpper(name)] = true
	}
	return f.wrap, nil
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

// origin is what the answer allows: the request's origin, *, or nothing.
func (f *filter) origin(r *http.Request) (string, bool) {
	values, sent := r.Header["Origin"]
	if !sent {
		return "", false
	}
	if o := strings.Join(values, ","); f.origins[o] {
		return o, true
	}
	return "*", f.origins["*"]
}

// decorate is for all methods but OPTIONS.
func (f *filter) decorate(h http.Header, r *http.Request) {
	origin, ok := f.origin(r)
	if !ok {
		return
	}
	vary := "Origin"
	if values := h["Vary"]; len(values) > 0 { // of several the original keeps the last
		vary = values[len(values)-1] + ",Origin"
	}
	f.allow(h, vary, origin)
	if f.expose != "" {
		h.Set(exposeHeaders, f.expose)
	}
}

func (f *filter) allow(h http.Header, vary, origin string) {
	h.Set("Vary", vary)
	h.Set(allowOrigin, origin)
	if f.credentials {
		h.Set(allowCredentials, "true")
	}
}

// preflight adds the headers for OPTIONS; none when the origin, the method or
// one of the headers that are asked for is not allowed.
func (f *filter) preflight(h http.Header, r *http.Request) {
	origin, ok := f.origin(r)
	if !ok {
		return
	}
	method := strings.Join(r.Header[requestMethod], ",")
	if !slices.Contains(f.methods, method) {
		return
	}
	asked := paste.AsListSep(strings.Join(r.Header[requestHeaders], ","), ",", true)
	asked = slices.DeleteFunc(asked, func(name string) bool { return name == "" })
	for _, name := range asked {
		if !f.headers[strings.ToUpper(name)] {
			return
		}
	}
	f.allow(h, "Origin", origin)
	if f.maxAge != "" {
		h.Set(maxAge, f.maxAge)
	}
	h.Set(allowMethods, method)
	if len(asked) > 0 {
		h.Set(allowHeaders, strings.Join(asked, ","))
	}
}
