// Package waitress makes servers of egg:waitress#main sections.
package waitress

import (
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/servers/internal/section"
)

// Options of waitress that have a meaning here; see ignored for the others.
type Options struct {
	App             string        `paste:"wheatpaste.app" help:"the application to serve; else the one the command line names"`
	Host            string        `paste:"host" help:"address"`
	Port            section.Port  `paste:"port" help:"port"`
	Listen          []string      `paste:"listen" help:"addresses: host:port, host, [v6]:port, *:port; in place of host and port"`
	UnixSocket      string        `paste:"unix_socket" help:"path of a unix socket, in place of host and port"`
	UnixPerms       section.Mode  `paste:"unix_socket_perms" help:"mode of the unix socket, octal"`
	IPv4            Bool          `paste:"ipv4" help:"only with true: addresses of IPv4"`
	IPv6            Bool          `paste:"ipv6" help:"only with true: addresses of IPv6"`
	URLScheme       string        `paste:"url_scheme" help:"http or https, as the application sees it"`
	URLPrefix       string        `paste:"url_prefix" help:"SCRIPT_NAME; taken off paths that begin so"`
	Backlog         section.Int   `paste:"backlog" help:"connections that may wait to be accepted"`
	ConnectionLimit section.Int   `paste:"connection_limit" help:"connections at a time; more wait to be accepted. 0, the default here, is no limit"`
	ChannelTimeout  *section.Int  `paste:"channel_timeout" help:"seconds that a connection may be silent"`
	Threads         section.Int   `paste:"threads" help:"requests at once of one process; more wait in order. 0, the default here, is no limit"`
	MaxHeader       section.Int   `paste:"max_request_header_size" help:"more bytes of header get 431"`
	MaxBody         section.Int   `paste:"max_request_body_size" help:"more bytes of body get 413"`
	GracefulTimeout time.Duration `paste:"graceful_shutdown_timeout" help:"ours: for requests in flight at a stop; 0 waits for ever"`
	AccessLog       string        `paste:"access_log" help:"ours: stdout, off or a path"`

	TrustedProxy     string      `paste:"trusted_proxy" help:"no meaning here"`
	TrustedCount     section.Int `paste:"trusted_proxy_count" help:"no meaning here"`
	TrustedHeaders   string      `paste:"trusted_proxy_headers" help:"no meaning here"`
	LogUntrusted     string      `paste:"log_untrusted_proxy_headers" help:"no meaning here"`
	ClearUntrusted   string      `paste:"clear_untrusted_proxy_headers" help:"no meaning here"`
	RecvBytes        section.Int `paste:"recv_bytes" help:"no meaning here"`
	SendBytes        section.Int `paste:"send_bytes" help:"no meaning here"`
	OutbufOverflow   section.Int `paste:"outbuf_overflow" help:"no meaning here"`
	OutbufHigh       section.Int `paste:"outbuf_high_watermark" help:"no meaning here"`
	InbufOverflow    section.Int `paste:"inbuf_overflow" help:"no meaning here"`
	CleanupInterval  section.Int `paste:"cleanup_interval" help:"no meaning here"`
	LogSocketErrors  string      `paste:"log_socket_errors" help:"no meaning here"`
	ExposeTracebacks string      `paste:"expose_tracebacks" help:"no meaning here"`
	Ident            string      `paste:"ident" help:"no meaning here"`
	LoopTimeout      section.Int `paste:"asyncore_loop_timeout" help:"no meaning here"`
	UsePoll          string      `paste:"asyncore_use_poll" help:"no meaning here"`
	Sockets          string      `paste:"sockets" help:"no meaning here"`
	Lookahead        section.Int `paste:"channel_request_lookahead" help:"no meaning here"`
	ServerName       string      `paste:"server_name" help:"no meaning here"`
}

const (
	proxyReason  = "put egg:oslo.middleware#http_proxy_to_wsgi or egg:PasteDeploy#prefix into the pipeline"
	bufferReason = "bodies are passed on as they come, without buffers of their own"
)

var reasons = map[string]string{
	"trusted_proxy": proxyReason, "trusted_proxy_count": proxyReason, "trusted_proxy_headers": proxyReason,
	"log_untrusted_proxy_headers": proxyReason, "clear_untrusted_proxy_headers": proxyReason,
	"recv_bytes": bufferReason, "send_bytes": bufferReason,
	"outbuf_overflow": bufferReason, "outbuf_high_watermark": bufferReason, "inbuf_overflow": bufferReason,
	"cleanup_interval":          "timeouts are exact",
	"log_socket_errors":         "a client that leaves is a line with status 499 in the access log",
	"expose_tracebacks":         "errors are told in the log, never to clients",
	"ident":                     "no Server header is sent",
	"asyncore_loop_timeout":     "there is no such loop",
	"asyncore_use_poll":         "there is no such loop",
	"sockets":                   "an inherited socket is listen = fd:N in an egg:wheatpaste#http section",
	"channel_request_lookahead": "a client that leaves is noticed at once",
	"server_name":               "a request without a Host header has no host",
}

func init() {
	g := service.DefaultGroup()
	paste.RegisterServer("egg:waitress#main", Options{
		Host: "0.0.0.0", Port: 8080, UnixPerms: 0o600, IPv4: true, IPv6: true, Backlog: 1024,
		MaxHeader: 262144, MaxBody: 1 << 30, GracefulTimeout: g.GracefulTimeout, AccessLog: g.AccessLog,
	}, New,
		// There is no entry point http, but files that name it.
		paste.Alias("egg:waitress#http", "waitress:serve_paste"),
		paste.Help("Serves as egg:wheatpaste#http does, with waitress's option names."),
		paste.Example(`
[server:main]
use = egg:waitress#main
listen = 127.0.0.1:6543 [::1]:6543
`))
}

// Bool is waitress's truth value: whatever is not true is false.
type Bool bool

// UnmarshalText reads the value; there is no wrong one.
func (v *Bool) UnmarshalText(text []byte) error {
	yes, err := paste.AsBool(string(text))
	*v = Bool(yes && err == nil)
	return nil
}

// New makes the group of a section.
func New(b *paste.Build, o Options) (paste.Server, error) {
	if err := contradictions(b); err != nil {
		return nil, err
	}
	g := section.Group(b, o.App)
	var err error
	if g.Listen, err = addresses(b, o); err != nil {
		return nil, err
	}
	if o.URLScheme != "" && o.URLScheme != "http" && o.URLScheme != "https" {
		return nil, paste.BadOption("url_scheme", "unknown scheme %q, want http or https", o.URLScheme)
	}
	g.SocketMode, g.Backlog, g.MaxConnections = fs.FileMode(o.UnixPerms), int(o.Backlog), int(o.ConnectionLimit)
	g.URLScheme, g.URLPrefix = o.URLScheme, section.Prefix(o.URLPrefix)
	// It knows no limit for one line, only for all.
	g.MaxRequestLine, g.MaxHeaderLine, g.MaxHeaderBytes = paste.Size(o.MaxHeader), paste.Size(o.MaxHeader), paste.Size(o.MaxHeader)
	g.MaxBody, g.PoolSize = paste.Size(o.MaxBody), int(o.Threads)
	g.GracefulTimeout, g.AccessLog = o.GracefulTimeout, o.AccessLog
	if o.ChannelTimeout != nil {
		t := o.ChannelTimeout.Seconds()
		g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = t, t, t
	}
	section.Ignore(b, reasons)
	return g, nil
}

// contradictions are those that waitress refuses.
func contradictions(b *paste.Build) error {
	return errors.Join(
		section.Exclusive(b, "listen", "host", "port", "unix_socket"),
		section.Exclusive(b, "unix_socket", "host", "port"),
	)
}

func addresses(b *paste.Build, o Options) ([]service.Address, error) {
	if o.UnixSocket != "" {
		a, err := service.ParseListen("unix:" + o.UnixSocket)
		if err != nil {
			return nil, paste.BadOption("unix_socket", "%w", err)
		}
		return []service.Address{a}, nil
	}
	list, err := section.Listen("host", o.Host, o.Port)
	if section.Has(b, "listen") {
		list, err = listenList(o)
	}
	if err != nil {
		return nil, err
	}
	switch v4, v6 := bool(o.IPv4), bool(o.IPv6); {
	case !v4 && !v6:
		return nil, paste.BadOption("ipv4", "neither IPv4 nor IPv6, want one of them")
	case !v6:
		family(list, "tcp4")
	case !v4:
		family(list, "tcp6")
	}
	return list, nil
}

func family(list []service.Address, network string) {
	for i := range list {
		list[i].Network = network
	}
}

// listenList reads host:port, host alone and [v6] with or without a port.
func listenList(o Options) ([]service.Address, error) {
	var list []service.Address
	for _, item := range o.Listen {
		if !strings.Contains(item, ":") || strings.HasSuffix(item, "]") {
			a, err := section.Listen("listen", item, o.Port)
			if err != nil {
				return nil, err
			}
			list = append(list, a...)
			continue
		}
		a, err := service.ParseListen(item)
		if err != nil {
			return nil, paste.BadOption("listen", "%w", err)
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, paste.BadOption("listen", "no address, want host:port")
	}
	return list, nil
}
