package service

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// proxyTime is how long a header of the PROXY protocol is waited for without
// HeaderTimeout: a proxy sends it at once.
const proxyTime = 10 * time.Second

// noHeaderTick is how often a peer without a header is worth a line in the log.
const noHeaderTick = 10 * time.Second

// proxied is what a header of the PROXY protocol says of a connection.
type proxied struct {
	once   sync.Once
	client atomic.Pointer[net.TCPAddr] // nil before the header, and when the peer is the client
	failed error
}

// expectHeader makes a connection of a trusted proxy begin with a header. Others
// must not be believed: theirs are no HTTP, and answered with 400.
func (s *Server) expectHeader(c *conn) {
	if s.Group.ProxyProtocol && s.Group.ProxyFrom.has(c.Conn.RemoteAddr()) {
		c.proxy = new(proxied)
	}
}

// RemoteAddr is net.Conn's: the client that a proxy names. The first call, which
// is net/http's in the goroutine of the connection, before TLS, reads the header.
func (c *conn) RemoteAddr() net.Addr {
	if c.proxy == nil {
		return c.Conn.RemoteAddr()
	}
	c.proxy.once.Do(c.readHeader)
	if a := c.proxy.client.Load(); a != nil {
		return a
	}
	return c.Conn.RemoteAddr()
}

// readHeader reads the header, before anything else.
func (c *conn) readHeader() {
	_ = c.SetReadDeadline(time.Now().Add(cmp.Or(c.s.Group.HeaderTimeout, proxyTime)))
	client, err := readProxyHeader(reader(c.read))
	switch {
	case err != nil:
		c.proxy.failed = io.EOF // net/http shall not answer: the peer speaks another protocol
		c.noteNoHeader(err)
		_ = c.Conn.Close() // one that waits for an answer shall not wait
		return
	case client.IsValid():
		c.proxy.client.Store(net.TCPAddrFromAddrPort(client))
	}
	c.quiet.Store(true) // the header is no part of a request
	_ = c.SetReadDeadline(time.Time{})
}

// noteNoHeader says that a trusted peer does not do its part. One that says
// nothing at all is a check of whether the port is open.
func (c *conn) noteNoHeader(err error) {
	if errors.Is(err, io.EOF) {
		return
	}
	now := time.Now().UnixNano()
	last := c.s.noHeader.Load()
	if now-last < int64(noHeaderTick) || !c.s.noHeader.CompareAndSwap(last, now) {
		return
	}
	c.s.logger.Warn("a connection of a trusted proxy is refused", "server", c.s.Group.Name, "peer", peerName(c.Conn.RemoteAddr()), "error", err)
}

func peerName(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix"
	}
	if ap, err := netip.ParseAddrPort(a.String()); err == nil {
		return ap.Addr().String()
	}
	return a.String()
}

// reader makes an io.Reader of a method.
type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }
