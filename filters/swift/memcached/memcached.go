// Package memcached is a client for the caches of Swift: keys are hashed and
// spread over the servers as Swift does it, and values are written as Swift
// reads them, so that both can share a cache.
//
// It is not built on a general client because Swift's rules differ from what
// those offer: the ring, the hashed keys, the JSON flag, the connections that
// are bounded for each server, and servers that are left alone after errors.
package memcached

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/series"
)

// DefaultPort is the port of a server without one.
const DefaultPort = "11211"

// Flags of a value.
const (
	pickleFlag = 1 // never written, never read: pickles run code
	jsonFlag   = 2
)

// maxValue bounds what is read from a server.
const maxValue = 64 << 20

// ErrUnavailable is returned when no server could be asked. It holds no detail:
// that is in the log, once for each server.
var ErrUnavailable = errors.New("no memcached server answered")

// Config says which servers there are and how patient the client is.
type Config struct {
	Servers        []string
	MaxConns       int // for each server
	ConnectTimeout time.Duration
	PoolTimeout    time.Duration
	IOTimeout      time.Duration
	Tries          int
	ErrorLimit     float64       // errors in ErrorInterval until a server is left alone
	ErrorInterval  time.Duration // and for how long; 0 never does
	SizeWarning    int           // warn about values of this size; below 0 never
	TLS            *tls.Config
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
}

// Client is shared by all requests; it starts no goroutine and opens
// connections when they are needed.
type Client struct {
	config  Config
	ring    ring
	servers []*server
	metrics metrics
}

type metrics struct {
	errors  *prometheus.CounterVec
	avoided prometheus.Counter
}

// New makes a client and connects to nothing.
func New(c Config) (*Client, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	client := &Client{config: c}
	var err1, err2 error
	client.metrics.errors, err1 = series.CounterVec(c.Registerer, "wheatpaste_swift_memcache_errors_total", "Failed conversations with a memcached server.", "server")
	client.metrics.avoided, err2 = series.Counter(c.Registerer, "wheatpaste_swift_memcache_unavailable_total", "Operations that no memcached server answered.")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for _, name := range c.Servers {
		s, err := newServer(name, max(c.MaxConns, 1))
		if err != nil {
			return nil, err
		}
		client.servers = append(client.servers, s)
	}
	client.ring = newRing(client.servers, c.Tries)
	return client, nil
}

// Close ends the idle connections; those in use end when they are given back.
func (c *Client) Close() {
	for _, s := range c.servers {
		s.close()
	}
}

// Get reads a value; the second result is false when there is none.
func (c *Client) Get(ctx context.Context, key string) (Item, bool, error) {
	items, err := c.GetMulti(ctx, key, key)
	item, ok := items[key]
	return item, ok, err
}

// Item is a value as it is stored.
type Item struct {
	Value []byte
	JSON  bool // Swift's flag for values in JSON
}

// GetJSON reads a value that SetJSON or Swift wrote; it is false when there is
// none, or one of another kind.
func (c *Client) GetJSON(ctx context.Context, key string, target any) (bool, error) {
	item, ok, err := c.Get(ctx, key)
	if err != nil || !ok || !item.JSON {
		return false, err
	}
	if err := json.Unmarshal(item.Value, target); err != nil {
		return false, nil //nolint:nilerr // what we do not understand is not in the cache
	}
	return true, nil
}

// GetMulti reads several values, which SetMulti wrote under the same server key.
func (c *Client) GetMulti(ctx context.Context, serverKey string, keys ...string) (map[string]Item, error) {
	hashes := make(map[string]string, len(keys))
	var command strings.Builder
	command.WriteString("get")
	for _, key := range keys {
		hash := hashKey(key)
		hashes[hash] = key
		command.WriteString(" " + hash)
	}
	command.WriteString("\r\n")
	var items map[string]Item
	err := c.do(ctx, serverKey, func(cn *conn) error {
		if _, err := io.WriteString(cn, command.String()); err != nil {
			return err
		}
		var err error
		items, err = readItems(cn, hashes)
		return err
	})
	return items, err
}

// Set writes a value as it is; it is kept for ttl, 0 for ever.
func (c *Client) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return c.set(ctx, key, map[string]Item{key: {Value: value}}, ttl)
}

// SetJSON writes a value as JSON, as Swift does by default.
func (c *Client) SetJSON(ctx context.Context, key string, value any, ttl time.Duration) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.set(ctx, key, map[string]Item{key: {Value: text, JSON: true}}, ttl)
}

// SetMulti writes several values to the one server that serverKey belongs to.
func (c *Client) SetMulti(ctx context.Context, serverKey string, items map[string]Item, ttl time.Duration) error {
	return c.set(ctx, serverKey, items, ttl)
}

func (c *Client) set(ctx context.Context, serverKey string, items map[string]Item, ttl time.Duration) error {
	var command bytes.Buffer
	for key, item := range items {
		flags := 0
		if item.JSON {
			flags = jsonFlag
		}
		fmt.Fprintf(&command, "set %s %d %d %d\r\n%s\r\n", hashKey(key), flags, expiry(ttl), len(item.Value), item.Value)
		c.warnOfSize(len(item.Value))
	}
	return c.do(ctx, serverKey, func(cn *conn) error {
		if _, err := cn.Write(command.Bytes()); err != nil {
			return err
		}
		for range items {
			line, err := readLine(cn)
			if err != nil {
				return err
			}
			if line != "STORED" {
				c.config.Logger.Error("Error setting value in memcached", "answer", line)
			}
		}
		return nil
	})
}

func (c *Client) warnOfSize(size int) {
	if c.config.SizeWarning >= 0 && size >= c.config.SizeWarning {
		c.config.Logger.Warn("Item size larger than warning threshold", "bytes", size, "threshold", c.config.SizeWarning)
	}
}

// Incr adds delta, which may be negative, to a number and gives the result,
// which is never below 0. A number that is not there begins as delta, or as 0.
func (c *Client) Incr(ctx context.Context, key string, delta int64, ttl time.Duration) (int64, error) {
	hash := hashKey(key)
	verb, amount, first := "incr", delta, delta
	if delta < 0 {
		verb, amount, first = "decr", -delta, 0
	}
	change := fmt.Sprintf("%s %s %d\r\n", verb, hash, amount)
	begin := strconv.FormatInt(first, 10)
	add := fmt.Sprintf("add %s 0 %d %d\r\n%s\r\n", hash, expiry(ttl), len(begin), begin)
	var result int64
	err := c.do(ctx, key, func(cn *conn) error {
		line, err := converse(cn, change)
		if err == nil && line == "NOT_FOUND" {
			if line, err = converse(cn, add); err == nil && line != "NOT_STORED" {
				result = first
				return nil
			}
			if err == nil { // somebody else was faster
				line, err = converse(cn, change)
			}
		}
		if err == nil {
			result, err = strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		}
		return err
	})
	return result, err
}

// Delete removes a value; one that is not there is no error.
func (c *Client) Delete(ctx context.Context, key string) error {
	return c.do(ctx, key, func(cn *conn) error {
		_, err := converse(cn, "delete "+hashKey(key)+"\r\n")
		return err
	})
}
