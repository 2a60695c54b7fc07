// Package pastehttp makes servers of egg:Paste#http sections.
package pastehttp

import (
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/servers/internal/section"
)

// Options of Paste's server (SRV-01, SRV-02).
type Options struct {
	App             string        `paste:"wheatpaste.app" help:"the application to serve; else the one the command line names"`
	Host            string        `paste:"host" help:"address; host:port when port is absent"`
	Port            *section.Port `paste:"port" help:"port; else 8080, with TLS 4443"`
	SSLPem          string        `paste:"ssl_pem" help:"PEM file with key and chain; * makes a certificate for this machine"`
	ProtocolVersion string        `paste:"protocol_version" help:"HTTP/0.9, HTTP/1.0 or HTTP/1.1; HTTP/1.1 is spoken in any case"`
	SocketTimeout   *section.Int  `paste:"socket_timeout" help:"seconds for each read and write, and between two requests"`
	QueueSize       section.Int   `paste:"request_queue_size" help:"connections that may wait to be accepted"`
	ServerVersion   string        `paste:"server_version" help:"no meaning here"`
	DaemonThreads   bool          `paste:"daemon_threads" help:"no meaning here"`
	UseThreadpool   bool          `paste:"use_threadpool" help:"no meaning here"`
	Workers         section.Int   `paste:"threadpool_workers" help:"no meaning here"`
	MaxRequests     section.Int   `paste:"threadpool_max_requests" help:"no meaning here"`
	HungLimit       section.Int   `paste:"threadpool_hung_thread_limit" help:"no meaning here"`
	KillLimit       section.Int   `paste:"threadpool_kill_thread_limit" help:"no meaning here"`
	DyingLimit      section.Int   `paste:"threadpool_dying_limit" help:"no meaning here"`
	SpawnIfUnder    section.Int   `paste:"threadpool_spawn_if_under" help:"no meaning here"`
	MaxZombies      section.Int   `paste:"threadpool_max_zombie_threads_before_die" help:"no meaning here"`
	CheckPeriod     section.Int   `paste:"threadpool_hung_check_period" help:"no meaning here"`
	PoolLogger      string        `paste:"threadpool_logger" help:"no meaning here"`
	ErrorEmail      string        `paste:"threadpool_error_email" help:"no meaning here"`
	GracefulTimeout time.Duration `paste:"graceful_shutdown_timeout" help:"ours: for requests in flight at a stop; 0 waits for ever"`
	AccessLog       string        `paste:"access_log" help:"ours: stdout, off or a path"`
}

var reasons = map[string]string{
	"server_version":                           "no Server header is sent",
	"daemon_threads":                           "requests in flight are finished, see graceful_shutdown_timeout",
	"use_threadpool":                           "each connection has a goroutine of its own",
	"threadpool_workers":                       "each connection has a goroutine of its own",
	"threadpool_max_requests":                  "there are no threads to replace",
	"threadpool_hung_thread_limit":             "there are no threads to watch",
	"threadpool_kill_thread_limit":             "there are no threads to kill",
	"threadpool_dying_limit":                   "there are no threads to kill",
	"threadpool_spawn_if_under":                "there are no threads to add",
	"threadpool_max_zombie_threads_before_die": "there are no threads to kill",
	"threadpool_hung_check_period":             "there are no threads to watch",
	"threadpool_logger":                        "there are no threads to report on",
	"threadpool_error_email":                   "there are no threads to report on",
}

func init() {
	g := service.DefaultGroup()
	paste.RegisterServer("egg:Paste#http",
		Options{Host: "127.0.0.1", UseThreadpool: true, Workers: 10, GracefulTimeout: g.GracefulTimeout, AccessLog: g.AccessLog}, New,
		paste.Alias("paste.httpserver:server_runner", "paste.httpserver:serve"),
		paste.Help("Serves as egg:wheatpaste#http does, with the option names of Paste's own server."),
		paste.Example(`
[server:main]
use = egg:Paste#http
host = 0.0.0.0
port = 8080
`))
}

// New makes the group of a section.
func New(b *paste.Build, o Options) (paste.Server, error) {
	switch o.ProtocolVersion {
	case "", "HTTP/1.1":
	case "HTTP/0.9", "HTTP/1.0":
		b.Warn("protocol_version", "has no meaning here: HTTP/1.1 is spoken")
	default:
		return nil, paste.BadOption("protocol_version", "unknown protocol %q, want HTTP/0.9, HTTP/1.0 or HTTP/1.1", o.ProtocolVersion)
	}
	g := section.Group(b, o.App)
	host, port, err := hostPort(o)
	if err != nil {
		return nil, err
	}
	if g.Listen, err = section.Listen("host", host, port); err != nil {
		return nil, err
	}
	g.CertFile, g.Backlog = o.SSLPem, int(o.QueueSize)
	g.GracefulTimeout, g.AccessLog = o.GracefulTimeout, o.AccessLog
	if o.SocketTimeout != nil {
		t := o.SocketTimeout.Seconds()
		g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = t, t, t
	}
	if o.SSLPem == "*" {
		b.Warn("ssl_pem", "a self-made certificate, which no client can verify: for development alone")
	}
	section.Ignore(b, reasons)
	return g, nil
}

// hostPort tells address and port apart as Paste does (SRV-01): host may be
// host:port, but only when there is no port.
func hostPort(o Options) (string, section.Port, error) {
	host, port := o.Host, section.Port(8080)
	if host == "" {
		host = "127.0.0.1"
	}
	if o.SSLPem != "" {
		port = 4443
	}
	if o.Port != nil {
		return host, *o.Port, nil
	}
	text := ""
	if strings.HasPrefix(host, "[") {
		if i := strings.Index(host, "]:"); i >= 0 {
			host, text = host[:i+1], host[i+2:]
		}
	} else if strings.Count(host, ":") == 1 {
		host, text, _ = strings.Cut(host, ":")
	}
	if text == "" {
		return host, port, nil
	}
	if err := port.UnmarshalText([]byte(text)); err != nil {
		return "", 0, paste.BadOption("host", "%w", err)
	}
	return host, port, nil
}
