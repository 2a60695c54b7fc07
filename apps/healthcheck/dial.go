package healthcheck

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// dial connects; what is read and written then ends with the context, too.
func dial(ctx context.Context, to address) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, to.network, to.address)
	if err != nil {
		return nil, reworded(err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // one that fails shows at the first read
	}
	return conn, nil
}

// reworded leaves the address, which stands before the problem already, out of an
// error of the network.
func reworded(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no answer in time")
	case errors.Is(err, io.EOF):
		return errors.New("the connection was closed")
	case errors.As(err, &op):
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		return call.Err
	}
	return err
}

func tcpProbe(target string) (*probe, error) {
	to, err := parseAddress(target, "")
	if err != nil {
		return nil, err
	}
	run := func(ctx context.Context) error {
		conn, err := dial(ctx, to)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	return &probe{kind: "TCP", name: "tcp " + to.String(), run: run}, nil
}

// memcachedProbe takes the addresses that python-memcached takes.
func memcachedProbe(target string) (*probe, error) {
	plain := strings.TrimPrefix(strings.TrimPrefix(target, "inet:"), "inet6:")
	to, err := parseAddress(plain, "11211")
	if err != nil {
		return nil, err
	}
	run := func(ctx context.Context) error {
		conn, err := dial(ctx, to)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		answer, err := exchange(conn, bufio.NewReader(io.LimitReader(conn, maxLine)), "version\r\n")
		if err != nil {
			return err
		}
		if !strings.HasPrefix(answer, "VERSION ") {
			return fmt.Errorf("it answers %.40q to version", answer)
		}
		return nil
	}
	return &probe{kind: "MEMCACHED", name: "memcached " + to.String(), run: run}, nil
}

// maxLine bounds what is read of an answer.
const maxLine = 4 << 10

// exchange sends a command and reads the line that answers it.
func exchange(w io.Writer, r *bufio.Reader, command string) (string, error) {
	if _, err := io.WriteString(w, command); err != nil {
		return "", reworded(err)
	}
	line, err := r.ReadString('\n')
	if err != nil {
		return "", reworded(err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// redisProbe takes redis://, rediss:// (TLS) and unix:// URLs.
func redisProbe(target string) (*probe, error) {
	u, err := parseURL(target, "redis", "rediss", "unix")
	if err != nil {
		return nil, err
	}
	to := address{"tcp", hostPort(u, "6379")}
	if u.Scheme == "unix" {
		to = address{"unix", u.Path}
	}
	if to.network == "tcp" && u.Hostname() == "" || to.network == "unix" && u.Path == "" {
		return nil, errors.New("no server, want redis://[USER:PASSWORD@]HOST[:PORT] or unix:///PATH")
	}
	run := func(ctx context.Context) error {
		conn, err := dial(ctx, to)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if u.Scheme == "rediss" {
			conn = tls.Client(conn, &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
		}
		return pingRedis(conn, u)
	}
	return &probe{kind: "REDIS", name: shown(u), run: run, hide: hidden(u)}, nil
}

// pingRedis speaks RESP: each answer is one line here.
func pingRedis(conn net.Conn, u *url.URL) error {
	r := bufio.NewReader(io.LimitReader(conn, maxLine))
	if password, ok := u.User.Password(); ok {
		auth := []string{"AUTH", password}
		if user := u.User.Username(); user != "" {
			auth = []string{"AUTH", user, password}
		}
		if answer, err := exchange(conn, r, resp(auth...)); err != nil || answer != "+OK" {
			return refused(answer, err)
		}
	}
	if answer, err := exchange(conn, r, resp("PING")); err != nil || answer != "+PONG" {
		return refused(answer, err)
	}
	return nil
}

// refused tells of an answer that is an error, such as -NOAUTH or -LOADING.
func refused(answer string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("it answers %.120q", answer)
}

// resp writes a command of Redis.
func resp(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

// httpProbe wants an answer below 400. It follows no redirect: that it is sent is
// an answer.
func httpProbe(target string) (*probe, error) {
	u, err := parseURL(target, "http", "https")
	if err != nil {
		return nil, err
	}
	if u.Hostname() == "" {
		return nil, errors.New("no host in the URL, want http://HOST[:PORT]/PATH")
	}
	client := &http.Client{
		// A connection that is kept would be a goroutine that nobody ends.
		Transport:     &http.Transport{DisableKeepAlives: true, TLSHandshakeTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	run := func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return err
		}
		r.Header.Set("User-Agent", "wheatpaste-healthcheck")
		answer, err := client.Do(r)
		if err != nil {
			return httpProblem(err)
		}
		_ = answer.Body.Close() // nothing of it is read
		if answer.StatusCode >= http.StatusBadRequest {
			return errors.New("it answers " + strconv.Itoa(answer.StatusCode))
		}
		return nil
	}
	return &probe{kind: "HTTP", name: shown(u), run: run, hide: hidden(u)}, nil
}

// httpProblem leaves the URL out of an error.
func httpProblem(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return reworded(err)
}
