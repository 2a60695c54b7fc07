package service

import (
	"bytes"
	"net/http"
	"strconv"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
)

// refuse answers a request that is beyond a limit, and those that no
// application can answer.
func (s *Server) refuse(x *exchange, r *http.Request) bool {
	g := s.Group
	switch {
	case g.MaxRequestLine > 0 && len(r.Method)+len(r.RequestURI)+len(r.Proto)+2 > int(g.MaxRequestLine):
		x.refuse(http.StatusRequestURITooLong)
	case g.MaxHeaderLine > 0 && longestLine(r.Header) > int(g.MaxHeaderLine):
		x.refuse(http.StatusRequestHeaderFieldsTooLarge)
	case g.MaxBody > 0 && r.ContentLength > int64(g.MaxBody):
		x.refuse(http.StatusRequestEntityTooLarge)
	case r.Method == http.MethodOptions && r.RequestURI == "*": // RFC 9110 9.3.7: about the server as a whole
		x.Header().Set("Content-Length", "0")
		x.WriteHeader(http.StatusOK)
	case r.Method == http.MethodConnect && validAuthority(r.RequestURI): // RFC 9110 9.1: no tunnel is to be had anywhere here
		x.refuse(http.StatusNotImplemented)
	case !validTarget(r), !validHost(r.Host):
		x.refuse(http.StatusBadRequest)
	default:
		return false
	}
	return true
}

// longestLine is the length of the longest header line, as it was sent: name,
// colon, blank, value.
func longestLine(h http.Header) int {
	longest := 0
	for name, values := range h {
		for _, v := range values {
			longest = max(longest, len(name)+2+len(v))
		}
	}
	return longest
}

// refuse answers with a status alone and ends the connection: what follows on
// it is not worth reading. In HTTP/2 that is the stream: a GOAWAY would be for the
// other requests, too.
func (x *exchange) refuse(code int) {
	if !x.c.h2 {
		x.Header().Set("Connection", "close")
	}
	http.Error(x, strconv.Itoa(code)+" "+http.StatusText(code), code)
}

// replaces reports whether the application, which could not read the body
// because of the limit, answers with an error of its own.
func (x *exchange) replaces(code int) bool {
	return x.body != nil && x.body.tooLarge && code >= 400 && code != http.StatusRequestEntityTooLarge
}

// sendTooLarge answers in place of an application that met the limit.
func (x *exchange) sendTooLarge() {
	x.replaced = true
	h := x.Header()
	for _, name := range []string{"Content-Encoding", "Content-Range", "Etag", "Last-Modified", "Transfer-Encoding", "Trailer"} {
		h.Del(name) // they describe the body that is not sent
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	text := "413 " + http.StatusText(http.StatusRequestEntityTooLarge) + "\n"
	h.Set("Content-Length", strconv.Itoa(len(text)))
	x.ResponseWriter.WriteHeader(http.StatusRequestEntityTooLarge)
	_, _ = x.ResponseWriter.Write([]byte(text)) // the client may be gone
}

// noteOwnAnswer logs an answer that net/http gives by itself, to a request that
// it could not read (HTTP-13): there is no handler that could.
func (c *conn) noteOwnAnswer(p []byte) {
	rest, ok := bytes.CutPrefix(p, []byte("HTTP/1.1 "))
	if !ok || len(rest) < 3 {
		return
	}
	c.unanswered = false
	code, err := strconv.Atoi(string(rest[:3]))
	if err != nil || code < http.StatusOK || c.s.log == nil {
		return
	}
	c.s.log.Write(&accesslog.Entry{Client: clientHost(c), Time: time.Now(), Status: code})
}
