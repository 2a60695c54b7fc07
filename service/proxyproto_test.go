package service

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// v2 is a header of version 2: command, family, and what follows the length.
func v2(command, family byte, rest string) string {
	return proxySignature + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

const (
	inetAddresses  = "\x0a\x00\x00\x01\xc0\x00\x02\x01\x30\x39\x01\xbb"                                                                                                           // 10.0.0.1:12345
	inet6Addresses = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" + "\x30\x39\x01\xbb" // [2001:db8::1]:12345
	unixAddresses  = "\x00"
)

// proxyTests are from the specification of haproxy, with what it forbids.
var proxyTests = []struct {
	name, header string
	want         string // the client; "" for the peer
	problem      string
}{
	{"1, IPv4", "PROXY TCP4 10.0.0.1 192.0.2.1 12345 443\r\n", "10.0.0.1:12345", ""},
	{"1, the shortest", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "1.1.1.1:1", ""},
	{"1, the longest of IPv4", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", ""},
	{"1, IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n", "[2001:db8::1]:12345", ""},
	{"1, the shortest of IPv6", "PROXY TCP6 :: :: 0 0\r\n", "[::]:0", ""},
	{"1, the longest of IPv6", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", ""},
	{"1, IPv4 as IPv6", "PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n", "10.0.0.1:1", ""},
	{"1, unknown", "PROXY UNKNOWN\r\n", "", ""},
	{"1, unknown, the longest of all", "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "", ""},
	{"1, too long", "PROXY UNKNOWN " + strings.Repeat("x", 100) + "\r\n", "", "invalid header of the PROXY protocol: a line that does not end in 107 bytes"},
	{"1, a bare LF", "PROXY TCP4 10.0.0.1 192.0.2.1 12345 443\n\n", "", "invalid header of the PROXY protocol: a line that does not end in 107 bytes"},
	{"1, a bare CR", "PROXY UNKNOWN\rx\r\n", "", "invalid header of the PROXY protocol: a line that does not end in 107 bytes"},
	{"1, another protocol", "PROXY UDP4 10.0.0.1 192.0.2.1 1 2\r\n", "", `invalid header of the PROXY protocol: the line "PROXY UDP4 10.0.0.1 192.0.2.1 1 2"`},
	{"1, a leading zero", "PROXY TCP4 10.0.0.1 192.0.2.1 01 443\r\n", "", `invalid header of the PROXY protocol: the line "PROXY TCP4 10.0.0.1 192.0.2.1 01 443"`},
	{"1, a port too high", "PROXY TCP4 10.0.0.1 192.0.2.1 65536 443\r\n", "", `invalid header of the PROXY protocol: the line "PROXY TCP4 10.0.0.1 192.0.2.1 65536 443"`},
	{"1, IPv6 as IPv4", "PROXY TCP4 ::1 ::1 1 2\r\n", "", `invalid header of the PROXY protocol: the line "PROXY TCP4 ::1 ::1 1 2"`},
	{"1, a zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "", `invalid header of the PROXY protocol: the line "PROXY TCP6 fe80::1%eth0 ::1 1 2"`},
	{"1, two blanks", "PROXY TCP4  10.0.0.1 192.0.2.1 1 443\r\n", "", `invalid header of the PROXY protocol: the line "PROXY TCP4  10.0.0.1 192.0.2.1 1 443"`},
	{"1, a field too much", "PROXY TCP4 10.0.0.1 192.0.2.1 1 443 x\r\n", "", `invalid header of the PROXY protocol: the line "PROXY TCP4 10.0.0.1 192.0.2.1 1 443 x"`},
	{"1, half of it", "PROXY TCP4 10.0.0.1 192", "", "unexpected EOF"},
	{"2, IPv4", v2(0x21, 0x11, inetAddresses), "10.0.0.1:12345", ""},
	{"2, IPv6", v2(0x21, 0x21, inet6Addresses), "[2001:db8::1]:12345", ""},
	{"2, TLVs are left out", v2(0x21, 0x11, inetAddresses+"\x04\x00\x03abc"+strings.Repeat("\xee", 70)), "10.0.0.1:12345", ""},
	{"2, the longest of all", v2(0x21, 0x21, inet6Addresses+strings.Repeat("x", 65535-36)), "[2001:db8::1]:12345", ""},
	{"2, LOCAL", v2(0x20, 0x11, inetAddresses), "", ""},
	{"2, LOCAL without addresses", v2(0x20, 0x00, ""), "", ""},
	{"2, UNSPEC", v2(0x21, 0x00, "whatever"), "", ""},
	{"2, UDP", v2(0x21, 0x12, inetAddresses), "", ""},
	{"2, unix", v2(0x21, 0x31, strings.Repeat(unixAddresses, 216)), "", ""},
	{"2, another command", v2(0x22, 0x11, inetAddresses), "", "invalid header of the PROXY protocol: version and command 0x22 with family 0x11"},
	{"2, another version", v2(0x31, 0x11, inetAddresses), "", "invalid header of the PROXY protocol: version and command 0x31 with family 0x11"},
	{"2, another family", v2(0x21, 0x41, inetAddresses), "", "invalid header of the PROXY protocol: version and command 0x21 with family 0x41"},
	{"2, another transport", v2(0x21, 0x13, inetAddresses), "", "invalid header of the PROXY protocol: version and command 0x21 with family 0x13"},
	{"2, too short", v2(0x21, 0x11, inetAddresses[:11]), "", "invalid header of the PROXY protocol: 11 bytes of addresses for family 0x11"},
	{"2, too short for IPv6", v2(0x21, 0x21, inetAddresses), "", "invalid header of the PROXY protocol: 12 bytes of addresses for family 0x21"},
	{"2, half of it", v2(0x21, 0x11, inetAddresses)[:20], "", "unexpected EOF"},
	{"none, but HTTP", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", "no header of the PROXY protocol"},
	{"none, but TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00", "", "no header of the PROXY protocol"},
	{"nothing", "", "", "EOF"},
}

func TestProxyHeader(t *testing.T) {
	const after = "GET / HTTP/1.1\r\n"
	for _, tt := range proxyTests {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.header
			if tt.problem == "" {
				text += after
			}
			r := strings.NewReader(text)
			a, err := readProxyHeader(r)
			if problemText(err) != tt.problem {
				t.Fatalf("error %v, want %q", err, tt.problem)
			}
			if got := addrText(a); got != tt.want {
				t.Errorf("client %q, want %q", got, tt.want)
			}
			if rest, _ := io.ReadAll(r); tt.problem == "" && string(rest) != after {
				t.Errorf("left %q, want all that follows", rest)
			}
		})
	}
}

func problemText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// FuzzProxyHeader: whatever comes, no panic, nothing read beyond a header, and
// the same however the bytes are cut.
func FuzzProxyHeader(f *testing.F) {
	for _, tt := range proxyTests {
		f.Add([]byte(tt.header))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		whole := bytes.NewReader(data)
		a, err := readProxyHeader(whole)
		pieces := bytes.NewReader(data)
		b, again := readProxyHeader(reader(func(p []byte) (int, error) { return pieces.Read(p[:min(len(p), 1)]) }))
		if a != b || problemText(err) != problemText(again) || whole.Len() != pieces.Len() {
			t.Errorf("%v, %v in one piece, %v, %v byte by byte", a, err, b, again)
		}
		if err != nil && a.IsValid() {
			t.Errorf("the client %s of a bad header", a)
		}
		read := data[:len(data)-whole.Len()]
		if err == nil && !bytes.HasPrefix(read, []byte(proxySignature)) && !bytes.HasSuffix(read, []byte("\r\n")) {
			t.Errorf("read %q", read)
		}
	})
}

func TestTrustedPeers(t *testing.T) {
	tests := []struct {
		text, written string
		trusts        string // of the peers below
		problem       string
	}{
		{"", "", "", ""},
		{"127.0.0.1", "127.0.0.1/32", "a", ""},
		{"10.1.2.3/8, ::1", "10.0.0.0/8 ::1/128", "bc", ""},
		{"unix", "unix", "d", ""},
		{"*", "0.0.0.0/0 ::/0 unix", "abcd", ""},
		{"localhost", "", "", `invalid peer "localhost", want networks such as 10.0.0.0/8, addresses, unix or *`},
		{"10.0.0.0/33", "", "", `invalid peer "10.0.0.0/33", want networks such as 10.0.0.0/8, addresses, unix or *`},
	}
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 1} }
	peers := map[string]net.Addr{"a": tcp("127.0.0.1"), "b": tcp("10.9.9.9"), "c": tcp("::1"), "d": &net.UnixAddr{Net: "unix"}}
	for _, tt := range tests {
		var p TrustedPeers
		if err := p.UnmarshalText([]byte(tt.text)); problemText(err) != tt.problem || p.String() != tt.written {
			t.Errorf("%q: %s, %v, want %s, %s", tt.text, p, err, tt.written, tt.problem)
		}
		for name, peer := range peers {
			if got := p.has(peer); got != strings.Contains(tt.trusts, name) {
				t.Errorf("%q trusts %s: %t", tt.text, peer, got)
			}
		}
	}
	if p := LocalPeers(); !p.has(tcp("127.9.9.9")) || !p.has(tcp("::1")) || p.has(tcp("10.0.0.1")) {
		t.Errorf("local peers are %s", p)
	}
}

func client4(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }

func TestProxyNamesTheClient(t *testing.T) {
	g := testGroup(t)
	g.ProxyProtocol = true
	r := serve(t, g, client4)
	for _, header := range []string{"PROXY TCP4 203.0.113.9 192.0.2.1 5555 443\r\n", v2(0x21, 0x11, "\xcb\x00\x71\x09\xc0\x00\x02\x01\x15\xb3\x01\xbb")} {
		c := r.dial().send(header + "GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
		for range 2 { // once for a connection
			if a := c.answer("GET"); a.text != "203.0.113.9:5555" {
				t.Errorf("client %s, want that of the header", a.text)
			}
			c.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
		}
		c.answer("GET")
	}
	local := r.dial()
	if a := local.send("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != local.LocalAddr().String() {
		t.Errorf("client %s, want the peer %s", a.text, local.LocalAddr())
	}
	r.end()
	if log := r.accessLog(); strings.Count(log, "203.0.113.9 - - [") != 6 || strings.Count(log, "127.0.0.1 - - [") != 1 {
		t.Errorf("access log\n%s\nwant six lines of the client", log)
	}
}

func TestProxyBeforeTLS(t *testing.T) {
	ca := newAuthority(t, "ca")
	g := testGroup(t)
	g.ProxyProtocol, g.CertFile = true, ca.both("localhost")
	r := serve(t, g, client4)
	c := r.dial().send("PROXY TCP6 2001:db8::9 ::1 5555 443\r\n")
	tc := tls.Client(c.Conn, &tls.Config{RootCAs: ca.pool(), ServerName: "localhost"})
	if _, err := io.WriteString(tc, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(tc); err != nil || !strings.HasSuffix(string(b), "\r\n\r\n[2001:db8::9]:5555") {
		t.Errorf("%q, %v, want the client of the header", b, err)
	}
}

// TestProxyOverUnixAndByPeers: who is not trusted is not believed, and who is
// must send the header.
func TestProxyByPeers(t *testing.T) {
	onLinux(t)
	g := testGroup(t)
	g.Listen = []Address{{"unix", socketPath(t)}}
	g.ProxyProtocol = true
	r := serve(t, g, client4)
	if a := r.dial().send("PROXY TCP4 203.0.113.9 192.0.2.1 5555 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != "203.0.113.9:5555" {
		t.Errorf("over a unix socket: client %s", a.text)
	}
	g = testGroup(t)
	g.ProxyProtocol = true
	g.ProxyFrom = TrustedPeers{Unix: true}
	r = serve(t, g, client4)
	if a := r.dial().send("PROXY TCP4 203.0.113.9 192.0.2.1 5555 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("one who is not trusted got %d for his header, want 400", a.StatusCode)
	}
	c := r.dial()
	if a := c.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != c.LocalAddr().String() {
		t.Errorf("one who is not trusted, without a header: client %s, want %s", a.text, c.LocalAddr())
	}
}

func TestTrustedPeersMustSendAHeader(t *testing.T) {
	g := testGroup(t)
	g.ProxyProtocol = true
	g.HeaderTimeout = 100 * time.Millisecond
	r := serve(t, g, client4)
	r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").closed()
	if !strings.Contains(r.logs.String(), `level=WARN msg="a connection of a trusted proxy is refused" server=test peer=127.0.0.1 error="no header of the PROXY protocol"`) {
		t.Errorf("logged %s, want a word about it", r.logs)
	}
	r.dial().send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").closed()
	if strings.Count(r.logs.String(), "is refused") != 1 {
		t.Errorf("logged %s, want one line in ten seconds", r.logs)
	}
	begin := time.Now()
	r.dial().send("PROXY TCP4 ").closed() // header_timeout
	r.dial().closed()
	if d := time.Since(begin); d > patience/2 {
		t.Errorf("half a header was waited for %s", d)
	}
	eventually(t, "the end of all", func() bool { return r.connections() == 0 })
	r.end()
	if log := r.accessLog(); log != "" {
		t.Errorf("access log %q, want nothing: there was no request", log)
	}
}

// TestDrainWithoutAHeader: a connection on which nothing has arrived is no
// reason to wait.
func TestDrainWithoutAHeader(t *testing.T) {
	g := testGroup(t)
	g.ProxyProtocol, g.HeaderTimeout = true, patience
	r := serve(t, g, client4)
	idle := r.dial()
	begun := r.dial().send("PROXY TCP4 203.0.113.9 ")
	eventually(t, "the connections", func() bool { return r.connections() == 2 })
	r.stop()
	idle.closed()
	if a := begun.send("192.0.2.1 5555 443\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").answer("GET"); a.text != "203.0.113.9:5555" || !a.Close {
		t.Errorf("%q, close %t, want the answer and the end", a.text, a.Close)
	}
	if err := r.wait(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
}
