// Package grantip gives requests a user and roles by the address of the client,
// as Paste's grantip is meant to.
package grantip

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Clobber bool        `paste:"clobber_username" help:"replace a user that the request has already"`
	Grants  *paste.Conf `paste:",rest" help:"ADDRESS, NETWORK or FIRST<->LAST = user:role,role; - for none, -role takes one away, the user __remove__ logs out"`
}

func init() {
	paste.RegisterFilter("egg:Paste#grantip", Options{}, New,
		paste.Alias("egg:wheatpaste#grantip", "paste.auth.grantip:make_grantip"),
		paste.Help("Gives requests a user and roles by the address of the client."),
		paste.Example(`
[filter:grant]
use = egg:Paste#grantip
clobber_username = true
127.0.0.1 = -:system
192.168.0.0/24 = -:editor
192.168.0.7 = joe
192.168.0.10 = __remove__:-editor
`))
}

type grant struct {
	first, last netip.Addr
	user        string
	remove      bool
	add, take   []string
}

type filter struct {
	grants  []grant
	clobber bool
}

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{clobber: o.Clobber}
	var errs []error
	for place, v := range o.Grants.All() {
		g, err := parse(place, v.Text)
		if err != nil {
			errs = append(errs, paste.BadOption(place, "%w", err))
		}
		f.grants = append(f.grants, g)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return f.wrap, nil
}

var errPlace = errors.New("unknown option, want clobber_username, an address, a network such as 10.0.0.0/8 or two addresses with <-> between")

func parse(place, text string) (grant, error) {
	var g grant
	user, roles, _ := strings.Cut(text, ":")
	switch user = strings.TrimSpace(user); user {
	case "-":
	case "__remove__":
		g.remove = true
	default:
		g.user = user
	}
	for role := range strings.SplitSeq(roles, ",") {
		role = strings.TrimSpace(role)
		if taken, ok := strings.CutPrefix(role, "-"); ok {
			if taken != "" {
				g.take = append(g.take, taken)
			}
		} else if role != "" {
			g.add = append(g.add, role)
		}
	}
	err := g.setPlace(place)
	return g, err
}

func (g *grant) setPlace(place string) error {
	if first, last, ok := strings.Cut(place, "<->"); ok {
		var err, err2 error
		g.first, err = netip.ParseAddr(strings.TrimSpace(first))
		g.last, err2 = netip.ParseAddr(strings.TrimSpace(last))
		if err != nil || err2 != nil || g.first.BitLen() != g.last.BitLen() || g.last.Less(g.first) {
			return errPlace
		}
		return nil
	}
	if addr, err := netip.ParseAddr(place); err == nil {
		g.first, g.last = addr, addr
		return nil
	}
	network, err := netip.ParsePrefix(place)
	if err != nil {
		return errPlace
	}
	g.first = network.Masked().Addr()
	g.last = lastOf(network)
	return nil
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

func (g *grant) covers(addr netip.Addr) bool {
	return addr.BitLen() == g.first.BitLen() && !addr.Less(g.first) && !g.last.Less(addr)
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		if addr, err := netip.ParseAddr(env.ClientAddr()); err == nil {
			f.grant(env, addr.Unmap().WithZone(""))
		}
		next.ServeHTTP(w, r)
	})
}

// grant applies all grants that cover the address, in the order of the file.
func (f *filter) grant(env *pipeline.Environ, addr netip.Addr) {
	id := env.Identity()
	changed, remove := false, false
	var take []string
	for i := range f.grants {
		g := &f.grants[i]
		if !g.covers(addr) {
			continue
		}
		changed, remove = true, remove || g.remove
		if g.user != "" && (id.UserName == "" || f.clobber) {
			id.UserName = g.user
		}
		for _, role := range g.add {
			if !slices.Contains(id.Roles, role) {
				id.Roles = append(slices.Clone(id.Roles), role)
			}
		}
		take = append(take, g.take...)
	}
	if !changed {
		return
	}
	if remove {
		id.UserName, id.UserID = "", ""
	}
	if len(take) > 0 {
		id.Roles = slices.DeleteFunc(slices.Clone(id.Roles), func(role string) bool { return slices.Contains(take, role) })
	}
	env.SetIdentity(id)
}
