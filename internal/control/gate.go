package control

import (
	"net"
	"sync"
)

// gate lets in those who may command, and so many at a time.
type gate struct {
	*Listener
	places chan struct{}
	once   sync.Once
	closed chan struct{}
}

func newGate(l *Listener) *gate {
	return &gate{Listener: l, places: make(chan struct{}, maxClients), closed: make(chan struct{})}
}

// Accept implements net.Listener. http.Server calls it from one goroutine.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case g.places <- struct{}{}:
	case <-g.closed:
		return nil, net.ErrClosed
	}
	for {
		c, err := g.AcceptUnix()
		if err != nil {
			<-g.places
			return nil, err
		}
		uid, ok := allowed(c)
		if ok {
			return &guest{UnixConn: c, leave: sync.OnceFunc(func() { <-g.places })}, nil
		}
		g.logger().Warn("control: refused a client, want root or the server's own user", "uid", uid)
		_ = c.Close() // it gets no answer
	}
}

// Close implements net.Listener.
func (g *gate) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Listener.Close()
}

// guest is a connection that gives its place back.
type guest struct {
	*net.UnixConn
	leave func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	defer g.leave()
	return g.UnixConn.Close()
}
