// Package proxy holds reverse proxies: wheatpaste's own and the two of Paste.
package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options are the options of wheatpaste's own proxy.
type Options struct {
	Address         string        `paste:"address,required" help:"http://host[:port][/base], https://..., or unix:/path/of/socket[:/base]"`
	AllowedMethods  []string      `paste:"allowed_request_methods" help:"methods that are passed on, others get 405; empty for all"`
	SuppressHeaders []string      `paste:"suppress_http_headers" help:"request headers that are not passed on"`
	PreserveHost    bool          `paste:"preserve_host" help:"send the client's Host instead of the upstream's"`
	XForwarded      forwardMode   `paste:"x_forwarded" help:"X-Forwarded-For, -Host, -Proto, -Prefix: replace, append, pass or off"`
	Forwarded       forwardMode   `paste:"forwarded" help:"the header Forwarded of RFC 7239: replace, append, pass or off"`
	ConnectTimeout  time.Duration `paste:"connect_timeout" help:"for opening a connection; 0 waits for ever"`
	ResponseTimeout time.Duration `paste:"response_timeout" help:"for the headers of the answer, once the request is sent; 0 waits for ever"`
	IdleTimeout     time.Duration `paste:"idle_timeout" help:"how long an unused connection is kept; 0 for ever"`
	KeepAlive       int           `paste:"keepalive_connections" help:"how many unused connections are kept; 0 keeps none"`
	MaxConnections  int           `paste:"max_connections" help:"connections at a time, further requests wait; 0 is no limit"`
	CAFile          string        `paste:"ca_file" help:"certificates that the upstream's is checked by; empty for the system's"`
	CertFile        string        `paste:"cert_file" help:"certificate to show to the upstream"`
	KeyFile         string        `paste:"key_file" help:"its key"`
	Insecure        bool          `paste:"insecure" help:"do not check the upstream's certificate"`

	Balance        balance       `paste:"balance" help:"with several URLs in address, which gets a request: round_robin, or least_connections"`
	Retries        int           `paste:"retries" help:"how often another of several upstreams is tried: when no connection came about, and for GET, HEAD and OPTIONS after 502, 503, 504 or a broken connection"`
	RetryBudget    int           `paste:"retry_budget" help:"retries per 100 requests; more would bury the upstreams that are left"`
	MaxFails       int           `paste:"max_fails" help:"failures in a row after which one of several upstreams is left out; 0 leaves none out"`
	FailTimeout    time.Duration `paste:"fail_timeout" help:"for how long"`
	HealthPath     string        `paste:"health_path" help:"path behind the URLs in address that is asked to see whether they are well; empty asks nothing"`
	HealthInterval time.Duration `paste:"health_interval" help:"how often"`
	HealthTimeout  time.Duration `paste:"health_timeout" help:"how long it may take"`
}

// defaults of all the proxies.
func defaults() Options {
	return Options{
		XForwarded: replace, Forwarded: off,
		ConnectTimeout: 10 * time.Second, ResponseTimeout: time.Minute, IdleTimeout: 90 * time.Second, KeepAlive: 64,
		Balance: roundRobin, Retries: 1, RetryBudget: 20, MaxFails: 3, FailTimeout: 10 * time.Second,
		HealthInterval: 10 * time.Second, HealthTimeout: 2 * time.Second,
	}
}

func init() {
	paste.RegisterApp("egg:wheatpaste#proxy", defaults(), New,
		paste.Help("Passes requests on to an HTTP server over TCP, TLS or a unix socket, streaming both ways, WebSocket included."),
		paste.Example(`
[app:legacy]
use = egg:wheatpaste#proxy
address = unix:/run/legacy/api.sock
preserve_host = true
response_timeout = 30
`))
}

// New makes a proxy to Options.Address, or to a pool when it holds several.
func New(b *paste.Build, o Options) (http.Handler, error) {
	if addresses := strings.Fields(o.Address); len(addresses) > 1 || len(addresses) == 1 && o.HealthPath != "" {
		return newPooled(b, o, addresses)
	}
	up, err := parseAddress(o.Address, true)
	if err != nil {
		return nil, err
	}
	if err := o.check(b, up); err != nil {
		return nil, err
	}
	p := newProxy(b, o, up)
	p.join = joinBelow
	p.refuse = refuseWith405
	return p, nil
}

// proxy passes requests on to one upstream.
type proxy struct {
	up       *upstream
	pool     *pool // nil for one upstream without health checks
	methods  []string
	suppress []string
	host     bool // the client's Host is kept
	x, rfc   forwardMode
	join     joinFunc
	refuse   func(p *proxy, w http.ResponseWriter) // answers a method that is not allowed
	reverse  httputil.ReverseProxy
}

func newProxy(b *paste.Build, o Options, up *upstream) *proxy {
	p := newRewriter(o, up)
	p.reverse = newReverse(b.Logger(), startTransport(b, o, up))
	p.reverse.Rewrite = p.rewrite
	p.reverse.ErrorHandler = fail(b.Logger(), up.String())
	return p
}

// newRewriter makes a proxy that has no transport yet.
func newRewriter(o Options, up *upstream) *proxy {
	p := &proxy{up: up, methods: o.AllowedMethods, host: o.PreserveHost, x: o.XForwarded, rfc: o.Forwarded}
	for _, name := range o.SuppressHeaders {
		p.suppress = append(p.suppress, textproto.CanonicalMIMEHeaderKey(name))
	}
	return p
}

// startTransport makes a transport that begins and ends with the application.
func startTransport(b *paste.Build, o Options, up *upstream) *http.Transport {
	transport := newTransport(o, up)
	b.OnStart(func(context.Context) error { return loadCertificates(transport.TLSClientConfig, o) })
	b.OnClose(func(context.Context) error {
		transport.CloseIdleConnections()
		return nil
	})
	return transport
}

func newReverse(logger *slog.Logger, transport http.RoundTripper) httputil.ReverseProxy {
	return httputil.ReverseProxy{
		Transport: transport,
		// What the upstream sends is for the client, now: a slow answer of known
		// length is a stream, too.
		FlushInterval: -1,
		BufferPool:    &buffers{},
		ErrorLog:      slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// ServeHTTP passes one request on.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.allowed(r.Method) {
		p.refuse(p, w)
		return
	}
	if refuseTunnel(w, r) {
		return
	}
	if climbs(r.URL.Path) {
		answer(w, r, http.StatusBadRequest, "the path leads out of its root")
		return
	}
	duplex(w, r)
	if p.pool != nil {
		p.pool.serve(&p.reverse, w, r)
		return
	}
	p.reverse.ServeHTTP(w, r)
}

// refuseTunnel answers CONNECT: these are no proxies for tunnels.
func refuseTunnel(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodConnect {
		return false
	}
	answer(w, r, http.StatusNotImplemented, "there are no tunnels here")
	return true
}

// duplex lets both sides talk at once over HTTP/1, where net/http would first
// read the rest of the request. Only a body of unknown length can be a talk.
func duplex(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && r.ContentLength < 0 {
		http.NewResponseController(w).EnableFullDuplex() //nolint:errcheck // it is just not to be had then
	}
}

func (p *proxy) allowed(method string) bool {
	return len(p.methods) == 0 || slices.ContainsFunc(p.methods, func(m string) bool { return strings.EqualFold(m, method) })
}

func refuseWith405(p *proxy, w http.ResponseWriter) {
	w.Header().Set("Allow", strings.ToUpper(strings.Join(p.methods, ", ")))
	http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
}

// rewrite makes the request for the upstream. ReverseProxy has taken the
// hop-by-hop headers off already (RFC 9110 7.6.1).
func (p *proxy) rewrite(pr *httputil.ProxyRequest) {
	p.up.route(pr, p.join)
	pr.Out.Host = ""
	if p.host {
		pr.Out.Host = pr.In.Host
	}
	pr.Out.Trailer = pr.In.Trailer // filled in when the body has been read
	p.x.restore(pr, isXForwarded)
	p.rfc.restore(pr, isForwarded)
	for _, name := range p.suppress {
		pr.Out.Header.Del(name)
	}
	p.x.addXForwarded(pr)
	p.rfc.addForwarded(pr)
}

// buffers lends the buffers that bodies are copied with.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }
