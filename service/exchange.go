package service

import (
	"bufio"
	"errors"
	"io"
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
	c   *conn
	env *pipeline.Environ
	// As the client sent them: the application may change the request.
	method, uri, proto string
	raw                http.ResponseWriter // net/http's own
	body               *body               // nil without one

	wrote    bool // the header is out, or as good as
	replaced bool // by a 413; the application's body is thrown away
	failed   bool // the client does not take the answer

	next *exchange // of the connection
	done bool      // guarded by the connection
}

type connKey struct{}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	env, rec, req := pipeline.Begin(w, r)
	c, _ := r.Context().Value(connKey{}).(*conn)
	x := &exchange{
		ResponseWriter: rec, raw: w, c: c, env: env,
		method: r.Method, uri: r.RequestURI, proto: r.Proto,
	}
	c.begin(x)
	defer s.end(x, r)
	x.limitBody(req)
	if s.Group.URLScheme != "" {
		env.SetScheme(s.Group.URLScheme)
	}
	if !s.refuse(x, req) {
		s.Handler.ServeHTTP(x, s.underPrefix(req))
	}
	switch {
	case env.Status() == http.StatusSwitchingProtocols: // hijacked
	case x.wrote:
		x.body.linger()
	default:
		x.beforeHeader()
	}
}

// end logs the request, also when its handler panics.
func (s *Server) end(x *exchange, r *http.Request) {
	s.requests.Add(1)
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
		Client: x.env.ClientAddr(), User: user, Time: x.env.Start(),
		Method: x.method, URI: x.uri, Proto: x.proto,
		Status: x.status(r), Bytes: x.bytes(),
		Referer: r.Referer(), Agent: r.UserAgent(),
		RequestID: x.env.RequestID(), Duration: time.Since(x.env.Start()),
	}
}

// status is what the client got; 0 for nothing, because the request was cut.
func (x *exchange) status(r *http.Request) int {
	sent := x.env.Status()
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
	if x.c.s.draining.Load() || !x.c.s.Group.KeepAlive && !x.c.h2 {
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

// body is a request's body with a time for each read and a limit.
type body struct {
	io.ReadCloser
	x        *exchange
	timeout  time.Duration
	armed    time.Time
	over     bool
	tooLarge bool
}

// limitBody puts the body under the limits. The request is the application's
// copy: net/http still looks at its own.
func (x *exchange) limitBody(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	g := x.c.s.Group
	x.body = &body{ReadCloser: r.Body, x: x, timeout: g.BodyTimeout}
	if g.MaxBody > 0 {
		x.body.ReadCloser = http.MaxBytesReader(x.raw, r.Body, int64(g.MaxBody))
	}
	r.Body = x.body
}

func (b *body) Read(p []byte) (int, error) {
	b.arm()
	n, err := b.ReadCloser.Read(p)
	if err != nil && !b.over {
		b.over = true
		var limit *http.MaxBytesError
		b.tooLarge = errors.As(err, &limit)
	}
	b.disarm(err)
	return n, err
}

// arm gives the next read its time; see conn.beforeWrite for the eighth.
func (b *body) arm() {
	if b.timeout == 0 || b.over {
		return
	}
	if now := time.Now(); now.Sub(b.armed) > b.timeout/8 {
		b.armed = now
		b.setDeadline(now.Add(b.timeout))
	}
}

// disarm takes the deadline away after the end of the body, when net/http goes
// on reading to see the client leave; and in HTTP/2 after each read, because
// there a deadline ends the body even when nobody is reading.
func (b *body) disarm(err error) {
	if b.timeout > 0 && (errors.Is(err, io.EOF) || b.x.c.h2) && !b.armed.IsZero() {
		b.armed = time.Time{}
		b.setDeadline(time.Time{})
	}
}

// linger gives net/http a time to read what the application has left of the
// body, which it does before the answer, and after it. HTTP/2 has no need of
// that, and there the application may go on reading.
func (b *body) linger() {
	if b == nil || b.over || b.x.c.h2 {
		return
	}
	limit := lingerTime
	if b.timeout > 0 {
		limit = min(limit, b.timeout)
	}
	b.armed = time.Time{}
	b.setDeadline(time.Now().Add(limit))
}

func (b *body) setDeadline(t time.Time) {
	// Without deadlines, as behind a test's recorder, there is nothing to do.
	_ = http.NewResponseController(b.x.raw).SetReadDeadline(t)
}
