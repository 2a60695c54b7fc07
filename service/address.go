package service

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Address is where a server listens.
type Address struct {
	Network string // "tcp" (or "tcp4", "tcp6" for one family), "unix", "fd" or "systemd"
	Addr    string // HOST:PORT, a path, the number of an inherited descriptor, or its name
}

const (
	addressForms = "want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME"
	maxUnixPath  = 107 // of sockaddr_un's 108 bytes, without the zero
	firstFD      = 3   // what stands below is standard input, output and error

	networkSystemd = "systemd"
	maxName        = 255 // of a descriptor, by systemd
)

// ParseListen reads an address as --listen and the option listen take it:
// host:port, :port or *:port for all interfaces, [v6]:port, unix:/path (or
// unix:@name, Linux's abstract names), fd:N for an inherited socket,
// systemd:NAME for all that systemd has passed under a name.
func ParseListen(text string) (Address, error) {
	a, problem := parseListen(text)
	if problem != "" {
		return Address{}, fmt.Errorf("invalid listen address %q: %s, %s", text, problem, addressForms)
	}
	return a, nil
}

func parseListen(text string) (a Address, problem string) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return Address{"unix", path}, unixProblem(path)
	}
	if n, ok := strings.CutPrefix(text, "fd:"); ok {
		fd, err := strconv.Atoi(n)
		if err != nil || fd < firstFD {
			return a, fmt.Sprintf("%q is no descriptor from %d", n, firstFD)
		}
		return Address{"fd", strconv.Itoa(fd)}, ""
	}
	if name, ok := strings.CutPrefix(text, networkSystemd+":"); ok {
		return Address{Network: networkSystemd, Addr: name}, nameProblem(name)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return a, splitProblem(text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return a, fmt.Sprintf("port %q is no number from 0 to 65535", port)
	}
	if host == "*" { // waitress's spelling
		host = ""
	}
	if strings.ContainsAny(host, " /\t") {
		return a, fmt.Sprintf("%q is no host", host)
	}
	return Address{"tcp", net.JoinHostPort(host, port)}, ""
}

func unixProblem(path string) string {
	switch {
	case path == "" || path == "@":
		return "no path"
	case len(path) > maxUnixPath:
		return fmt.Sprintf("a path of %d bytes, the system takes %d", len(path), maxUnixPath)
	case strings.Contains(path, "\x00"):
		return "a path with a zero byte"
	}
	return ""
}

// nameProblem is what FileDescriptorName would not take.
func nameProblem(name string) string {
	odd := strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' })
	switch {
	case name == "":
		return "no name"
	case odd || len(name) > maxName:
		return fmt.Sprintf("%q is no name of a descriptor", name)
	}
	return ""
}

func splitProblem(text string) string {
	switch {
	case text == "":
		return "nothing there"
	case strings.Count(text, ":") > 1 && !strings.HasPrefix(text, "["):
		return "an IPv6 address stands in brackets"
	case strings.HasPrefix(text, "[") && !strings.Contains(text, "]"):
		return "no closing bracket"
	default:
		return "no port"
	}
}

// HostPort makes an address of a host, which may be an IPv6 address with or
// without brackets, or * or empty for all interfaces, and a port.
func HostPort(host, port string) (Address, error) {
	host = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(host), "["), "]")
	return ParseListen(net.JoinHostPort(host, strings.TrimSpace(port)))
}

// String writes the address as ParseListen reads it.
func (a Address) String() string {
	switch a.Network {
	case "unix", "fd", networkSystemd:
		return a.Network + ":" + a.Addr
	default:
		return a.Addr
	}
}

// UnmarshalText is for options.
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := ParseListen(string(text))
	*a = parsed
	return err
}

// network is what the system is asked for: 0.0.0.0 means IPv4 alone, as
// everywhere else, while Go's "tcp" would open both families.
func (a Address) network() string {
	if a.Network != "tcp" {
		return a.Network
	}
	host, _, _ := net.SplitHostPort(a.Addr)
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return "tcp4"
	}
	return a.Network
}

// displayAddr names the address of an open listener in logs.
func displayAddr(addr net.Addr) string {
	if addr.Network() == "unix" {
		return "unix:" + addr.String()
	}
	return addr.String()
}
