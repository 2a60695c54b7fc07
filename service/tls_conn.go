package service

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/service/acme"
)

// secureConn is a client's connection within TLS. net/http does not know that it
// is one of TLS, and so reads HTTP/1 through it: the headers can be watched as
// without TLS. What net/http would do for a *tls.Conn is done here: the
// handshake, and that HTTP/2 goes to who speaks it.
type secureConn struct {
	*tls.Conn
	c *conn

	once  sync.Once
	state tls.ConnectionState
	spent bool // there is no HTTP/1 to read: the handshake failed, or HTTP/2 was spoken
	first bool // nothing has been read yet; the reader's own
}

// ConnectionState tells net/http that there is TLS, for http.Request.TLS. It asks
// in the goroutine of the connection before it reads from it, and so this is where
// the handshake is done, and where all of HTTP/2 is served. TestTLS and
// TestHandshakesHaveATime fail if that ever changes.
func (sc *secureConn) ConnectionState() tls.ConnectionState {
	sc.once.Do(sc.begin)
	return sc.state
}

func (sc *secureConn) begin() {
	s := sc.c.s
	if err := sc.handshake(); err != nil {
		sc.spent = true
		s.http.ErrorLog.Printf("http: TLS handshake error from %s: %v", sc.c.RemoteAddr(), err)
		return
	}
	sc.state, sc.first = sc.Conn.ConnectionState(), true
	if sc.state.NegotiatedProtocol == acme.Protocol {
		sc.spent = true // the handshake was all (RFC 8737 3)
		return
	}
	if serve := s.http.TLSNextProto[sc.state.NegotiatedProtocol]; serve != nil {
		sc.spent = true
		serve(s.http, sc.Conn, sc.http2Handler())
	}
}

// handshake has the time of a header, as with net/http.
func (sc *secureConn) handshake() error {
	timeout := minTimeout(sc.c.s.Group.HeaderTimeout, sc.c.s.Group.WriteTimeout)
	if timeout > 0 {
		_ = sc.SetDeadline(time.Now().Add(timeout))
	}
	err := sc.Handshake() // without a context: whoever ends the server closes the connection
	if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
		_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nthis port speaks HTTPS, want https:// in the URL\n")
		return errors.New("the client speaks HTTP without TLS")
	}
	if timeout > 0 {
		_ = sc.SetDeadline(time.Time{})
	}
	return err
}

// minTimeout is the lesser of two, of which 0 is none.
func minTimeout(a, b time.Duration) time.Duration {
	return min(cmp.Or(a, b), cmp.Or(b, a))
}

// looksLikeHTTP is about the first bytes of a client.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}

// http2Handler answers what comes by HTTP/2.
func (sc *secureConn) http2Handler() http.Handler {
	ctx := context.WithValue(sc.c.s.base, http.ServerContextKey, sc.c.s.http)
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, sc.LocalAddr())
	return baseHandler{sc.c.s.http.Handler, context.WithValue(ctx, connKey{}, sc.c)}
}

// baseHandler hands HTTP/2 the context of its connection, by the method that
// net/http has for it.
type baseHandler struct {
	http.Handler
	ctx context.Context //nolint:containedctx // of all requests of the connection
}

// BaseContext is the context of the connection.
func (h baseHandler) BaseContext() context.Context { return h.ctx }

// Read is net.Conn's, of what the client has encrypted.
func (sc *secureConn) Read(p []byte) (int, error) {
	if sc.spent {
		return 0, io.EOF
	}
	c := sc.c
	if (sc.first || c.quiet.Load()) && len(p) > readBuffer-4 {
		c.framing.begin()
	}
	n, err := sc.Conn.Read(p)
	if n > 0 {
		sc.first = false
		c.quiet.Store(false) // it may have been decrypted before, and nothing was read here
		c.framing.read(p[:n])
	}
	return n, err
}

// Write is net.Conn's, of what is to be encrypted.
func (sc *secureConn) Write(p []byte) (int, error) {
	sc.c.mu.Lock()
	if sc.c.unanswered {
		sc.c.noteOwnAnswer(p)
	}
	sc.c.mu.Unlock()
	return sc.Conn.Write(p)
}
