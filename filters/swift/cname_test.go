package swift_test

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	_ "github.com/wheatpaste/wheatpaste/filters/swift/cnamelookup"
)

// records are the CNAMEs of the name server of the test.
var records = map[string]string{
	"one.test": "c.auth-a.example.com", "two.test": "one.test", "three.test": "two.test", "loop.test": "loop.test", "away.test": "x.other.org",
	"up.test": "C.AUTH-a.EXAMPLE.com",
}

// nameServer answers questions for CNAMEs by the records.
func nameServer(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 4096); ; {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			name := m.Questions[0].Name
			target, ok := records[strings.ToLower(strings.TrimSuffix(name.String(), "."))]
			if ok {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET, TTL: 300},
					Body:   &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target + ".")},
				}}
			} else {
				m.RCode = dnsmessage.RCodeNameError
			}
			if packet, err := m.Pack(); err == nil {
				c.WriteTo(packet, from)
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c.LocalAddr().String()
}

// TestCNAMEsAreFollowedAsInSwift compares with the original, both at one name
// server, without a cache and with one each.
func TestCNAMEsAreFollowedAsInSwift(t *testing.T) {
	needSwift(t)
	server := nameServer(t)
	var requests []request
	for _, host := range []string{"one.test", "one.test:8080", "two.test", "three.test", "loop.test", "away.test", "none.test", "up.test", "a.example.com", "example.com", "127.0.0.1", "127.0.0.1:80"} {
		requests = append(requests, ask("GET", "/o?x", shown, "Host: "+host), ask("GET", "/o", shown, "Host: "+host),
			ask("GET", "/o", sends("201 Created", "", "Location: http://c.auth-a.example.com/x", "Content-Location: https://c.auth-a.example.com:8080/x"), "Host: "+host))
	}
	var cases []conformance
	for name, options := range map[string]string{"depth 1": "", "depth 2": "lookup_depth = 2\n", "depth 3": "lookup_depth = 3\n", "no domain": "storage_domain =\n",
		"domains": "storage_domain = .example.com, other.org\n"} {
		section := filter("cname_lookup", options+"nameservers = "+server)
		cases = append(cases, conformance{name: name, filters: section, requests: requests}, conformance{name: name + ", cached", filters: cache() + section, requests: requests})
	}
	var inis, mine []string
	for _, c := range cases {
		inis, mine = append(inis, c.ini(startMemcached(t))), append(mine, c.ini(startMemcached(t)))
	}
	ports := startOracle(t, inis)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) { compare(t, c, mine[i], ports[i]) })
	}
}
