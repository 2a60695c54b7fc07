// Package stats sends the time of each request to a statsd, as oslo.middleware's
// StatsMiddleware does.
package stats

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Name        string `paste:"name,global,required" help:"begins the names of all timers, such as glance"`
	Host        string `paste:"stats_host,global,required" help:"host name or address of the statsd"`
	Port        int    `paste:"stats_port" help:"UDP port of the statsd"`
	RemoveUUID  string `paste:"remove_uuid,global" help:"true leaves UUIDs out of the names"`
	RemoveShort string `paste:"remove_short_uuid,global" help:"true leaves UUIDs without hyphens out of the names"`
	Compat      compat `paste:"compat" help:"strict makes the names as the original does, with its faults"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#stats", Options{Port: 8125}, New,
		paste.LooseAlias(
			"oslo_middleware.stats:StatsMiddleware.factory",
			"oslo.middleware.stats:StatsMiddleware.factory",
		),
		paste.Help("Sends one statsd timer for each request, NAME.METHOD.the.path.of.it."),
		paste.Example("[filter:stats]\npaste.filter_factory = oslo_middleware.stats:StatsMiddleware.factory\nname = glance\nstats_host = 127.0.0.1\nremove_uuid = true\nremove_short_uuid = true"),
	)
}

// compat is whether the names are the original's in all cases.
type compat string

const strict compat = "strict"

// OptionType is the word for it in lists of options.
func (compat) OptionType() string { return "word" }

// UnmarshalText reads strict, or nothing.
func (c *compat) UnmarshalText(text []byte) error {
	*c = compat(text)
	if *c != "" && *c != strict {
		return fmt.Errorf("unknown word %q, want strict or nothing", text)
	}
	return nil
}

type filter struct {
	namer namer
	conn  net.Conn // nil before the start
	now   func() time.Time
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{namer: namer{name: o.Name, strict: o.Compat == strict}, now: time.Now}
	for _, option := range []struct {
		name, text string
		to         *bool
	}{{"remove_uuid", o.RemoveUUID, &f.namer.uuid}, {"remove_short_uuid", o.RemoveShort, &f.namer.short}} {
		on, err := flag(option.text, f.namer.strict)
		if err != nil {
			return nil, paste.BadOption(option.name, "%w", err)
		}
		*option.to = on
	}
	if o.Port < 1 || o.Port > 65535 {
		return nil, paste.BadOption("stats_port", "invalid port %d, want 1 to 65535", o.Port)
	}
	b.OnStart(func(ctx context.Context) (err error) {
		var d net.Dialer
		f.conn, err = d.DialContext(ctx, "udp", net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
		if err != nil {
			return b.Context().Errorf("stats_host", "%v", err)
		}
		return nil
	})
	b.OnClose(func(context.Context) error {
		if f.conn == nil {
			return nil
		}
		return f.conn.Close()
	})
	return f.wrap, nil
}

// flag reads a truth value. To the original every text but the empty one is
// true, false too.
func flag(text string, strict bool) (bool, error) {
	if strict || text == "" {
		return text != "", nil
	}
	return paste.AsBool(text)
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		packet := packets.Get().(*[]byte)
		*packet = f.namer.append((*packet)[:0], r)
		begin := f.now()
		defer func() { // after a panic, too
			f.send(packet, f.now().Sub(begin))
			packets.Put(packet)
		}()
		ww := webob.Response(w, r, nil)
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

var packets = sync.Pool{New: func() any { return new(slices.Grow([]byte(nil), 256)) }}

// maxPacket is the longest name that is sent: a longer one would be cut by the
// network, and is none that somebody looks at.
const maxPacket = 8 << 10

// send completes the packet, NAME:MILLISECONDS|ms. That it gets there is nobody's
// business, as with all of statsd.
func (f *filter) send(packet *[]byte, took time.Duration) {
	if f.conn == nil || len(*packet) > maxPacket {
		return
	}
	b := append(*packet, ':')
	b = strconv.AppendFloat(b, float64(took)/float64(time.Millisecond), 'f', 6, 64)
	b = append(b, "|ms"...)
	_, _ = f.conn.Write(b)
	*packet = b
}
