package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Want is what a server group needs of the sockets of a master.
type Want struct {
	Group *Group
	Slots int // how many workers the group has; less than 1 is 1
}

// Sockets are the listening sockets of a master (LAUNCH-10), kept as
// descriptors: os.File.Fd may put one into blocking mode, and all processes
// share that flag. A TCP address has one socket for each worker slot, all with
// SO_REUSEPORT, so that each worker has a queue of its own and a queue outlives
// its worker; one that is accepted from together, a unix socket and an
// inherited one have one for all. The zero Sockets has none.
type Sockets struct {
	mu  sync.Mutex
	set socketSet
}

// socketSet are sockets by the key of their address.
type socketSet map[string][]*Socket

// Change is a new set of sockets before it holds: see [Sockets.Prepare].
type Change struct {
	sockets *Sockets
	wants   []Want
	next    socketSet
	opened  []*Socket
	undo    []func() // what was changed of sockets that are there
}

// addressKey is what an address is known by over reloads: the way it is
// written. A port that the system chooses belongs to one group alone.
func addressKey(g *Group, i int) string {
	a := g.Listen[i]
	if !anyPort(a) {
		return a.String()
	}
	nth := 0
	for _, before := range g.Listen[:i] {
		if before == a {
			nth++
		}
	}
	return fmt.Sprintf("%s(%s/%d)", a, g.Name, nth)
}

// anyPort is true of an address whose port the system chooses.
func anyPort(a Address) bool {
	_, port, err := net.SplitHostPort(a.Addr)
	return err == nil && port == "0" && strings.HasPrefix(a.Network, "tcp")
}

// Prepare opens what the wanted groups need and is not open yet: all or, with
// one *ListenError for each address that cannot be had, nothing. Sockets that
// are there are not closed, so that the workers before go on, and get nothing new
// but the owner and the mode of a unix path, which may fail and which Abort undoes;
// a new socket of an address that has others takes no connections before a
// worker calls [FromFD] on it: nobody would empty its queue.
func (s *Sockets) Prepare(ctx context.Context, wants []Want) (*Change, error) {
	if err := twice(wants); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Change{sockets: s, wants: wants, next: socketSet{}}
	var errs []error
	for _, w := range wants {
		for i := range w.Group.Listen {
			if err := c.add(ctx, w, i); err != nil {
				errs = append(errs, err)
			}
		}
	}
	if len(errs) > 0 {
		c.Abort()
		return nil, errors.Join(errs...)
	}
	return c, nil
}

// twice finds addresses that two groups want, or one wants twice: with
// SO_REUSEPORT the system would let them have their way (PAIN-16).
func twice(wants []Want) error {
	type owner struct {
		group string
		addr  Address
	}
	var seen []owner
	var errs []error
	for _, w := range wants {
		for _, a := range w.Group.Listen {
			for _, o := range seen {
				if sameEndpoint(o.addr, a) {
					errs = append(errs, &ListenError{a, bothHave(o.group, w.Group.Name, o.addr), syscall.EADDRINUSE})
					break
				}
			}
			seen = append(seen, owner{w.Group.Name, a})
		}
	}
	return errors.Join(errs...)
}

func bothHave(first, second string, a Address) string {
	if first == second {
		return fmt.Sprintf("server %q listens on %s already, want it once", first, a)
	}
	return fmt.Sprintf("servers %q and %q both listen there, %q on %s, want it in one of them", first, second, first, a)
}

// sameEndpoint tells, as far as addresses do without the system's help, that
// two cannot be listened on at once.
func sameEndpoint(a, b Address) bool {
	if anyPort(a) || anyPort(b) {
		return false
	}
	if a == b {
		return true
	}
	ae, aerr := endpoint(a.Addr, a.network())
	be, berr := endpoint(b.Addr, b.network())
	return a.Network != "unix" && b.Network != "unix" && aerr == nil && berr == nil && overlap(ae, be)
}

// add sees to one address of a group.
func (c *Change) add(ctx context.Context, w Want, i int) error {
	key, a := addressKey(w.Group, i), w.Group.Listen[i]
	list := c.sockets.set[key]
	kept := len(list) > 0
	if !kept {
		first, err := c.open(ctx, w.Group, key, a)
		if err != nil {
			return explain(a, err)
		}
		list = append(list, first)
	}
	if kept {
		undo, err := list[0].place.path.lend(w.Group)
		if err != nil {
			return explain(a, err)
		}
		c.undo = append(c.undo, undo)
	}
	for len(list) < w.queues(a) {
		next, err := list[0].another(len(list))
		if err == nil {
			list = append(slices.Clip(list), next)
			c.opened = append(c.opened, next)
		}
		if err == nil && !kept {
			err = next.prime(w.Group)
		}
		if err != nil {
			return explain(a, err)
		}
	}
	c.next[key] = list
	return nil
}

// open opens the first socket of an address.
func (c *Change) open(ctx context.Context, g *Group, key string, a Address) (*Socket, error) {
	p := &place{key: key, addr: a}
	p.shared.Store(shared(g, a))
	fd, err := p.open(ctx, g, c.sockets)
	if err != nil {
		p.release()
		return nil, err
	}
	first := p.socket(0, fd)
	c.opened = append(c.opened, first)
	return first, first.prime(g)
}

// has tells that an endpoint overlaps with one that is listened on already, so
// that a reload can go from 0.0.0.0 to an address of its own.
func (s *Sockets) has(id string) bool {
	for _, list := range s.set {
		if overlapping(list[0].place.id(), id) {
			return true
		}
	}
	return false
}

// takeLock takes the lock of a TCP address, or shares the one that this master
// has.
func (s *Sockets) takeLock(a Address, id string) (*addressLock, error) {
	for _, list := range s.set {
		if p := list[0].place; p.id() == id {
			return p.lock.again(), nil
		}
	}
	return takeLock(a, id)
}

// shared tells that the workers accept from one socket.
func shared(g *Group, a Address) bool {
	return g.AcceptShared || !strings.HasPrefix(a.Network, "tcp")
}

// queues is how many sockets an address has.
func (w Want) queues(a Address) int {
	if shared(w.Group, a) {
		return 1
	}
	return max(w.Slots, 1)
}

// Opened are the sockets that Prepare opened. Workers that accepted from them
// must let in what waits (Server.Handover) before Abort.
func (c *Change) Opened() []*Socket { return c.opened }

// Slot is Sockets.Slot for the set that is not yet in force.
func (c *Change) Slot(g *Group, slot, slots int) []*Socket { return c.next.slot(g, slot, slots) }

// Commit puts the set in force, with the backlog, the keep-alive and the mode
// that the groups want now, also for the sockets that were there. It gives the
// sockets that no group wants any more, still open: to be closed when the
// workers have left them.
func (c *Change) Commit() (removed []*Socket) {
	c.sockets.mu.Lock()
	defer c.sockets.mu.Unlock()
	for _, w := range c.wants {
		for i, a := range w.Group.Listen {
			for _, s := range c.next[addressKey(w.Group, i)] {
				// They took these values before, others of the same kind, or
				// in Prepare: nothing that a reload could be refused for.
				_ = s.prime(w.Group)
				s.place.shared.Store(shared(w.Group, a))
			}
		}
	}
	for key, list := range c.sockets.set {
		if _, kept := c.next[key]; !kept {
			removed = append(removed, list...)
		}
	}
	c.sockets.set, c.undo = c.next, nil
	return removed
}

// Abort closes what Prepare opened. All else is as it was.
func (c *Change) Abort() {
	for _, s := range c.opened {
		_ = s.Close() // nobody waits for it
	}
	for _, undo := range slices.Backward(c.undo) {
		undo()
	}
	c.opened, c.undo = nil, nil
}

// Slot gives the sockets that the worker of a slot accepts from: of each TCP
// address those with k mod slots = slot, so that after a decrease of workers
// no queue is without one; sockets for all go to all.
func (s *Sockets) Slot(g *Group, slot, slots int) []*Socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.slot(g, slot, slots)
}

func (set socketSet) slot(g *Group, slot, slots int) []*Socket {
	var list []*Socket
	for i, a := range g.Listen {
		for k, s := range set[addressKey(g, i)] {
			if shared(g, a) || k%max(slots, 1) == slot {
				list = append(list, s)
			}
		}
	}
	return list
}

// All gives all sockets in force.
func (s *Sockets) All() []*Socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Socket
	for _, list := range s.set {
		all = append(all, list...)
	}
	return all
}

// Close closes all of them.
func (s *Sockets) Close() error {
	var errs []error
	for _, one := range s.All() {
		errs = append(errs, one.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = nil
	return errors.Join(errs...)
}
