package proxy

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/wheatpaste/wheatpaste/apps/internal/wsgi"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// PasteOptions are the options of egg:Paste#proxy.
type PasteOptions struct {
	Address         string   `paste:"address,required" help:"http://host[:port]/base/ or https://...; base is lost without its last slash"`
	AllowedMethods  []string `paste:"allowed_request_methods" help:"methods that are passed on, others get 400; empty for all"`
	SuppressHeaders []string `paste:"suppress_http_headers" help:"request headers that are not passed on"`
}

// TransparentOptions are the options of egg:Paste#transparent_proxy.
type TransparentOptions struct {
	ForceHost   string `paste:"force_host" help:"host[:port] to connect to; empty for the one in the request's Host"`
	ForceScheme string `paste:"force_scheme" help:"http or https, together with force_host"`
}

func init() {
	paste.RegisterApp("egg:Paste#proxy", PasteOptions{}, NewPaste,
		paste.Alias("paste.proxy:make_proxy"),
		paste.Help("Passes requests on as Paste's proxy does; egg:wheatpaste#proxy has timeouts, sockets and more."),
		paste.Example("[app:blog]\nuse = egg:Paste#proxy\naddress = http://127.0.0.1:9080/blog/\nsuppress_http_headers = accept-encoding"))
	paste.RegisterApp("egg:Paste#transparent_proxy", TransparentOptions{ForceScheme: "http"}, NewTransparent,
		paste.Alias("paste.proxy:make_transparent_proxy"),
		paste.Help("Passes requests on to the host in their Host header, or to one fixed host with that header kept."),
		paste.Example("[app:main]\nuse = egg:Paste#transparent_proxy\nforce_host = 127.0.0.1:9080"))
}

// NewPaste makes the proxy of Paste (EP-06).
func NewPaste(b *paste.Build, o PasteOptions) (http.Handler, error) {
	address, query, found := strings.Cut(o.Address, "?")
	up, err := parseAddress(address, false)
	if err != nil {
		return nil, err
	}
	if found {
		b.Warn("address", "the query "+query+" is not used")
	}
	if base := up.base.Path; base != "" && !strings.HasSuffix(base, "/") {
		b.Warn("address", "the last part of "+base+" is replaced by the path of the request, end it with a slash to keep it")
	}
	full := defaults()
	full.AllowedMethods, full.SuppressHeaders = o.AllowedMethods, o.SuppressHeaders
	full.XForwarded, full.Forwarded = passReplaceFor, pass
	p := newProxy(b, full, up)
	p.join = joinRelative
	p.refuse = func(_ *proxy, w http.ResponseWriter) { http.Error(w, "Disallowed", http.StatusBadRequest) }
	return p, nil
}

// transparent passes requests on to the host that they name.
type transparent struct {
	force   *upstream // nil for the request's own host
	name    string    // in Via
	reverse httputil.ReverseProxy
}

// NewTransparent makes the transparent proxy of Paste (EP-07).
func NewTransparent(b *paste.Build, o TransparentOptions) (http.Handler, error) {
	t := &transparent{name: "wheatpaste-" + rand.Text()[:10]}
	if o.ForceScheme != "http" && o.ForceScheme != "https" {
		return nil, paste.BadOption("force_scheme", "invalid scheme %q, want http or https", o.ForceScheme)
	}
	if o.ForceHost == "" {
		b.Warn("force_host", "not given, so every client can reach every host that this machine reaches")
	} else {
		u, err := url.Parse("//" + o.ForceHost)
		if err != nil || u.Host != o.ForceHost || u.Hostname() == "" {
			return nil, paste.BadOption("force_host", "invalid host %q, want host or host:port", o.ForceHost)
		}
		t.force = &upstream{scheme: o.ForceScheme, host: o.ForceHost}
	}
	full := defaults()
	transport := newTransport(full, nil)
	b.OnClose(func(context.Context) error {
		transport.CloseIdleConnections()
		return nil
	})
	t.reverse = newReverse(b.Logger(), transport)
	t.reverse.Rewrite = t.rewrite
	t.reverse.ErrorHandler = fail(b.Logger(), "transparent")
	return t, nil
}

// ServeHTTP passes one request on.
func (t *transparent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refuseTunnel(w, r) {
		return
	}
	if r.Host == "" {
		answer(w, r, http.StatusBadRequest, "a Host header is needed")
		return
	}
	if strings.Contains(strings.Join(r.Header["Via"], ","), " "+t.name) {
		answer(w, r, http.StatusLoopDetected, "the request names the proxy itself as its host")
		return
	}
	duplex(w, r)
	t.reverse.ServeHTTP(w, r)
}

func (t *transparent) rewrite(pr *httputil.ProxyRequest) {
	env := pipeline.FromRequest(pr.In)
	up := t.force
	if up == nil {
		up = &upstream{scheme: env.Scheme(), host: pr.In.Host}
	}
	script := env.ScriptName()
	up.route(pr, func(_, path string) string { return path })
	pr.Out.URL.Path = script + pr.In.URL.Path
	pr.Out.URL.RawPath = wsgi.EscapePath(script) + pr.In.URL.EscapedPath()
	pr.Out.Host = pr.In.Host
	pr.Out.Trailer = pr.In.Trailer
	passSetFor.restore(pr, isXForwarded)
	pass.restore(pr, isForwarded)
	passSetFor.addXForwarded(pr)
	pr.Out.Header.Set("Via", appendHop(pr.In.Header["Via"], "1.1 "+t.name))
}
