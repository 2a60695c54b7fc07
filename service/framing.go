package service

import (
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
)

// readBuffer is the size of the buffer into which net/http reads. A read for
// less than all of it means that something is in there already.
const readBuffer = 4096

// framing watches the header of a request for the two fields that give it a
// length: net/http takes Transfer-Encoding where both are, or neither in
// HTTP/1.0, and hides from handlers that there was a doubt. Then the connection
// must end after the answer (RFC 9112 6.1, 6.3), or what a proxy in front took
// for the rest of the body is a request.
type framing struct {
	seen atomic.Uint32
	line [len("transfer-encoding:")]byte // the begin of the line at hand; the reader's own
	n    int
}

const (
	seenBegin = 1 << iota // the header was seen from its begin on
	seenLength
	seenCoding
)

// begin notes that a header begins with the next byte that is read.
func (f *framing) begin() {
	f.n = 0
	f.seen.Store(seenBegin)
}

// read looks at bytes of a header, and maybe of a body after it: what looks like
// a field there does no harm.
func (f *framing) read(p []byte) {
	for f.seen.Load() != 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			f.n += copy(f.line[f.n:], p)
			return
		}
		f.n += copy(f.line[f.n:], p[:end])
		f.field(f.line[:f.n])
		f.n, p = 0, p[end+1:]
	}
}

func (f *framing) field(line []byte) {
	if len(line) == 0 || line[0]|0x20 != 'c' && line[0]|0x20 != 't' {
		return
	}
	name, _, _ := bytes.Cut(line, []byte(":"))
	switch {
	case bytes.EqualFold(name, []byte("content-length")):
		f.seen.Or(seenLength)
	case bytes.EqualFold(name, []byte("transfer-encoding")):
		f.seen.Or(seenCoding)
	}
}

// inDoubt ends the watch, and reports whether the connection must end because two
// parsers may disagree about where the request ends. What was not seen, because it
// stood behind another request in the same packet, is in doubt.
func (f *framing) inDoubt(r *http.Request) bool {
	seen := f.seen.Swap(0)
	switch {
	case r.ProtoMajor != 1:
		return false
	case !r.ProtoAtLeast(1, 1): // of keep-alive and close net/http takes the first (RFC 9112 9.3)
		return r.Close || seen&seenBegin == 0 || seen&seenCoding != 0
	case len(r.TransferEncoding) > 0:
		return seen&seenBegin == 0 || seen&seenLength != 0
	default:
		return false
	}
}

// validTarget reports whether a request is about a resource: by the origin form
// or the absolute form (RFC 9112 3.2). The other forms are for proxies, and for
// OPTIONS.
func validTarget(r *http.Request) bool {
	switch {
	case r.Method == http.MethodConnect:
		return false
	case strings.HasPrefix(r.RequestURI, "/"):
		return true
	default:
		return r.URL.Host != "" && r.URL.User == nil // RFC 9110 4.2.1, 4.2.4
	}
}

// validAuthority reports whether the target of a CONNECT is a host and a port,
// neither of which may be left out (RFC 9110 9.3.6).
func validAuthority(target string) bool {
	host, text, err := net.SplitHostPort(target)
	port, portErr := strconv.ParseUint(text, 10, 16)
	return err == nil && portErr == nil && port > 0 && host != "" && validHost(target)
}

// validHost is about what net/http lets pass: the signs are those of a host, but
// they do not make one (RFC 9112 3.2).
func validHost(host string) bool {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
	}
	for _, digit := range []byte(port) {
		if digit < '0' || digit > '9' {
			return false
		}
	}
	if len(name) > 1 && name[0] == '[' && name[len(name)-1] == ']' {
		addr, err := netip.ParseAddr(name[1 : len(name)-1])
		return err == nil && addr.Is6()
	}
	return !strings.ContainsAny(name, "[]:@,")
}
