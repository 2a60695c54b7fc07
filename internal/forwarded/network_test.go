package forwarded

import (
	"encoding"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func proxies(t testing.TB, text string) Proxies {
	t.Helper()
	var p Proxies
	if err := p.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestListsAreRead(t *testing.T) {
	tests := []struct{ text, proxies, networks string }{
		{"", "[]", "[]"},
		{"10.0.0.1", "[10.0.0.1/32]", "[10.0.0.1/32]"},
		{"10.0.0.0/8, ::1\n2001:db8::/32,", "[10.0.0.0/8 ::1/128 2001:db8::/32]", "[10.0.0.0/8 ::1/128 2001:db8::/32]"},
		{"::ffff:10.1.1.1", "[10.1.1.1/32]", "[10.1.1.1/32]"},
		{"::ffff:10.0.0.0/104", "[10.0.0.0/8]", "[10.0.0.0/8]"},
		{"::/0", "[::/0]", "[::/0]"},
		{"unix, 10.0.0.0/8", "[unix 10.0.0.0/8]", "unix"},
		{"10.0.0.1/8", "[10.0.0.1/8]", "10.0.0.1/8"},
		{"::ffff:10.0.0.1/104", "[10.0.0.1/8]", "::ffff:10.0.0.1/104"},
		{"fe80::1%eth0", "fe80::1%eth0", "[fe80::1/128]"},
		{"fe80::%eth0/10", "fe80::%eth0/10", "fe80::%eth0/10"},
		{"::1 10.0.0.0/33", "10.0.0.0/33", "10.0.0.0/33"},
		{"proxy.test", "proxy.test", "proxy.test"},
		{"10.0.0.1:80", "10.0.0.1:80", "10.0.0.1:80"},
		{"UNIX", "UNIX", "UNIX"},
	}
	for _, tt := range tests {
		var p Proxies
		if got, want := read(&p, tt.text), orError(tt.proxies, "an address, a network such as 10.0.0.0/8, or unix"); got != want {
			t.Errorf("Proxies %q = %s, want %s", tt.text, got, want)
		}
		var n Networks
		if got, want := read(&n, tt.text), orError(tt.networks, "networks such as 10.0.0.0/8, or addresses"); got != want {
			t.Errorf("Networks %q = %s, want %s", tt.text, got, want)
		}
	}
}

// read gives the list or the error.
func read(list encoding.TextUnmarshaler, text string) string {
	if err := list.UnmarshalText([]byte(text)); err != nil {
		return err.Error()
	}
	switch x := list.(type) {
	case *Proxies:
		return fmt.Sprint(*x)
	case *Networks:
		return fmt.Sprint(*x)
	}
	return ""
}

// orError gives the list, or the error about an item.
func orError(item, want string) string {
	if strings.HasPrefix(item, "[") {
		return item
	}
	return fmt.Sprintf("invalid network %q, want %s", item, want)
}

func TestABadListLeavesTheOldOne(t *testing.T) {
	p := proxies(t, "unix")
	if err := p.UnmarshalText([]byte("::1 x")); err == nil || fmt.Sprint(p) != "[unix]" {
		t.Errorf("list %v, error %v; want [unix] and an error", p, err)
	}
}

func TestListsHave(t *testing.T) {
	tests := []struct {
		list, addr        string
		proxies, networks bool
	}{
		{"", "10.1.1.1", false, false},
		{"10.0.0.0/8", "10.1.1.1", true, true},
		{"10.0.0.0/8", "11.1.1.1", false, false},
		{"::1 10.0.0.1", "10.0.0.1", true, true},
		{"::/0", "10.0.0.1", false, false},
		{"0.0.0.0/0 ::/0", "", false, false},
	}
	for _, tt := range tests {
		addr, _ := netip.ParseAddr(tt.addr)
		var n Networks
		if err := n.UnmarshalText([]byte(tt.list)); err != nil {
			t.Fatal(err)
		}
		if got := n.Has(addr); got != tt.networks {
			t.Errorf("Networks %q has %q: %v, want %v", tt.list, tt.addr, got, tt.networks)
		}
		if got := proxies(t, tt.list).Has(addr); got != tt.proxies {
			t.Errorf("Proxies %q has %q: %v, want %v", tt.list, tt.addr, got, tt.proxies)
		}
	}
	if p := proxies(t, "unix"); !p.Has(netip.Addr{}) || p.Has(netip.MustParseAddr("::")) {
		t.Error("unix is the zero address, and no other")
	}
	if n := (Networks{netip.MustParsePrefix("10.0.0.0/8")}); !n.Has(netip.MustParseAddr("::ffff:10.1.1.1")) {
		t.Error("IPv4 in IPv6 is IPv4")
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"1.2.3.4": "1.2.3.4", "1.2.3.4:80": "1.2.3.4", "::1": "::1", "[::1]": "::1", "[::1]:80": "::1", "fe80::1%eth0": "fe80::1",
		"[fe80::1%eth0]:80": "fe80::1", "::ffff:1.2.3.4": "1.2.3.4", "[::ffff:1.2.3.4]:80": "1.2.3.4",
		"": "", "@": "", "unknown": "", "_hidden": "", "1.2.3.4, 5.6.7.8": "", "[[::1]]": "", "::1]:80": "",
	} {
		addr, ok := Address(text)
		if got := fmt.Sprint(addr); ok != (want != "") || ok && got != want {
			t.Errorf("Address(%q) = %s, %v; want %q", text, got, ok, want)
		}
		if peer := Peer(&http.Request{RemoteAddr: text}); peer != addr {
			t.Errorf("Peer with %q = %s, want %s", text, peer, addr)
		}
	}
}

func FuzzNetworks(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8, ::1 unix", "::ffff:10.0.0.1/104", "fe80::1%eth0", "::ffff:1.2.3.4%x/97", ","} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p Proxies
		if err := p.UnmarshalText([]byte(text)); err == nil {
			again := strings.Trim(fmt.Sprint(p), "[]")
			if q := proxies(t, again); fmt.Sprint(q) != fmt.Sprint(p) {
				t.Errorf("%q is read as %v, and that as %v", text, p, q)
			}
		}
		var n Networks
		if err := n.UnmarshalText([]byte(text)); err == nil {
			for _, network := range n {
				if !n.Has(network.Addr()) {
					t.Errorf("%q has not its own %s", text, network)
				}
			}
		}
	})
}
