package memcached

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// do talks to the first server for the key with which it works.
func (c *Client) do(ctx context.Context, key string, talk func(*conn) error) error {
	for s := range c.ring.candidates(hashKey(key)) {
		if s.avoided(time.Now()) {
			continue
		}
		err := c.try(ctx, s, talk)
		if err == nil {
			if s.failing.CompareAndSwap(true, false) {
				c.config.Logger.Info("memcached works again", "server", s.name)
			}
			return nil
		}
		if ctx.Err() != nil { // the client left: no fault of the server
			return ctx.Err()
		}
		c.failed(s, err)
	}
	c.metrics.avoided.Inc()
	return ErrUnavailable
}

func (c *Client) try(ctx context.Context, s *server, talk func(*conn) error) error {
	cn, err := s.get(ctx, &c.config)
	if err != nil {
		return err
	}
	err = cn.SetDeadline(time.Now().Add(c.config.IOTimeout))
	if err == nil {
		stop := context.AfterFunc(ctx, func() { cn.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // then it is closed already
		err = talk(cn)
		if !stop() && err == nil {
			err = ctx.Err()
		}
	}
	s.put(cn, err != nil)
	return err
}

// failed counts an error of a server. It is logged when the server worked
// before, and when the server is left alone.
func (c *Client) failed(s *server, err error) {
	c.metrics.errors.WithLabelValues(s.name).Inc()
	if s.failing.CompareAndSwap(false, true) {
		c.config.Logger.Error("Error talking to memcached", "server", s.name, "err", err)
	}
	now := time.Now()
	if s.failed(now, c.config.ErrorLimit, c.config.ErrorInterval) {
		c.config.Logger.Error("Error limiting server", "server", s.name, "until", now.Add(c.config.ErrorInterval))
	}
}

// expiry is a time to live in memcached's terms: more than 30 days would be
// taken for a moment.
func expiry(ttl time.Duration) int64 {
	seconds := int64(ttl / time.Second)
	if seconds > 30*24*60*60 {
		seconds += time.Now().Unix()
	}
	return seconds
}

func converse(cn *conn, command string) (string, error) {
	if _, err := io.WriteString(cn, command); err != nil {
		return "", err
	}
	return readLine(cn)
}

var errIncomplete = errors.New("incomplete read")

// readLine reads a line of an answer, without its end.
func readLine(cn *conn) (string, error) {
	line, err := cn.r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			return "", errIncomplete
		}
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// readItems reads the answer to a get. hashes gives the keys.
func readItems(cn *conn, hashes map[string]string) (map[string]Item, error) {
	items := make(map[string]Item, len(hashes))
	for {
		line, err := readLine(cn)
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && fields[0] == "END":
			return items, nil
		case len(fields) < 4 || fields[0] != "VALUE":
			return nil, fmt.Errorf("unexpected answer %q", line)
		}
		value, flags, err := readValue(cn, fields)
		if err != nil {
			return nil, err
		}
		if key, ok := hashes[fields[1]]; ok && flags&pickleFlag == 0 {
			items[key] = Item{value, flags&jsonFlag != 0}
		}
	}
}

func readValue(cn *conn, fields []string) ([]byte, int, error) {
	flags, err := strconv.Atoi(fields[2])
	size, err2 := strconv.Atoi(fields[3])
	if err != nil || err2 != nil || size < 0 || size > maxValue {
		return nil, 0, fmt.Errorf("unexpected answer %q", strings.Join(fields, " "))
	}
	value := make([]byte, size+2)
	if _, err := io.ReadFull(cn.r, value); err != nil {
		return nil, 0, err
	}
	return value[:size], flags, nil
}
