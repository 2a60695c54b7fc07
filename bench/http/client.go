package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// clientLimit bounds everything that our own client does on a connection.
const clientLimit = 3 * time.Second

// counted counts what is read.
type counted struct {
	net.Conn
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n += int64(n)
	return n, err
}

// ask sends one request and wants its answer to be right. It gives the length of
// the answer with its header.
func ask(addr string, l load) (int64, error) {
	c, size, err := askOnce(addr, l)
	if err == nil {
		err = c.Close()
	}
	return size, err
}

func askOnce(addr string, l load) (net.Conn, int64, error) {
	nc, err := net.DialTimeout("tcp", addr, clientLimit)
	if err != nil {
		return nil, 0, err
	}
	c := &counted{Conn: nc}
	if err := exchange(c, addr, l); err != nil {
		return nil, 0, errors.Join(err, nc.Close())
	}
	return nc, c.n, nil
}

func exchange(c net.Conn, addr string, l load) error {
	if err := c.SetDeadline(time.Now().Add(clientLimit)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", l.path, addr); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || string(body) != l.body {
		return fmt.Errorf("%s with %d bytes, want 200 with the %d bytes of the answer", resp.Status, len(body), len(l.body))
	}
	return nil
}

// openIdle opens connections that had one answer each and stay open.
func openIdle(addr string, n int) ([]net.Conn, error) {
	var conns []net.Conn
	for range n {
		c, _, err := askOnce(addr, loads[0])
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// stillOpen asks on all of them again: one that a server has closed holds no
// memory.
func stillOpen(conns []net.Conn, addr string) error {
	for _, c := range conns {
		if err := exchange(c, addr, loads[0]); err != nil {
			return err
		}
	}
	return nil
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		_ = c.Close() // the server ends next
	}
}
