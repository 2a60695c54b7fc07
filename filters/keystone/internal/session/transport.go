package session

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// maxBody bounds what is read of an answer; catalogs are long.
const maxBody = 16 << 20

// Open reads the certificates.
func (c *Client) Open() error {
	config := &tls.Config{InsecureSkipVerify: c.config.Insecure} //nolint:gosec // the operator asks for it
	if c.config.CAFile != "" && !c.config.Insecure {
		pem, err := os.ReadFile(c.config.CAFile)
		if err != nil {
			return fmt.Errorf("cafile: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("cafile: %q holds no certificate in PEM", c.config.CAFile)
		}
	}
	if c.config.CertFile != "" {
		key := c.config.KeyFile
		if key == "" {
			key = c.config.CertFile // one file may hold both
		}
		pair, err := tls.LoadX509KeyPair(c.config.CertFile, key)
		if err != nil {
			return fmt.Errorf("certfile: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	c.http = &http.Client{
		Timeout:       c.config.Timeout,
		CheckRedirect: sameServer,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: c.config.Timeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:       config,
			TLSHandshakeTimeout:   c.config.Timeout,
			ResponseHeaderTimeout: c.config.Timeout,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       60 * time.Second,
			ForceAttemptHTTP2:     true,
		},
	}
	return nil
}

// Close ends idle connections.
func (c *Client) Close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

var errRedirect = errors.New("it redirects to another server")

// sameServer keeps tokens and passwords from being sent elsewhere.
func sameServer(r *http.Request, via []*http.Request) error {
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme || len(via) > 5 {
		return errRedirect
	}
	return nil
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// pause is the time before retry i.
func pause(i int) time.Duration { return min(500*time.Millisecond<<min(i, 7), time.Minute) }

// send tries again when Keystone cannot be reached, as keystoneauth does.
func (c *Client) send(ctx context.Context, op, method, address string, body []byte, h http.Header) (answer, error) {
	for i := 0; ; i++ {
		a, err := c.once(ctx, op, method, address, body, h)
		if err == nil || i >= c.config.Retries || !retriable(err) {
			return a, unavailable(address, err)
		}
		c.config.Logger.Info("keystone cannot be reached, trying again", "url", redact(address), "in", pause(i))
		timer := time.NewTimer(pause(i))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return a, unavailable(address, err)
		}
	}
}

func retriable(err error) bool {
	var op *net.OpError
	var timeout net.Error
	return errors.As(err, &op) || errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, io.EOF)
}

// unavailable names the address without the query, which an error of net/http
// holds.
func unavailable(address string, err error) error {
	if err == nil {
		return nil
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, redact(address), err)
}

func (c *Client) once(ctx context.Context, op, method, address string, body []byte, h http.Header) (a answer, err error) {
	start := time.Now()
	defer func() { c.config.Observe(op, a.status, time.Since(start)) }()
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	maps.Copy(r.Header, h)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", c.config.UserAgent)
	resp, err := c.http.Do(r)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return a, err
	}
	if len(text) > maxBody {
		return a, errors.New("its answer is too long")
	}
	return answer{resp.StatusCode, resp.Header, text}, nil
}
