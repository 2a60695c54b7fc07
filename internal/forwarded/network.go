package forwarded

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Proxies is an option that lists the proxies that are believed: addresses,
// networks, and the word unix for those that connect by a unix socket.
type Proxies []proxy

type proxy struct {
	network netip.Prefix
	unix    bool
}

// OptionType is the word for it in lists of options.
func (Proxies) OptionType() string { return "network-list" }

// UnmarshalText reads the list.
func (p *Proxies) UnmarshalText(text []byte) error {
	var list Proxies
	for _, word := range words(text) {
		network, ok := parseNetwork(word)
		if word != "unix" && (!ok || strings.Contains(word, "%")) {
			return fmt.Errorf("invalid network %q, want an address, a network such as 10.0.0.0/8, or unix", word)
		}
		list = append(list, proxy{network: network, unix: word == "unix"})
	}
	*p = list
	return nil
}

// Has reports whether an address is that of one of the proxies; the zero Addr
// stands for a unix socket.
func (p Proxies) Has(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(item proxy) bool {
		return item.unix && !addr.IsValid() || item.network.Contains(addr)
	})
}

// String writes the proxy as it is read.
func (p proxy) String() string {
	if p.unix {
		return "unix"
	}
	return p.network.String()
}

// Networks is an option that lists addresses and networks.
type Networks []netip.Prefix

// OptionType is the word for it in lists of options.
func (Networks) OptionType() string { return "network-list" }

// UnmarshalText reads the list. Bits behind the prefix are refused, as Python's
// ipaddress does.
func (n *Networks) UnmarshalText(text []byte) error {
	var list Networks
	for _, word := range words(text) {
		network, ok := parseNetwork(word)
		if !ok || network != network.Masked() {
			return fmt.Errorf("invalid network %q, want networks such as 10.0.0.0/8, or addresses", word)
		}
		list = append(list, network)
	}
	*n = list
	return nil
}

// Has reports whether an address is in one of the networks.
func (n Networks) Has(addr netip.Addr) bool {
	addr = plain(addr)
	return slices.ContainsFunc(n, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// words splits a list as the loader does where an item holds no comma.
func words(text []byte) []string {
	return paste.Words(strings.ReplaceAll(string(text), ",", " "))
}

// parseNetwork reads an address or a network. IPv4 that is written as IPv6
// becomes IPv4, as the addresses do that it is compared with.
func parseNetwork(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && !strings.Contains(s, "/") { // a zone may hold one
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	network, err := netip.ParsePrefix(s)
	if addr := network.Addr(); addr.Is4In6() && network.Bits() >= 96 {
		network = netip.PrefixFrom(addr.Unmap(), network.Bits()-96)
	}
	return network, err == nil
}

// Peer is the address of the other end of the connection, the zero Addr for a
// unix socket.
func Peer(r *http.Request) netip.Addr {
	addr, _ := Address(r.RemoteAddr)
	return addr
}

// Address reads an address with or without a port and brackets.
func Address(s string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return plain(addr), err == nil
}

// plain makes equal what a socket may write in several ways.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
