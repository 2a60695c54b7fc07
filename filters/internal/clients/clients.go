// Package clients tells the clients of a server apart, for filters that count
// by client.
package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Key is an option that says by what clients are told apart. Its zero value
// makes all of them one.
type Key struct {
	word   string
	header string // of header:NAME
}

// Address is the Key for addresses.
var Address = Key{word: "address"}

// OptionType is the word for it in lists of options.
func (Key) OptionType() string { return "word" }

// UnmarshalText reads a key.
func (k *Key) UnmarshalText(text []byte) error {
	word := string(text)
	name, isHeader := strings.CutPrefix(word, "header:")
	switch {
	case isHeader && httpguts.ValidHeaderFieldName(name):
		*k = Key{word, textproto.CanonicalMIMEHeaderKey(name)}
	case word == "all":
		*k = Key{}
	case word == "address" || word == "user" || word == "project":
		*k = Key{word: word}
	default:
		return fmt.Errorf("invalid key %q, want all, address, user, project or header:NAME", word)
	}
	return nil
}

// String writes the key as it is read.
func (k Key) String() string {
	if k.word == "" {
		return "all"
	}
	return k.word
}

// Of gives the key of a request. A request without the header or the identity
// counts by its address, so that leaving them out is no way round a limit. What
// a header holds may be secret and is hashed.
func (k Key) Of(r *http.Request) string {
	if k.word == "" {
		return ""
	}
	env := pipeline.FromRequest(r)
	switch {
	case k.header != "":
		if values := r.Header[k.header]; len(values) > 0 {
			sum := sha256.Sum256([]byte(strings.Join(values, ",")))
			return "h:" + hex.EncodeToString(sum[:16])
		}
	case k.word == "user":
		if id := env.Identity(); id.UserID != "" {
			return "u:" + id.UserID
		} else if id.UserName != "" {
			return "n:" + id.DomainName + "/" + id.UserName
		}
	case k.word == "project":
		if id := env.Identity(); id.ProjectID != "" {
			return "p:" + id.ProjectID
		}
	}
	return ofAddress(env.ClientAddr())
}

// ipv6Bits is the network that one client has: whoever has an address of IPv6
// has 2^64 of them.
const ipv6Bits = 64

func ofAddress(text string) string {
	if strings.IndexByte(text, ':') < 0 {
		return text // IPv4, or a unix socket
	}
	addr, ok := Parse(text)
	if !ok || addr.Is4() {
		return text
	}
	return netip.PrefixFrom(addr, ipv6Bits).Masked().Addr().String()
}

// Exempt reports whether a request comes from one of the networks.
func Exempt(networks forwarded.Proxies, r *http.Request) bool {
	if len(networks) == 0 {
		return false
	}
	return Within(networks, pipeline.FromRequest(r).ClientAddr())
}

// Within reports whether an address is in one of the networks; what is no
// address is in none.
func Within(networks forwarded.Proxies, client string) bool {
	addr, ok := Parse(client)
	return ok && networks.Has(addr)
}

// Parse reads an address as an Environ or a connection has it; the zero Addr
// stands for a unix socket, which net/http writes as nothing or an @.
func Parse(client string) (netip.Addr, bool) {
	if client == "" || client == "@" {
		return netip.Addr{}, true
	}
	if addr, err := netip.ParseAddr(client); err == nil { // the usual case, without an allocation
		return addr.Unmap().WithZone(""), true
	}
	return forwarded.Address(client)
}
