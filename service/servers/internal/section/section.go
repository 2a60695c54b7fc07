// Package section holds what the factories of server sections share.
package section

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
)

// Group starts the group of a section.
func Group(b *paste.Build, app string) *service.Group {
	g := service.DefaultGroup()
	g.Name, g.App = b.Name(), app
	return g
}

// Int is a number as Python's int() reads it (SRV-03), from 0 on.
type Int int64

// UnmarshalText reads the number.
func (n *Int) UnmarshalText(text []byte) error {
	v, err := paste.AsInt(string(text))
	switch {
	case err != nil:
		return fmt.Errorf("invalid literal for int() with base 10: '%s', want a whole number", text)
	case v < 0:
		return fmt.Errorf("the number %s is negative, want one from 0", text)
	}
	*n = Int(v)
	return nil
}

// Seconds makes a time of a number of seconds; one of more than 30 years is one
// of 30 years.
func (n Int) Seconds() time.Duration {
	return time.Duration(min(n, 1e9)) * time.Second
}

// Port is the number of a port.
type Port int

// UnmarshalText reads the number.
func (p *Port) UnmarshalText(text []byte) error {
	var n Int
	if err := n.UnmarshalText(text); err != nil {
		return err
	}
	if n > 65535 {
		return fmt.Errorf("the port %d is out of range, want 0 to 65535", n)
	}
	*p = Port(n)
	return nil
}

// Mode is the mode of a unix socket, in octal digits.
type Mode fs.FileMode

// UnmarshalText reads the mode.
func (m *Mode) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(strings.TrimPrefix(string(text), "0o"), 8, 32)
	if err != nil || v > 0o777 {
		return fmt.Errorf("invalid mode %q, want octal digits such as 660", text)
	}
	*m = Mode(v)
	return nil
}

// String writes the mode as it is read.
func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// Has reports whether the section sets an option.
func Has(b *paste.Build, option string) bool { return b.LocalConf().Has(option) }

// Ignore warns about the options of the section that have no meaning here, with
// the reasons.
func Ignore(b *paste.Build, reasons map[string]string) {
	for option := range b.LocalConf().All() {
		if why, ok := reasons[option]; ok {
			b.Warn(option, "has no meaning here: "+why)
		}
	}
}

// Accept is how the workers share an address.
type Accept string

// The ways to share an address.
const (
	AcceptSlots  Accept = "slots"  // each worker has a socket of its own
	AcceptShared Accept = "shared" // one socket for all
)

// UnmarshalText reads the way.
func (a *Accept) UnmarshalText(text []byte) error {
	switch v := Accept(text); v {
	case AcceptSlots, AcceptShared:
		*a = v
		return nil
	default:
		return fmt.Errorf("unknown way %q, want slots or shared", text)
	}
}

// Umask checks a umask: octal digits, or "" for the one there is.
func Umask(text string) error {
	if v, err := strconv.ParseUint(strings.TrimPrefix(text, "0o"), 8, 32); text != "" && (err != nil || v > 0o777) {
		return paste.BadOption("umask", "invalid mask %q, want octal digits such as 022", text)
	}
	return nil
}

// Listen makes the address of a host and a port and blames an option for what
// is wrong with them.
func Listen(option, host string, port Port) ([]service.Address, error) {
	a, err := service.HostPort(host, strconv.Itoa(int(port)))
	if err != nil {
		return nil, paste.BadOption(option, "%w", err)
	}
	return []service.Address{a}, nil
}

// Exclusive refuses options that contradict another one which the section sets.
func Exclusive(b *paste.Build, option string, others ...string) error {
	if !Has(b, option) {
		return nil
	}
	var errs []error
	for _, other := range others {
		if Has(b, other) {
			errs = append(errs, paste.BadOption(other, "stands beside %s, want one of them", option))
		}
	}
	return errors.Join(errs...)
}

// Prefix brings a prefix of paths to one form: a slash before it, none after it.
func Prefix(p string) string {
	p = strings.Trim(strings.TrimSpace(p), "/")
	if p == "" {
		return ""
	}
	return "/" + p
}
