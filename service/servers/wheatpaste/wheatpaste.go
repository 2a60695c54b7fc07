// Package wheatpaste makes servers of egg:wheatpaste#http sections.
package wheatpaste

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/acme"
	"github.com/wheatpaste/wheatpaste/service/servers/internal/section"
)

// Options of the server, as they are written in its section.
type Options struct {
	App             string             `paste:"wheatpaste.app" help:"the application to serve; else the one the command line names"`
	Listen          []service.Address  `paste:"listen" help:"addresses: host:port, :port, [v6]:port, unix:/path, fd:N, systemd:NAME"`
	Host            string             `paste:"host" help:"in place of listen, with port"`
	Port            section.Port       `paste:"port" help:"in place of listen, with host"`
	SocketMode      section.Mode       `paste:"socket_mode" help:"mode of unix sockets, octal"`
	Backlog         section.Int        `paste:"backlog" help:"connections that may wait to be accepted; 0 is the system's limit"`
	SocketUser      string             `paste:"socket_user" help:"owner of unix sockets"`
	SocketGroup     string             `paste:"socket_group" help:"group of unix sockets"`
	ProxyProtocol   bool               `paste:"proxy_protocol" help:"connections of proxy_protocol_from begin with a header of the PROXY protocol, 1 or 2, that names the client"`
	ProxyFrom       []string           `paste:"proxy_protocol_from" help:"networks, addresses, unix or * for all: who must send that header, and is believed; others cannot"`
	CertFile        []string           `paste:"cert_file" help:"PEM files with certificate and chain: TLS; of several, the client's name chooses (SNI), the first is for all others"`
	KeyFile         []string           `paste:"key_file" help:"PEM files with the keys, in the same order, when they are others"`
	CAFile          string             `paste:"ca_file" help:"PEM file; clients must have a certificate of this CA"`
	ClientAuth      service.ClientAuth `paste:"client_auth" help:"require a client's certificate of ca_file, the default, or optional"`
	TLSMinVersion   service.TLSVersion `paste:"tls_min_version" help:"1.2 or 1.3"`
	TLSCiphers      string             `paste:"tls_ciphers" help:"cipher suites of TLS 1.2, by the names of OpenSSL or of the RFCs; else Go's"`
	ACMENames       []string           `paste:"acme" help:"host names for which a CA gives certificates by ACME, in place of cert_file"`
	ACMEEmail       string             `paste:"acme_email" help:"address for the CA's notices"`
	ACMECA          string             `paste:"acme_ca" help:"URL of the CA's ACME directory; else Let's Encrypt"`
	ACMECAFile      string             `paste:"acme_ca_file" help:"PEM file with who vouches for the CA's own HTTPS; else the system's"`
	ACMEDir         string             `paste:"acme_dir" help:"folder for account, keys and certificates, absolute"`
	H2C             bool               `paste:"h2c" help:"HTTP/2 without TLS, too"`
	HeaderTimeout   time.Duration      `paste:"header_timeout" help:"for the whole header of a request; 0 is none, here and below"`
	BodyTimeout     time.Duration      `paste:"body_timeout" help:"between two reads of a body"`
	WriteTimeout    time.Duration      `paste:"write_timeout" help:"between two writes of an answer"`
	IdleTimeout     time.Duration      `paste:"idle_timeout" help:"of a connection between two requests"`
	KeepAlive       bool               `paste:"keep_alive" help:"several requests on one connection"`
	RequestTimeout  time.Duration      `paste:"request_timeout" help:"of a whole request: then 504, and the stack of the handler in the log"`
	TCPKeepAlive    bool               `paste:"so_keepalive" help:"TCP probes on silent connections"`
	TCPKeepIdle     time.Duration      `paste:"tcp_keepidle" help:"silence before the first TCP probe; 0 is Go's 15"`
	TCPKeepInterval time.Duration      `paste:"tcp_keepintvl" help:"between two TCP probes; 0 is Go's 15"`
	TCPKeepCount    section.Int        `paste:"tcp_keepcnt" help:"unanswered TCP probes that end a connection; 0 is Go's 9"`
	MaxRequestLine  paste.Size         `paste:"max_request_line" help:"longer ones get 414; 0 is no limit"`
	MaxHeaderLine   paste.Size         `paste:"max_header_line" help:"longer ones get 431; 0 is no limit"`
	MaxHeaderBytes  paste.Size         `paste:"max_header_bytes" help:"more in all get 431"`
	MaxBody         paste.Size         `paste:"max_body_size" help:"longer ones get 413; 0 is no limit"`
	MaxConnections  section.Int        `paste:"max_connections" help:"of one process, more wait to be accepted; 0 is no limit"`
	PoolSize        section.Int        `paste:"pool_size" help:"requests at once of one process, more wait in order; 0 is no limit"`
	PoolQueue       section.Int        `paste:"pool_queue" help:"requests that may wait for the pool; more get 503"`
	DrainAnnounce   time.Duration      `paste:"drain_announce" help:"at a stop: health checks answer 503 for so long before the drain begins"`
	DrainIdleGrace  time.Duration      `paste:"drain_idle_grace" help:"for idle connections at a stop"`
	GracefulTimeout time.Duration      `paste:"graceful_shutdown_timeout" help:"for requests in flight at a stop; 0 waits for ever"`
	AccessLog       string             `paste:"access_log" help:"stdout, off or a path"`
	MetricsSample   section.Int        `paste:"metrics_sample" help:"the filters' times are taken of one request in so many; 1 is all"`
	URLScheme       string             `paste:"url_scheme" help:"http or https, as the application sees it; else the real one"`
	URLPrefix       string             `paste:"url_prefix" help:"SCRIPT_NAME; taken off paths that begin so"`
	Workers         service.Workers    `paste:"workers" help:"processes: a number or auto"`
	Accept          section.Accept     `paste:"accept" help:"slots: each worker has a queue of connections of its own; shared: one for all"`
	User            string             `paste:"user" help:"user of the workers"`
	UserGroup       string             `paste:"group" help:"group of the workers"`
	Umask           string             `paste:"umask" help:"of the workers, octal"`
	Dir             string             `paste:"chdir" help:"folder of the workers, absolute"`
	NoNewPrivs      bool               `paste:"no_new_privs" help:"workers, and programs that they start, never get more privileges"`
	MaxRequests     section.Int        `paste:"max_requests" help:"after which a worker is replaced; 0 is never"`
	MaxJitter       section.Int        `paste:"max_requests_jitter" help:"at most so many more, at random"`
	MaxRSS          paste.Size         `paste:"max_rss" help:"a worker that holds more memory is replaced; 0 is no limit"`
	StartTimeout    time.Duration      `paste:"start_timeout" help:"for a worker to get ready"`
	ReportDir       string             `paste:"report_dir" help:"folder for the reports that SIGUSR2 asks for; else they go to stderr"`

	SignalProfile service.SignalProfile `paste:"signal_profile" help:"what SIGUSR1 and SIGUSR2 ask the master for: openstack (the default), web or swift; one for all servers"`
}

// Defaults are the options of an empty section.
func Defaults() Options {
	g := service.DefaultGroup()
	return Options{
		Listen: g.Listen, Host: "127.0.0.1", Port: 8080, SocketMode: section.Mode(g.SocketMode),
		HeaderTimeout: g.HeaderTimeout, BodyTimeout: g.BodyTimeout, WriteTimeout: g.WriteTimeout, IdleTimeout: g.IdleTimeout,
		KeepAlive: g.KeepAlive, TCPKeepAlive: g.TCPKeepAlive, MaxRequestLine: g.MaxRequestLine, MaxHeaderLine: g.MaxHeaderLine, MaxHeaderBytes: g.MaxHeaderBytes,
		DrainIdleGrace: g.DrainIdleGrace, GracefulTimeout: g.GracefulTimeout, AccessLog: g.AccessLog, Workers: g.Workers,
		ACMEDir: "/var/lib/wheatpaste/acme", MetricsSample: section.Int(g.MetricsSample), PoolQueue: section.Int(g.PoolQueue), StartTimeout: g.StartTimeout,
		Accept: section.AcceptSlots, ProxyFrom: strings.Fields(g.ProxyFrom.String()), TLSMinVersion: tls.VersionTLS12, NoNewPrivs: g.NoNewPrivs,
	}
}

func init() {
	paste.RegisterServer("egg:wheatpaste#http", Defaults(), New,
		paste.Alias("egg:wheatpaste"),
		paste.Help("Serves HTTP/1.1, with TLS or h2c also HTTP/2, and loses no request when it stops."),
		paste.Example(`
[server:main]
use = egg:wheatpaste#http
listen = 127.0.0.1:8080 unix:/run/wheatpaste/http.sock
access_log = stdout
`))
}

// New makes the group of a section.
func New(b *paste.Build, o Options) (paste.Server, error) {
	g := section.Group(b, o.App)
	err := section.Exclusive(b, "listen", "host", "port")
	g.Listen = o.Listen
	if section.Has(b, "host") || section.Has(b, "port") {
		var addrErr error
		g.Listen, addrErr = section.Listen("host", o.Host, o.Port)
		err = errors.Join(err, addrErr)
	}
	if len(g.Listen) == 0 {
		err = errors.Join(err, paste.BadOption("listen", "no address, want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME"))
	}
	if o.URLScheme != "" && o.URLScheme != "http" && o.URLScheme != "https" {
		err = errors.Join(err, paste.BadOption("url_scheme", "unknown scheme %q, want http or https", o.URLScheme))
	}
	if err = errors.Join(err, section.Umask(o.Umask)); err != nil {
		return nil, err
	}
	fill(g, &o)
	if err := errors.Join(section.Certificates(g, o.CertFile, o.KeyFile), section.Ciphers(g, o.TLSCiphers), proxyFrom(g, o.ProxyFrom), obtain(b, g, &o)); err != nil {
		return nil, err
	}
	return g, nil
}

// obtain lets a CA give the certificates.
func obtain(b *paste.Build, g *service.Group, o *Options) error {
	if len(o.ACMENames) > 0 {
		return g.ObtainCertificates(acme.Config{Names: o.ACMENames, Email: o.ACMEEmail, CA: o.ACMECA, CAFile: o.ACMECAFile, Dir: o.ACMEDir})
	}
	for _, option := range []string{"acme_email", "acme_ca", "acme_ca_file", "acme_dir"} {
		if section.Has(b, option) {
			return paste.BadOption(option, "it is for certificates of acme, want acme too")
		}
	}
	return nil
}

func proxyFrom(g *service.Group, words []string) error {
	if err := g.ProxyFrom.UnmarshalText([]byte(strings.Join(words, " "))); err != nil {
		return paste.BadOption("proxy_protocol_from", "%w", err)
	}
	if len(words) == 0 && g.ProxyProtocol {
		return paste.BadOption("proxy_protocol_from", "nobody, want networks, addresses, unix or *")
	}
	return nil
}

func fill(g *service.Group, o *Options) {
	g.SocketMode, g.Backlog = fs.FileMode(o.SocketMode), int(o.Backlog)
	g.SocketUser, g.SocketGroup, g.ProxyProtocol = o.SocketUser, o.SocketGroup, o.ProxyProtocol
	g.ClientCA, g.ClientAuth, g.H2C = o.CAFile, o.ClientAuth, o.H2C
	if o.TLSMinVersion != tls.VersionTLS12 {
		g.TLSMinVersion = o.TLSMinVersion
	}
	g.HeaderTimeout, g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = o.HeaderTimeout, o.BodyTimeout, o.WriteTimeout, o.IdleTimeout
	g.KeepAlive, g.RequestTimeout = o.KeepAlive, o.RequestTimeout
	g.TCPKeepAlive, g.TCPKeepIdle = o.TCPKeepAlive, o.TCPKeepIdle
	g.KeepAliveInterval, g.KeepAliveCount = o.TCPKeepInterval, int(o.TCPKeepCount)
	g.MaxRequestLine, g.MaxHeaderLine, g.MaxHeaderBytes = o.MaxRequestLine, o.MaxHeaderLine, o.MaxHeaderBytes
	g.MaxBody, g.MaxConnections = o.MaxBody, int(o.MaxConnections)
	g.PoolSize, g.PoolQueue, g.DrainAnnounce = int(o.PoolSize), int(o.PoolQueue), o.DrainAnnounce
	g.DrainIdleGrace, g.GracefulTimeout = o.DrainIdleGrace, o.GracefulTimeout
	g.AccessLog, g.URLScheme, g.URLPrefix = o.AccessLog, o.URLScheme, section.Prefix(o.URLPrefix)
	g.MetricsSample = int(o.MetricsSample)
	g.Workers, g.AcceptShared = o.Workers, o.Accept == section.AcceptShared
	g.User, g.UserGroup, g.Umask = o.User, o.UserGroup, o.Umask
	g.Dir, g.NoNewPrivs = o.Dir, o.NoNewPrivs
	g.MaxRSS, g.StartTimeout, g.ReportDir, g.SignalProfile = o.MaxRSS, o.StartTimeout, o.ReportDir, o.SignalProfile
	g.MaxRequests, g.MaxRequestsJitter = int(o.MaxRequests), int(o.MaxJitter)
}
