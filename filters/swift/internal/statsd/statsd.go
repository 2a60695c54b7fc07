// Package statsd writes numbers in the form of statsd, as Swift does.
package statsd

import (
	"math/rand/v2"
	"strconv"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/datagram"
)

// Client sends to one statsd. The zero value, and nil, send nothing.
type Client struct {
	Prefix string  // with a dot at its end
	Rate   float64 // the share of the numbers that is sent
	Sender *datagram.Sender
}

// Timing sends a duration in milliseconds.
func (c *Client) Timing(name string, ms float64) {
	c.send(name, strconv.FormatFloat(ms, 'f', -1, 64), "ms")
}

// Count adds to a counter.
func (c *Client) Count(name string, n int64) { c.send(name, strconv.FormatInt(n, 10), "c") }

func (c *Client) send(name, value, kind string) {
	if c == nil || c.Sender == nil {
		return
	}
	packet := append(make([]byte, 0, 128), c.Prefix...)
	packet = append(packet, name...)
	packet = append(packet, ':')
	packet = append(packet, value...)
	packet = append(packet, '|')
	packet = append(packet, kind...)
	if c.Rate < 1 {
		if rand.Float64() >= c.Rate {
			return
		}
		packet = append(packet, "|@"...)
		packet = strconv.AppendFloat(packet, c.Rate, 'f', -1, 64)
	}
	c.Sender.Send(packet)
}

// Close ends the connection.
func (c *Client) Close() {
	if c != nil && c.Sender != nil {
		c.Sender.Close()
	}
}
