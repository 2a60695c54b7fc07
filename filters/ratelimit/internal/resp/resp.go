// Package resp is a small client of Redis: one command at a time per connection,
// with a bound for connections and for the time of each command. It speaks RESP2.
package resp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Error is what the server answers to a command that it refuses.
type Error string

func (e Error) Error() string { return string(e) }

// Client talks to one server. It opens connections when they are needed.
type Client struct {
	network, address string
	tls              *tls.Config // nil without
	user, password   string
	db               string // "" for the first
	idle             chan *conn
	slots            chan struct{}
}

// connections is how many commands run at once; further ones wait.
const connections = 32

// Parse makes a client of redis://[user:password@]host[:port][/db], rediss:// for
// TLS, or unix:///path[?db=N]. Its errors show no part of the text: there may be
// a password in it.
func Parse(text string) (*Client, error) {
	u, err := url.Parse(text)
	want := errors.New("invalid address, want redis://[user:password@]host[:port][/db], rediss://... or unix:///path[?db=N]")
	if err != nil {
		return nil, want
	}
	c := &Client{network: "tcp", idle: make(chan *conn, connections), slots: make(chan struct{}, connections)}
	switch u.Scheme {
	case "redis":
	case "rediss":
		c.tls = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	case "unix":
		c.network, c.address, c.db = "unix", u.Path, u.Query().Get("db")
	default:
		return nil, want
	}
	if c.network == "tcp" {
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		c.address, c.db = net.JoinHostPort(u.Hostname(), port), strings.Trim(u.Path, "/")
	}
	if _, err := strconv.ParseUint(c.db, 10, 16); c.db != "" && err != nil || u.Hostname() == "" && c.network == "tcp" || c.address == "" {
		return nil, want
	}
	c.user = u.User.Username()
	c.password, _ = u.User.Password()
	return c, nil
}

// String is the address, without user and password.
func (c *Client) String() string { return c.network + " " + c.address }

type conn struct {
	net.Conn
	r *bufio.Reader
}

// Do runs one command; the context must have a deadline. A connection that the
// server has closed since its last command is replaced, once.
func (c *Client) Do(ctx context.Context, args ...string) (any, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case cn := <-c.idle:
		reply, err := c.run(ctx, cn, args)
		if err == nil || isReply(err) || ctx.Err() != nil || isTimeout(err) {
			return reply, err
		}
		c.CloseIdle() // the others are as old
	default:
	}
	cn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	return c.run(ctx, cn, args)
}

// run sends a command and keeps the connection if that went well.
func (c *Client) run(ctx context.Context, cn *conn, args []string) (any, error) {
	reply, err := cn.do(ctx, args)
	if err != nil && !isReply(err) {
		_ = cn.Close()
		return nil, err
	}
	select {
	case c.idle <- cn:
	default:
		_ = cn.Close()
	}
	return reply, err
}

func isReply(err error) bool {
	var e Error
	return errors.As(err, &e)
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func (c *Client) dial(ctx context.Context) (*conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, c.network, c.address)
	if err != nil {
		return nil, err
	}
	if c.tls != nil {
		t := tls.Client(nc, c.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return nil, err
		}
		nc = t
	}
	cn := &conn{nc, bufio.NewReader(nc)}
	if err := c.greet(ctx, cn); err != nil {
		_ = cn.Close()
		return nil, err
	}
	return cn, nil
}

// greet shows the password and chooses the database.
func (c *Client) greet(ctx context.Context, cn *conn) error {
	switch {
	case c.user != "":
		if _, err := cn.do(ctx, []string{"AUTH", c.user, c.password}); err != nil {
			return err
		}
	case c.password != "":
		if _, err := cn.do(ctx, []string{"AUTH", c.password}); err != nil {
			return err
		}
	}
	if c.db == "" || c.db == "0" {
		return nil
	}
	_, err := cn.do(ctx, []string{"SELECT", c.db})
	return err
}

// CloseIdle closes the connections that nobody uses.
func (c *Client) CloseIdle() {
	for {
		select {
		case cn := <-c.idle:
			_ = cn.Close()
		default:
			return
		}
	}
}

func (cn *conn) do(ctx context.Context, args []string) (any, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Second)
	}
	if err := cn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	b := make([]byte, 0, 256)
	b = append(strconv.AppendInt(append(b, '*'), int64(len(args)), 10), "\r\n"...)
	for _, arg := range args {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(arg)), 10), "\r\n"...)
		b = append(append(b, arg...), "\r\n"...)
	}
	if _, err := cn.Write(b); err != nil {
		return nil, err
	}
	return read(cn.r, 0)
}

// Bounds of an answer: a server that is not Redis must not make us allocate.
const (
	maxBulk  = 1 << 20
	maxItems = 1 << 10
	maxDepth = 4
)

var errProtocol = errors.New("the server does not answer as Redis does")

// read gives an answer as int64, string, []any or nil.
func read(r *bufio.Reader, depth int) (any, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			err = errProtocol
		}
		return nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' || depth > maxDepth {
		return nil, errProtocol
	}
	kind, text := line[0], string(line[1:len(line)-2])
	switch kind {
	case '+':
		return text, nil
	case '-':
		return nil, Error(text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, errProtocol
	}
	switch {
	case kind == ':':
		return n, nil
	case n == -1 && (kind == '$' || kind == '*'):
		return nil, nil //nolint:nilnil // the null of Redis
	case kind == '$' && n >= 0 && n <= maxBulk:
		return readBulk(r, int(n))
	case kind == '*' && n >= 0 && n <= maxItems:
		return readArray(r, int(n), depth)
	}
	return nil, errProtocol
}

func readBulk(r *bufio.Reader, n int) (any, error) {
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return nil, errProtocol
	}
	return string(b[:n]), nil
}

func readArray(r *bufio.Reader, n, depth int) (any, error) {
	items := make([]any, 0, min(n, 16))
	for range n {
		item, err := read(r, depth+1)
		if isReply(err) {
			item, err = err, nil
		}
		if err != nil {
			return nil, fmt.Errorf("in an array: %w", err)
		}
		items = append(items, item)
	}
	return items, nil
}
