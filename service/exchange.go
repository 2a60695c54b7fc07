package service

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// statusClientLeft is nginx's code for a client that did not wait.
const statusClientLeft = 499

// lingerTime is nginx's lingering_timeout: how long the rest of a body that
// nobody wants is waited for.
const lingerTime = 5 * time.Second

// exchange is one request and its answer, and the writer that the application
// gets: it says Connection: close when the server drains.
type exchange struct {
	http.ResponseWriter
	request
	c    *conn
	raw  http.ResponseWriter // net/http's own
	body *body               // nil without one

	doubt    bool // about where the request ends: nothing after it is looked at
	wrote    bool // the header is out, or as good as
	late     bool // RequestTimeout is over: the answer is a 504
	replaced bool // by a 413; the application's body is thrown away
	failed   bool // the client does not take the answer

	next *exchange // of the connection
	done bool      // guarded by the connection
}

// request is what logs say of a request.
type request struct {
	env *pipeline.Environ
	// As the client sent them: the application may change the request.
	method, uri, proto string
}

func (r *request) attrs() []any {
	return []any{
		"method", r.method, "uri", string(accesslog.AppendURI(nil, r.uri)), "client", r.env.ClientAddr(),
		"request_id", r.env.RequestID(), "age", time.Since(r.env.Start()).Round(time.Millisecond),
	}
}

type connKey struct{}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var limit *deadline
	limited := r
	if s.Group.RequestTimeout > 0 {
		limit, limited = newDeadline(s, r)
		defer limit.stop()
	}
	env, rec, req := pipeline.Begin(w, limited)
	c, _ := r.Context().Value(connKey{}).(*conn)
	x := &exchange{
		ResponseWriter: rec, raw: w, c: c, doubt: c.framing.inDoubt(r),
		request: request{env: env, method: r.Method, uri: r.RequestURI, proto: r.Proto},
	}
	c.begin(x)
	defer s.end(x, r)
	x.limitBody(req)
	if s.Group.URLScheme != "" {
		env.SetScheme(s.Group.URLScheme)
	}
	if !s.refuse(x, req) && s.enterPool(x, req) {
		s.handle(x, s.underPrefix(req), limit)
	}
	switch {
	case env.Status() == http.StatusSwitchingProtocols: // hijacked
	case errors.Is(context.Cause(r.Context()), ErrCut):
		// net/http would make an empty 200 of it, or end a streamed answer
		// as if it were whole.
		panic(http.ErrAbortHandler)
	case x.wrote:
		x.body.linger()
	default:
		x.beforeHeader()
	}
}

// handle runs the application, which has a place in the pool.
func (s *Server) handle(x *exchange, r *http.Request, limit *deadline) {
	if s.pool != nil {
		defer s.pool.leave()
	}
	if limit != nil {
		limit.run(x, r)
		return
	}
	s.Handler.ServeHTTP(x, r)
}

// enterPool waits for a place in the pool. It reports false when there is none
// to be had: then the client is told to come again, or has left.
func (s *Server) enterPool(x *exchange, r *http.Request) bool {
	if s.pool == nil {
		return true
	}
	err := s.pool.enter(r.Context(), x.c.fresh.Swap(false))
	switch {
	case err == nil:
		return true
	case errors.Is(err, errPoolFull), errors.Is(err, ErrRequestTimeout): // it was not begun: a 504 would not say that
		x.Header().Set("Retry-After", "1")
		http.Error(x, "503 "+http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
	}
	return false
}

// end logs the request, also when its handler panics.
func (s *Server) end(x *exchange, r *http.Request) {
	s.count()
	if s.log != nil {
		e := x.entry(r)
		s.log.Write(&e)
	}
	x.c.end(x)
}

func (x *exchange) entry(r *http.Request) accesslog.Entry {
	user := x.env.Identity().UserName
	if user == "" {
		user = x.env.Identity().UserID
	}
	return accesslog.Entry{
		Client: x.env.ClientAddr(), Port: x.clientPort(), User: user, Time: x.env.Start(),
		Method: x.method, URI: x.uri, Proto: x.proto,
		Status: x.status(r), Bytes: x.bytes(),
		Referer: r.Referer(), Agent: r.UserAgent(),
		RequestID: x.env.RequestID(), Duration: time.Since(x.env.Start()),
	}
}

// clientPort is for a format that asks for it; behind a proxy it is not the
// client's.
func (x *exchange) clientPort() string {
	if x.c.s.LogFormat == nil {
		return ""
	}
	_, port, err := net.SplitHostPort(x.c.RemoteAddr().String())
	if err != nil {
		return ""
	}
	return port
}

// status is what the client got; 0 for nothing, because the request was cut.
func (x *exchange) status(r *http.Request) int {
	sent := x.env.Status()
	if x.late && sent != 0 {
		return http.StatusGatewayTimeout // whatever the pipeline wanted to send
	}
	if sent == statusClientLeft && !x.wrote {
		sent = 0 // what the pipeline made of a context that has ended; see below
	}
	if sent != 0 && !x.failed {
		return sent
	}
	switch gone := r.Context().Err() != nil; {
	case gone && !x.c.s.cutting.Load():
		return statusClientLeft
	case sent == 0 && x.wrote && !gone: // net/http sends it for a handler that wrote nothing
		return http.StatusOK
	default:
		return sent
	}
}

func (x *exchange) bytes() int64 {
	if x.method == http.MethodHead {
		return 0
	}
	return x.env.Bytes()
}

// underPrefix takes url_prefix off the path, as waitress does: it becomes
// SCRIPT_NAME, and a path that does not stand under it stays as it is.
func (s *Server) underPrefix(r *http.Request) *http.Request {
	prefix := s.Group.URLPrefix
	if prefix == "" {
		return r
	}
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	return pipeline.Rebase(r, prefix, path)
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader sends the header; 1xx answers come before it.
func (x *exchange) WriteHeader(code int) {
	if code < http.StatusOK || x.wrote {
		x.ResponseWriter.WriteHeader(code)
		return
	}
	x.beforeHeader()
	if x.replaces(code) {
		x.sendTooLarge()
		return
	}
	x.ResponseWriter.WriteHeader(code)
}

// beforeHeader is the last moment for headers of the server's own.
func (x *exchange) beforeHeader() {
	x.wrote = true
	if x.doubt || x.c.s.draining.Load() || !x.c.s.Group.KeepAlive && !x.c.h2 {
		x.Header().Set("Connection", "close")
	}
	x.body.linger()
}

func (x *exchange) Write(p []byte) (int, error) {
	if !x.wrote {
		x.WriteHeader(http.StatusOK)
	}
	if x.replaced {
		return len(p), nil
	}
	n, err := x.ResponseWriter.Write(p)
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) && !errors.Is(err, http.ErrContentLength) {
		x.failed = true
	}
	return n, err
}

// FlushError sends what is there; a flush sends the header too, so it must come
// by here.
func (x *exchange) FlushError() error {
	if !x.wrote {
		x.WriteHeader(http.StatusOK)
	}
	if x.replaced {
		return nil
	}
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Flush is for applications that ask the writer itself.
func (x *exchange) Flush() { _ = x.FlushError() }

// Hijack is for WebSocket libraries that ask the writer itself.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(x.ResponseWriter).Hijack()
}
