// Package session talks to Keystone: it finds the API, authenticates the service
// user, again when that is needed, and asks about tokens.
package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
)

var (
	// ErrUnknown says that Keystone does not know the token, or not any more.
	ErrUnknown = errors.New("keystone does not know the token")

	// ErrUnavailable says that Keystone did not tell: it is down, or does not
	// accept the service user.
	ErrUnavailable = errors.New("keystone is unavailable")

	// ErrAnswer is an ErrUnavailable about one token: Keystone is there, but
	// gives an answer that is none.
	ErrAnswer = errors.New("unexpected answer of keystone")
)

// The conversations with Keystone, as metrics name them.
const (
	opDiscovery = "discover"
	opAuth      = "authenticate"
	opValidate  = "validate"
)

// DefaultTimeout is for options without http_connect_timeout. The original waits
// for ever then.
const DefaultTimeout = 30 * time.Second

// Config says where Keystone is and how patient the client is.
type Config struct {
	Credentials
	Interface, Region string
	Timeout           time.Duration // of one attempt
	Retries           int           // after failures to connect
	Catalog           bool          // ask for the catalog of tokens

	CertFile, KeyFile, CAFile string
	Insecure                  bool

	UserAgent string
	Logger    *slog.Logger
	// Observe is told of every answer; status is 0 when there was none.
	Observe func(operation string, status int, d time.Duration)
}

// Client is shared by all requests.
type Client struct {
	config Config
	http   *http.Client
	turn   chan struct{} // held while the service user authenticates

	mu  sync.Mutex
	own own
}

// own is the token of the service user, and where it is good for.
type own struct {
	token   string
	url     string // of the API, version 3
	renewAt time.Time
}

// New makes a client; it does nothing before Open.
func New(c Config) *Client {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	return &Client{config: c, turn: make(chan struct{}, 1)}
}

// Patience is how long Validate can take at most: all attempts of one
// conversation, with the pauses between them.
func (c *Client) Patience() time.Duration {
	total := c.config.Timeout
	for i := range c.config.Retries {
		total += pause(i) + c.config.Timeout
	}
	return total
}

// Validate asks for the description of a token.
func (c *Client) Validate(ctx context.Context, subject string, allowExpired bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Patience())
	defer cancel()
	for again := false; ; again = true {
		o, err := c.session(ctx)
		if err != nil {
			return nil, err
		}
		answer, err := c.send(ctx, opValidate, http.MethodGet, o.url+c.query(allowExpired), nil, http.Header{
			"X-Auth-Token":                    {o.token},
			"X-Subject-Token":                 {subject},
			"Openstack-Identity-Access-Rules": {"1"}, // filters of this kind enforce them
		})
		switch {
		case err != nil:
			return nil, err
		case answer.status == http.StatusOK:
			return answer.body, nil
		case answer.status == http.StatusNotFound:
			return nil, ErrUnknown
		case answer.status == http.StatusUnauthorized && !again:
			c.forget(o)
		case answer.status == http.StatusUnauthorized:
			return nil, fmt.Errorf("%w: it does not accept the token that it gave the service user", ErrUnavailable)
		default:
			return nil, fmt.Errorf("%w: %w: status %d", ErrUnavailable, ErrAnswer, answer.status)
		}
	}
}

func (c *Client) query(allowExpired bool) string {
	var flags []string
	if !c.config.Catalog {
		flags = append(flags, "nocatalog")
	}
	if allowExpired {
		flags = append(flags, "allow_expired=1")
	}
	if len(flags) == 0 {
		return "/auth/tokens"
	}
	return "/auth/tokens?" + strings.Join(flags, "&")
}

func (c *Client) current() (own, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own, c.own.token != "" && time.Now().Before(c.own.renewAt)
}

// forget drops a token that Keystone has refused, unless there is a newer one.
func (c *Client) forget(o own) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own.token == o.token {
		c.own = own{}
	}
}

// session gives the token of the service user; of many requests that need a new
// one the first authenticates.
func (c *Client) session(ctx context.Context) (own, error) {
	if o, ok := c.current(); ok {
		return o, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return own{}, fmt.Errorf("%w: the service user is still authenticating", ErrUnavailable)
	}
	if o, ok := c.current(); ok {
		return o, nil
	}
	o, err := c.authenticate(ctx)
	if err != nil {
		return own{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = o
	return o, nil
}

func (c *Client) authenticate(ctx context.Context) (own, error) {
	if c.config.Type == Nobody {
		return own{}, fmt.Errorf("%w: there is no service user, auth_type is missing", ErrUnavailable)
	}
	if c.config.Type == "admin_token" {
		return own{c.config.Token, withV3(strings.TrimRight(c.config.Endpoint, "/")), time.Now().Add(24 * time.Hour)}, nil
	}
	base, err := c.authURL(ctx)
	if err != nil {
		return own{}, err
	}
	body, err := c.config.request()
	if err != nil {
		return own{}, err
	}
	answer, err := c.send(ctx, opAuth, http.MethodPost, base+"/auth/tokens", body, http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return own{}, err
	}
	if answer.status != http.StatusCreated && answer.status != http.StatusOK {
		return own{}, fmt.Errorf("%w: the service user cannot authenticate at %s: status %d", ErrUnavailable, redact(base), answer.status)
	}
	described, err := token.Parse(answer.body)
	id := answer.header.Get("X-Subject-Token")
	if err != nil || id == "" {
		return own{}, fmt.Errorf("%w: %s gives the service user no token", ErrUnavailable, redact(base))
	}
	return c.settle(ctx, id, described)
}

// settle finds where the token is to be used.
func (c *Client) settle(ctx context.Context, id string, described *token.Token) (own, error) {
	endpoint, ok := described.Endpoint("identity", c.config.Interface, c.config.Region)
	if !ok {
		return own{}, fmt.Errorf("%w: the catalog of the service user has no %s endpoint of the identity service in region %q",
			ErrUnavailable, c.config.Interface, c.config.Region)
	}
	url, err := c.validationURL(ctx, endpoint)
	if err != nil {
		return own{}, err
	}
	return own{id, url, renewal(time.Now(), described.Expires)}, nil
}

// renewal is two minutes before the end of a token, as keystoneauth has it, but
// a short-lived one is used for half of its time.
func renewal(now, expires time.Time) time.Time {
	life := expires.Sub(now)
	return expires.Add(-min(2*time.Minute, life/2))
}
