package prefix

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// network is one item of trusted_proxies.
type network struct {
	prefix netip.Prefix
	unix   bool
}

// UnmarshalText reads an address, a network or the word unix.
func (n *network) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "unix" {
		*n = network{unix: true}
		return nil
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		*n = network{prefix: netip.PrefixFrom(addr, addr.BitLen())}
		return nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return fmt.Errorf("invalid network %q, want an address, a network such as 10.0.0.0/8, or unix", s)
	}
	*n = network{prefix: prefix}
	return nil
}

// String writes the network as it is read.
func (n network) String() string {
	if n.unix {
		return "unix"
	}
	return n.prefix.String()
}

// trusts reports whether an address is that of a trusted proxy; the zero Addr
// stands for a unix socket.
func (h headers) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(h.trusted, func(n network) bool {
		return n.unix && !addr.IsValid() || n.prefix.Contains(addr)
	})
}

// peer is the other end of the connection, the zero Addr for a unix socket.
func peer(r *http.Request) netip.Addr {
	addr, _ := address(r.RemoteAddr)
	return addr
}

// address reads an address with or without a port and brackets.
func address(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return addr.Unmap().WithZone(""), err == nil
}

// validHost reports whether a text can stand in a Host header and in a URL.
func validHost(host string) bool {
	return host != "" && strings.IndexFunc(host, func(r rune) bool {
		alnum := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !alnum && !strings.ContainsRune("-._~:[]", r)
	}) < 0
}
