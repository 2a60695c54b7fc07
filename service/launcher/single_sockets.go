package launcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/wheatpaste/wheatpaste/service"
)

// keptSocket is a listening socket of a Single. The servers accept from copies
// of it, and it outlives them.
type keptSocket struct {
	key    string
	addr   service.Address
	server string // that wants it
	origin net.Listener
	path   pathID // of a unix socket with a path
}

// pathID is what a path leads to.
type pathID struct{ Device, Inode uint64 }

// keptSockets are sockets by their keys.
type keptSockets map[string]*keptSocket

// socketKey is what an address is known by over reloads: the way it is written.
// A port that the system chooses belongs to one server alone.
func socketKey(g *service.Group, i int) string {
	a := g.Listen[i]
	_, port, err := net.SplitHostPort(a.Addr)
	if err != nil || port != "0" || !strings.HasPrefix(a.Network, "tcp") {
		return a.String()
	}
	nth := 0
	for _, before := range g.Listen[:i] {
		if before == a {
			nth++
		}
	}
	return a.String() + "(" + g.Name + "/" + strconv.Itoa(nth) + ")"
}

// socketChange is a new set of sockets before it holds.
type socketChange struct {
	next   keptSockets
	opened []*keptSocket
	undo   []func() // what was changed of sockets that are there
}

// prepareSockets opens what is missing: all or, with one error for each address
// that cannot be had, nothing.
func prepareSockets(ctx context.Context, have keptSockets, groups []*service.Group) (*socketChange, error) {
	c := &socketChange{next: keptSockets{}}
	var errs []error
	for _, g := range groups {
		for i := range g.Listen {
			if err := c.add(ctx, have, g, i); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if len(errs) == 0 {
		return c, nil
	}
	for _, undo := range slices.Backward(c.undo) {
		undo()
	}
	for _, k := range c.opened {
		_ = k.origin.Close() // nobody waits for it
	}
	return nil, errors.Join(errs...)
}

func (c *socketChange) add(ctx context.Context, have keptSockets, g *service.Group, i int) error {
	key, a := socketKey(g, i), g.Listen[i]
	if k := c.next[key]; k != nil {
		problem := fmt.Sprintf("server %q listens there already, want it once", k.server)
		return &service.ListenError{Address: a, Problem: problem, Err: syscall.EADDRINUSE}
	}
	if old := have[key]; old != nil {
		if err := c.give(old, g); err != nil {
			return err
		}
		k := *old
		k.server = g.Name
		c.next[key] = &k
		return nil
	}
	one := *g
	one.Listen = g.Listen[i : i+1]
	list, err := service.Listen(ctx, &one)
	if err != nil {
		return err
	}
	k := &keptSocket{key: key, addr: a, server: g.Name, origin: list[0]}
	k.path = k.identify()
	c.next[key] = k
	c.opened = append(c.opened, k)
	return nil
}

// give gives a unix socket that is there the owner and the mode that its group
// wants now.
func (c *socketChange) give(k *keptSocket, g *service.Group) error {
	if k.path == (pathID{}) || k.identify() != k.path {
		return nil
	}
	undo, err := g.GiveSocket(k.addr.Addr)
	if err == nil {
		c.undo = append(c.undo, undo)
	}
	return err
}

// removed are the sockets that nobody wants any more.
func (c *socketChange) removed(have keptSockets) []*keptSocket {
	var list []*keptSocket
	for key, k := range have {
		if c.next[key] == nil {
			list = append(list, k)
		}
	}
	return list
}

// commitSockets puts a set in force, with the queues and modes that the groups
// want now. A former self leaves only sockets that its rehearsal wanted; when
// the files have changed since, the others are closed.
func (s *Single) commitSockets(c *socketChange, groups []*service.Group) {
	for _, k := range c.removed(s.sockets) {
		s.log.Warn("an address is not wanted any more", "address", k.addr.String())
		if !s.conf.Former.mayGoBack() { // else it is closed with the way back
			_ = k.origin.Close() // nobody accepts from it
		}
	}
	for _, g := range groups {
		for i := range g.Listen {
			k := c.next[socketKey(g, i)]
			if err := k.prime(g); err != nil {
				s.log.Warn("a socket does not take its new options", "server", g.Name, "address", k.addr.String(), "error", err)
			}
		}
	}
	s.sockets = c.next
}

// copySockets gives the servers their listeners.
func (s *Single) copySockets() error {
	var errs []error
	for _, p := range s.parts {
		g := p.Server.Group
		for i := range g.Listen {
			key := socketKey(g, i)
			k := s.sockets[key]
			if k == nil {
				errs = append(errs, fmt.Errorf("server %s: %s is no address of the plan", g.Name, g.Listen[i]))
				continue
			}
			l, err := k.copy()
			if err != nil {
				errs = append(errs, fmt.Errorf("server %s: %s: %w", g.Name, k.addr, err))
				continue
			}
			p.listeners[key] = l
		}
	}
	if err := errors.Join(errs...); err != nil {
		for _, p := range s.parts {
			for _, l := range p.listeners {
				_ = l.Close() // the socket stays
			}
		}
		return err
	}
	return nil
}

// leaveSockets leaves them to the servers that drain: when these have closed
// their copies, clients must be refused.
func (s *Single) leaveSockets() {
	for _, k := range s.sockets {
		k.leave()
	}
}

// closeSockets gives up the addresses.
func (s *Single) closeSockets() {
	for _, k := range s.sockets {
		_ = k.origin.Close() // it may be closed already
	}
}
