package externaloauth2

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 256 << 10

var (
	errRedirect = errors.New("it redirects to another server")
	errLong     = errors.New("its answer is too long")
)

// client asks the authorization server.
type client struct {
	options Options
	timeout time.Duration
	method  jwt.SigningMethod // nil without assertions
	key     any               // to sign with
	http    *http.Client
}

// open reads keys and certificates.
func (c *client) open() error {
	o := &c.options
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure} //nolint:gosec // the operator asks for it
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		if err != nil {
			return fmt.Errorf("cafile: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("cafile: %q holds no certificate in PEM", o.CAFile)
		}
	}
	if o.CertFile != "" {
		key := o.CertKey
		if key == "" {
			key = o.CertFile
		}
		pair, err := tls.LoadX509KeyPair(o.CertFile, key)
		if err != nil {
			return fmt.Errorf("certfile: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if err := c.readKey(); err != nil {
		return err
	}
	c.http = &http.Client{Timeout: c.timeout, CheckRedirect: sameServer, Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: c.timeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: c.timeout,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     60 * time.Second,
		ForceAttemptHTTP2:   true,
	}}
	return nil
}

// readKey finds what assertions are signed with, and tries it: an unfit key is
// better found at the start than at each request.
func (c *client) readKey() error {
	switch c.options.AuthMethod {
	case "client_secret_jwt":
		c.key = []byte(c.options.Secret)
		return nil
	case "private_key_jwt":
	default:
		return nil
	}
	text, err := os.ReadFile(c.options.KeyFile)
	if err != nil {
		return fmt.Errorf("jwt_key_file: %w", err)
	}
	if c.key, err = parseKey(text); err != nil {
		return fmt.Errorf("jwt_key_file: %q %w", c.options.KeyFile, err)
	}
	if _, err := c.assertion(time.Now()); err != nil {
		return fmt.Errorf("jwt_key_file: %q does not fit jwt_algorithm %s", c.options.KeyFile, c.options.Algorithm)
	}
	return nil
}

// parseKey reads a private key; errors do not quote it.
func parseKey(text []byte) (any, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key, nil
		}
		if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("holds no private key in PEM without a password")
}

func (c *client) close() {
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

// assertion is a JWT that says who this service is (RFC 7523, 3). Its times are
// numbers, as RFC 7519, 2 has it.
func (c *client) assertion(now time.Time) (string, error) {
	t := jwt.NewWithClaims(c.method, jwt.MapClaims{
		"jti": uuid.NewString(), "iat": now.Unix(), "exp": now.Unix() + int64(c.options.Lifetime),
		"iss": c.options.ClientID, "sub": c.options.ClientID, "aud": c.options.Audience,
	})
	return t.SignedString(c.key)
}

// form is the body of a request (RFC 7662, 2.1), with what proves who asks.
func (c *client) form(token string) (url.Values, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	if c.options.AuthMethod == "client_secret_basic" {
		return form, nil
	}
	form.Set("client_id", c.options.ClientID)
	switch {
	case c.options.AuthMethod == "client_secret_post":
		form.Set("client_secret", c.options.Secret)
	case c.method != nil && c.key != nil:
		assertion, err := c.assertion(time.Now())
		if err != nil {
			return nil, errors.New("the assertion cannot be signed")
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion)
	}
	return form, nil
}

// introspect asks about a token. Errors hold neither the token nor a secret.
func (c *client) introspect(ctx context.Context, token string) ([]byte, error) {
	form, err := c.form(token)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.options.Endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the URL cannot be asked")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "wheatpaste keystonemiddleware.external_oauth2_token")
	if c.options.AuthMethod == "client_secret_basic" {
		r.SetBasicAuth(c.options.ClientID, c.options.Secret)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err
		}
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers %d, want 200", resp.StatusCode)
	case len(body) > maxAnswer:
		return nil, errLong
	}
	return body, nil
}
