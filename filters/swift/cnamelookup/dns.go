package cnamelookup

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// patience is how long one server is waited for, and negativeTTL how long it is
// remembered that a name has no CNAME.
const (
	patience    = 2 * time.Second
	negativeTTL = 60 * time.Second
)

// errNoAnswer is returned when no server answered; that is not remembered.
var errNoAnswer = errors.New("no name server answered")

// resolver asks name servers for single steps of a chain: Go's own resolver
// follows a chain to its end and tells neither the steps nor how long they are
// good.
type resolver struct{ servers []string }

// systemServers are those of the system.
func systemServers() []string {
	var list []string
	f, err := os.Open("/etc/resolv.conf")
	if err == nil {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if words := strings.Fields(s.Text()); len(words) > 1 && words[0] == "nameserver" {
				list = append(list, net.JoinHostPort(words[1], "53"))
			}
		}
	}
	if len(list) == 0 {
		list = []string{"127.0.0.1:53"}
	}
	return list
}

// cname gives the CNAME of a name and how long it is good; "" when it has none.
func (r *resolver) cname(ctx context.Context, name string) (string, time.Duration, error) {
	question, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return "", negativeTTL, nil //nolint:nilerr // a name that cannot be asked for has none
	}
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: uint16(rand.Uint32()), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: question, Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET}},
	}
	packet, err := message.Pack()
	if err != nil {
		return "", negativeTTL, nil //nolint:nilerr // as above
	}
	for _, server := range r.servers {
		answer, err := exchange(ctx, "udp", server, packet)
		if err == nil && answer.Truncated {
			answer, err = exchange(ctx, "tcp", server, packet)
		}
		if err != nil || answer.ID != message.ID || answer.RCode != dnsmessage.RCodeSuccess && answer.RCode != dnsmessage.RCodeNameError {
			continue
		}
		target, ttl := pick(answer, question.String())
		return target, ttl, nil
	}
	return "", 0, errNoAnswer
}

func pick(answer *dnsmessage.Message, name string) (string, time.Duration) {
	for _, a := range answer.Answers {
		if body, ok := a.Body.(*dnsmessage.CNAMEResource); ok && strings.EqualFold(a.Header.Name.String(), name) {
			return strings.TrimSuffix(body.CNAME.String(), "."), time.Duration(a.Header.TTL) * time.Second
		}
	}
	return "", negativeTTL
}

// exchange sends a question to one server. Over TCP a length stands before each
// message (RFC 1035, 4.2.2).
func exchange(ctx context.Context, network, server string, packet []byte) (*dnsmessage.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // the answer is here, or it is not
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() }) //nolint:errcheck // as above
	defer stop()
	if network == "tcp" {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	}
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	raw, err := receive(conn, network)
	if err != nil {
		return nil, err
	}
	answer := new(dnsmessage.Message)
	return answer, answer.Unpack(raw)
}

func receive(conn net.Conn, network string) ([]byte, error) {
	if network == "udp" {
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		return buf[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, buf)
	return buf, err
}
