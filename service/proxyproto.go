package service

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The sizes of a header of the PROXY protocol (haproxy, proxy-protocol.txt).
const (
	maxProxyLine   = 107 // of version 1, 2.1
	proxySignature = "\r\n\r\n\x00\r\nQUIT\n"
	proxyFixed     = 16 // bytes of version 2 that always come, 2.2
	proxyInet      = 12 // of its addresses
	proxyInet6     = 36
)

// What the 13th and 14th byte of version 2 say.
const (
	proxyLocal  = 0x20
	proxyProxy  = 0x21
	proxyTCP4   = 0x11
	proxyTCP6   = 0x21
	proxyFamily = 0x30 // the highest one, with the highest transport 0x02
)

// errNoProxyHeader is for a trusted peer that begins with something else.
var errNoProxyHeader = errors.New("no header of the PROXY protocol")

// readProxyHeader reads a header of version 1 or 2, and not a byte more. The
// address is not valid when the connection is the proxy's own, or when the
// header does not say, or says it in a way that is not known: then the peer is
// the client.
func readProxyHeader(r io.Reader) (netip.AddrPort, error) {
	// Both versions are longer than the signature of the second one.
	b := make([]byte, len(proxySignature), maxProxyLine)
	if _, err := io.ReadFull(r, b); err != nil {
		return netip.AddrPort{}, err
	}
	switch {
	case string(b) == proxySignature:
		return readProxyBinary(r)
	case bytes.HasPrefix(b, []byte("PROXY ")):
		return readProxyLine(r, b)
	default:
		return netip.AddrPort{}, errNoProxyHeader
	}
}

// readProxyLine reads the rest of a line of version 1.
func readProxyLine(r io.Reader, b []byte) (netip.AddrPort, error) {
	for {
		if bytes.HasSuffix(b, []byte("\r\n")) {
			return parseProxyLine(string(b[:len(b)-2]))
		}
		more := atLeast(b)
		if bytes.ContainsAny(b[:len(b)-1], "\r\n") || b[len(b)-1] == '\n' || len(b)+more > maxProxyLine {
			return netip.AddrPort{}, proxyError("a line that does not end in %d bytes", maxProxyLine)
		}
		n := len(b)
		b = b[:n+more]
		if _, err := io.ReadFull(r, b[n:]); err != nil {
			return netip.AddrPort{}, err
		}
	}
}

// atLeast is how many bytes a line must still have: what follows them is not
// ours to read.
func atLeast(b []byte) int {
	if b[len(b)-1] == '\r' {
		return 1
	}
	fields := 2 // CR LF
	if bytes.HasPrefix(b, []byte("PROXY TCP")) {
		fields += 2 * max(5-bytes.Count(b, []byte(" ")), 0)
	}
	return fields
}

func parseProxyLine(line string) (netip.AddrPort, error) {
	fields := strings.Split(line, " ")
	if fields[1] == "UNKNOWN" { // whatever else it says
		return netip.AddrPort{}, nil
	}
	if len(fields) != 6 || fields[1] != "TCP4" && fields[1] != "TCP6" {
		return netip.AddrPort{}, proxyError("the line %q", line)
	}
	source, sourceErr := netip.ParseAddr(fields[2])
	dest, destErr := netip.ParseAddr(fields[3])
	port, portOK := proxyPort(fields[4])
	_, destPortOK := proxyPort(fields[5])
	four := fields[1] == "TCP4"
	if sourceErr != nil || destErr != nil || !portOK || !destPortOK ||
		source.Is4() != four || dest.Is4() != four || source.Zone() != "" || dest.Zone() != "" {
		return netip.AddrPort{}, proxyError("the line %q", line)
	}
	return netip.AddrPortFrom(source.Unmap(), port), nil
}

// proxyPort reads a port, which has no leading zero.
func proxyPort(text string) (uint16, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && strconv.FormatUint(n, 10) == text
}

// readProxyBinary reads the rest of a header of version 2.
func readProxyBinary(r io.Reader) (netip.AddrPort, error) {
	var fixed [proxyFixed - len(proxySignature)]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return netip.AddrPort{}, err
	}
	command, family, length := fixed[0], fixed[1], binary.BigEndian.Uint16(fixed[2:])
	if command != proxyLocal && command != proxyProxy || family&0xf0 > proxyFamily || family&0x0f > 2 {
		return netip.AddrPort{}, proxyError("version and command %#02x with family %#02x", command, family)
	}
	var addresses [proxyInet6]byte
	known := addresses[:min(int(length), len(addresses))]
	if _, err := io.ReadFull(r, known); err != nil {
		return netip.AddrPort{}, err
	}
	if _, err := io.CopyN(io.Discard, r, int64(int(length)-len(known))); err != nil { // TLVs
		return netip.AddrPort{}, err
	}
	if command == proxyLocal {
		return netip.AddrPort{}, nil
	}
	return proxyAddresses(family, known)
}

// proxyAddresses takes the client's address, in the order source, destination,
// ports.
func proxyAddresses(family byte, b []byte) (netip.AddrPort, error) {
	switch {
	case family != proxyTCP4 && family != proxyTCP6: // nothing that TCP has
		return netip.AddrPort{}, nil
	case family == proxyTCP4 && len(b) >= proxyInet:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b)), binary.BigEndian.Uint16(b[8:])), nil
	case family == proxyTCP6 && len(b) >= proxyInet6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b)).Unmap(), binary.BigEndian.Uint16(b[32:])), nil
	default:
		return netip.AddrPort{}, proxyError("%d bytes of addresses for family %#02x", len(b), family)
	}
}

func proxyError(format string, args ...any) error {
	return fmt.Errorf("invalid header of the PROXY protocol: "+format, args...)
}

// TrustedPeers are those whose headers of the PROXY protocol are believed.
type TrustedPeers struct {
	Networks []netip.Prefix
	Unix     bool // those on unix sockets
}

// LocalPeers are those of this machine.
func LocalPeers() TrustedPeers {
	return TrustedPeers{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Unix:     true,
	}
}

// AllPeers are everybody.
func AllPeers() TrustedPeers {
	return TrustedPeers{
		Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
		Unix:     true,
	}
}

// UnmarshalText reads networks, addresses, unix and * for all, with blanks or
// commas between them.
func (t *TrustedPeers) UnmarshalText(text []byte) error {
	var peers TrustedPeers
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(", \t\n", r) }) {
		switch word {
		case "*":
			peers = AllPeers()
			continue
		case "unix":
			peers.Unix = true
			continue
		}
		p, err := netip.ParsePrefix(word)
		if a, addrErr := netip.ParseAddr(word); addrErr == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("invalid peer %q, want networks such as 10.0.0.0/8, addresses, unix or *", word)
		}
		peers.Networks = append(peers.Networks, p.Masked())
	}
	*t = peers
	return nil
}

// String writes the peers as they are read.
func (t TrustedPeers) String() string {
	var words []string
	for _, p := range t.Networks {
		words = append(words, p.String())
	}
	if t.Unix {
		words = append(words, "unix")
	}
	return strings.Join(words, " ")
}

// has tells whether a peer is one of them.
func (t TrustedPeers) has(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return t.Unix && peer.Network() == "unix"
	}
	a := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range t.Networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
