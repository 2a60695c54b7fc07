package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// statusTimeout bounds an answer that needs no work.
const statusTimeout = 5 * time.Second

// reportTimeout is for a report: a busy machine may take its time.
const reportTimeout = 30 * time.Second

// maxAnswer bounds what a client reads.
const maxAnswer = 64 << 20

// errLost says that the connection broke before the answer was complete.
var errLost = errors.New("the connection broke")

// Client speaks to the master behind a control socket.
type Client struct {
	// Again is how long the status is asked for after a reload that ended the
	// connection: a server of one process re-executes itself.
	Again time.Duration

	path string
	http *http.Client
}

// NewClient makes a client of the socket at a path.
func NewClient(path string) *Client {
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
	}
	return &Client{2 * time.Minute, path, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Path is where the socket is.
func (c *Client) Path() string { return c.path }

// Status asks how the master and its workers are.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	code, body, err := c.whole(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return s, err
	}
	if code != http.StatusOK {
		return s, c.refused(body)
	}
	if err := json.Unmarshal(body, &s); err != nil || s.PID == 0 {
		return s, c.strange()
	}
	return s, nil
}

// SetWorkers changes the number of workers of a server; "" is the first.
func (c *Client) SetWorkers(ctx context.Context, server string, n int) error {
	return c.order(ctx, "/workers", workersOrder{server, &n})
}

// Report asks what all processes do, as JSON or as text.
func (c *Client) Report(ctx context.Context, text bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	path := "/report"
	if text {
		path += "?format=text"
	}
	code, body, err := c.whole(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		return nil, c.refused(body)
	}
	return body, nil
}

// Reopen has the log files reopened.
func (c *Client) Reopen(ctx context.Context) error { return c.order(ctx, "/reopen", nil) }

// order posts what is answered by 204.
func (c *Client) order(ctx context.Context, path string, body any) error {
	code, answer, err := c.whole(ctx, http.MethodPost, path, body)
	if err != nil {
		return err
	}
	if code != http.StatusNoContent {
		return c.refused(answer)
	}
	return nil
}

// Reload waits for the outcome of a reload. When the connection breaks, the
// server may be re-executing itself: it is asked until it tells of a reload that
// is newer than the last one it knew before.
func (c *Client) Reload(ctx context.Context) (Reload, error) { return c.renew(ctx, "reload") }

// Upgrade waits for the outcome of an upgrade, in the same way.
func (c *Client) Upgrade(ctx context.Context) (Reload, error) { return c.renew(ctx, "upgrade") }

func (c *Client) renew(ctx context.Context, what string) (Reload, error) {
	before, err := c.Status(ctx)
	if err != nil {
		return Reload{}, err
	}
	life := c.watch(before.PID)
	defer life.close()
	code, body, err := c.whole(ctx, http.MethodPost, "/"+what, nil)
	if errors.Is(err, errLost) {
		return c.outcome(ctx, what, before, life)
	}
	if err != nil {
		return Reload{}, err
	}
	var r Reload
	if (code != http.StatusOK && code != http.StatusConflict) || json.Unmarshal(body, &r) != nil || r.Result == "" {
		return Reload{}, c.refused(body)
	}
	return r, nil
}

// outcome asks for the outcome of a reload or an upgrade whose connection broke.
func (c *Client) outcome(ctx context.Context, what string, before Status, life *life) (Reload, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Again)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := c.Status(ctx)
		if err == nil && s.State == Running && newer(s.LastReload, before.LastReload) {
			return *s.LastReload, nil
		}
		if life.over() {
			return Reload{}, fmt.Errorf("the master (process %d) ended during the %s; its log tells why", before.PID, what)
		}
		select {
		case <-ctx.Done():
			return Reload{}, fmt.Errorf("the outcome of the %s is unknown: the connection to process %d broke, and no status has told of it since", what, before.PID)
		case <-tick.C:
		}
	}
}

func newer(now, before *Reload) bool {
	return now != nil && (before == nil || now.Time.After(before.Time))
}

// goneTimeout is how long a master may take to end when it has said its last, or
// has broken the connection.
const goneTimeout = 10 * time.Second

// Stop stops the master, waits until it is gone, and gives its exit code.
func (c *Client) Stop(ctx context.Context) (int, error) {
	before, err := c.Status(ctx)
	if err != nil {
		return 0, err
	}
	life := c.watch(before.PID)
	defer life.close()
	code, body, err := c.whole(ctx, http.MethodPost, "/stop", nil)
	if err != nil && !errors.Is(err, errLost) {
		return 0, err
	}
	if err == nil && code != http.StatusOK {
		return 0, c.refused(body)
	}
	var last exitLine
	_ = json.Unmarshal(body, &last) // nothing, or half of it: there is no code
	ctx, cancel := context.WithTimeout(ctx, goneTimeout)
	defer cancel()
	if err := life.wait(ctx); err != nil {
		return 0, fmt.Errorf("the master (process %d) closed its control socket and has not ended since", before.PID)
	}
	if last.ExitCode == nil {
		return 0, fmt.Errorf("the master (process %d) ended without telling its exit code", before.PID)
	}
	return *last.ExitCode, nil
}

// watch follows the life of the master: by the process that the socket names,
// whose number is right in our process namespace too, else by its own word.
func (c *Client) watch(pid int) *life {
	if conn, err := dial(context.Background(), c.path); err == nil {
		if p, err := peerOf(conn); err == nil {
			pid = p.pid
		}
		_ = conn.Close() // nothing was sent
	}
	return newLife(pid)
}

// whole sends a request and reads the whole answer. On errLost, body is what had
// come by then.
func (c *Client) whole(ctx context.Context, method, path string, order any) (code int, body []byte, err error) {
	var send io.Reader
	if order != nil {
		text, err := json.Marshal(order)
		if err != nil {
			return 0, nil, err
		}
		send = bytes.NewReader(text)
	}
	q, err := http.NewRequestWithContext(ctx, method, "http://wheatpaste"+path, send)
	if err != nil {
		return 0, nil, err
	}
	answer, err := c.http.Do(q)
	if err != nil {
		return 0, nil, c.explain(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }() // read to its end, or given up
	if answer.Header.Get(protocolHeader) == "" {
		return 0, nil, c.strange()
	}
	body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return answer.StatusCode, body, c.explain(ctx, err)
	}
	return answer.StatusCode, body, nil
}

// explain says what a broken exchange means.
func (c *Client) explain(ctx context.Context, err error) error {
	var dialed *net.OpError
	isDial := errors.As(err, &dialed) && dialed.Op == "dial"
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil || os.IsTimeout(err):
		return fmt.Errorf("control socket %q: no answer in time", c.path)
	case isDial && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)):
		return NoMasterError(fmt.Sprintf("no master listens on the control socket %q", c.path))
	case isDial && errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("control socket %q: permission denied, want to be root or the server's user", c.path)
	case isDial:
		return fmt.Errorf("control socket %q: %w", c.path, cause(err))
	}
	return fmt.Errorf("control socket %q: %w", c.path, errLost)
}

// strange is a socket of somebody else.
func (c *Client) strange() error {
	return NoMasterError(fmt.Sprintf("%q is no control socket of wheatpaste", c.path))
}

// refused makes an error of the reasons in an answer, one a line.
func (c *Client) refused(body []byte) error {
	var r refusal
	if err := json.Unmarshal(body, &r); err != nil || len(r.Errors) == 0 {
		return fmt.Errorf("control socket %q: an answer without a reason", c.path)
	}
	return errors.New(strings.Join(r.Errors, "\n"))
}
