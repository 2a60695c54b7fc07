package pipeline

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Environ is what the stages of one request share, as WSGI's environ is: what
// an inner stage writes, an outer one reads when the answer comes back. The
// server puts it into the request's context once; it is safe when a filter
// runs the next stage on another goroutine.
//
// The path of the request is in two parts, as in WSGI (GO-09): ScriptName is
// what the composites have taken off already, r.URL.Path is what is left.
type Environ struct {
	// Context is the request's own; an Environ is found through it.
	context.Context

	start    time.Time
	recorder recorder
	trace    trace

	mu         sync.Mutex
	scriptName string
	scheme     string
	client     string
	overTLS    bool
	serverPort string // "" until somebody asks
	requestID  string
	globalID   string
	app        string
	series     *appSeries
	identity   Identity
	values     []keyed
}

// Identity is who the request comes from, as an authentication filter found.
type Identity struct {
	UserID, UserName       string
	ProjectID, ProjectName string
	DomainID, DomainName   string
	Roles                  []string
}

type keyed struct{ key, value any }

type environKey struct{}

// Value gives the Environ itself under its own key and else what the request's
// context holds.
func (e *Environ) Value(key any) any {
	if _, ok := key.(environKey); ok {
		return e
	}
	return e.Context.Value(key)
}

// FromRequest gives the Environ of a request. A request that did not come
// through a loaded application has none: then it is a new one, which nobody
// else sees.
func FromRequest(r *http.Request) *Environ {
	if e, ok := r.Context().Value(environKey{}).(*Environ); ok {
		return e
	}
	return newEnviron(r)
}

func newEnviron(r *http.Request) *Environ {
	e := &Environ{Context: r.Context(), start: time.Now(), scheme: "http", overTLS: r.TLS != nil}
	if e.overTLS {
		e.scheme = "https"
	}
	e.client = r.RemoteAddr
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		e.client = host
	}
	return e
}

// Begin gives a request its Environ, and the writer that records the answer in
// it. A request that has one keeps it. Loaded applications call it themselves;
// a server calls it first when it wants to read the Environ afterwards, as an
// access log does.
func Begin(w http.ResponseWriter, r *http.Request) (*Environ, http.ResponseWriter, *http.Request) {
	if e, ok := r.Context().Value(environKey{}).(*Environ); ok {
		return e, w, r
	}
	e := newEnviron(r)
	e.recorder.ResponseWriter = w
	return e, &e.recorder, r.WithContext(e)
}

// Start is when the request came.
func (e *Environ) Start() time.Time { return e.start }

// Status is the status of the answer as sent: 101 after a hijack, 0 as long as
// nothing was sent.
func (e *Environ) Status() int { return int(e.recorder.status.Load()) }

// Bytes is the length of the body that was sent so far.
func (e *Environ) Bytes() int64 { return e.recorder.bytes.Load() }

// ScriptName is WSGI's SCRIPT_NAME: the part of the path that was mapped
// already, without a slash at its end.
func (e *Environ) ScriptName() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.scriptName
}

// SetScriptName replaces SCRIPT_NAME, as a proxy prefix does.
func (e *Environ) SetScriptName(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scriptName = name
}

// Scheme is http or https, as the client used it: proxy headers may have
// changed it.
func (e *Environ) Scheme() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.scheme
}

// SetScheme replaces the scheme.
func (e *Environ) SetScheme(scheme string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.scheme = scheme
}

// ClientAddr is WSGI's REMOTE_ADDR: the client's address without a port; proxy
// headers may have changed it.
func (e *Environ) ClientAddr() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.client
}

// SetClientAddr replaces the client's address.
func (e *Environ) SetClientAddr(addr string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.client = addr
}

// ServerPort is WSGI's SERVER_PORT.
func (e *Environ) ServerPort() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.serverPort == "" {
		e.serverPort = e.localPort()
	}
	return e.serverPort
}

// localPort is the port of the connection; without one, as on a unix socket,
// that of the scheme.
func (e *Environ) localPort() string {
	if addr, ok := e.Context.Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(addr.String()); err == nil {
			return port
		}
	}
	if e.overTLS {
		return "443"
	}
	return "80"
}

// SetServerPort replaces SERVER_PORT, as a proxy prefix does.
func (e *Environ) SetServerPort(port string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.serverPort = port
}

// RequestID is the request's own id (req-UUID), "" without a filter that gives
// one.
func (e *Environ) RequestID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.requestID
}

// SetRequestID sets the request's own id.
func (e *Environ) SetRequestID(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requestID = id
}

// GlobalRequestID is the id that the caller sent, "" without one.
func (e *Environ) GlobalRequestID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.globalID
}

// SetGlobalRequestID sets the id that the caller sent.
func (e *Environ) SetGlobalRequestID(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.globalID = id
}

// App is the name of the section that the last composite on the way chose, as
// metrics and logs show it.
func (e *Environ) App() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.app
}

// Identity is who the request comes from; empty without authentication.
func (e *Environ) Identity() Identity {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.identity
}

// SetIdentity is called by authentication filters.
func (e *Environ) SetIdentity(id Identity) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.identity = id
}

// Draining reports whether the server that serves the request stops: health
// checks answer 503 then, so that load balancers look elsewhere. It is false
// while workers are replaced, because others go on at the same address.
func (e *Environ) Draining() bool {
	end := e.ending()
	return end != nil && end.draining.Load()
}

// Ending is closed when the server wants to close the connection of the
// request soon, because it stops or because its worker is replaced: time for a
// WebSocket handler to send its close frame (1001) and to return (PAIN-28). It
// stays good after the handler has returned. Outside of a server it is nil,
// and so never closed.
func (e *Environ) Ending() <-chan struct{} {
	end := e.ending()
	if end == nil {
		return nil
	}
	return end.ending
}

func (e *Environ) ending() *Ending {
	end, _ := e.Context.Value(endingKey{}).(*Ending)
	return end
}

// Ending is how a server tells its requests that it ends; it stands in the
// context that all of them have in common, see [WithEnding].
type Ending struct {
	draining atomic.Bool
	once     sync.Once
	ending   chan struct{}
}

type endingKey struct{}

// WithEnding adds an Ending to the base context of a server.
func WithEnding(ctx context.Context) (context.Context, *Ending) {
	e := &Ending{ending: make(chan struct{})}
	return context.WithValue(ctx, endingKey{}, e), e
}

// Drain makes Environ.Draining true.
func (e *Ending) Drain() { e.draining.Store(true) }

// End closes Environ.Ending.
func (e *Ending) End() { e.once.Do(func() { close(e.ending) }) }

// Position is where a request is at this moment: the pipeline, and its filter,
// "" in the application. Both are empty outside of a pipeline.
func (e *Environ) Position() (pipeline, filter string) {
	f := e.trace.frame(int(e.trace.level.Load()))
	c := f.chain.Load()
	if c == nil {
		return "", ""
	}
	if at := int(f.at.Load()); at < len(c.items) {
		filter = c.items[at]
	}
	return c.name, filter
}

// Key names a value of type T in an Environ. Make each once, as a package
// variable, and say in its comment who sets it and who reads it.
type Key[T any] struct{ name string }

// NewKey makes a key; the name is for people.
func NewKey[T any](name string) *Key[T] { return &Key[T]{name} }

// String is the name.
func (k *Key[T]) String() string { return k.name }

// Get reads the value and whether it was set.
func (k *Key[T]) Get(e *Environ) (T, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, kv := range e.values {
		if kv.key == k {
			return kv.value.(T), true
		}
	}
	var zero T
	return zero, false
}

// Set sets or replaces the value.
func (k *Key[T]) Set(e *Environ, value T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.values {
		if e.values[i].key == k {
			e.values[i].value = value
			return
		}
	}
	e.values = append(e.values, keyed{k, value})
}

// Rebase moves a request in the tree of applications: SCRIPT_NAME becomes
// script and the path of the request it gives becomes path. The request that
// came in is not changed.
func Rebase(r *http.Request, script, path string) *http.Request {
	FromRequest(r).SetScriptName(script)
	if path == r.URL.Path {
		return r
	}
	moved := &struct {
		request http.Request
		url     url.URL
	}{*r, *r.URL}
	moved.url.RawPath = rawSuffix(r.URL, path)
	moved.url.Path = path
	moved.request.URL = &moved.url
	return &moved.request
}

// rawSuffix finds the escaped form of the end of a path, so that a proxy can
// pass on %2F as it came; "" if there is none.
func rawSuffix(u *url.URL, path string) string {
	if u.RawPath == "" || path == "" || !strings.HasSuffix(u.Path, path) {
		return ""
	}
	skip := len(u.Path) - len(path)
	i := 0
	for ; skip > 0 && i < len(u.RawPath); skip-- {
		if u.RawPath[i] == '%' {
			i += 2
		}
		i++
	}
	if i >= len(u.RawPath) {
		return ""
	}
	return u.RawPath[i:]
}
