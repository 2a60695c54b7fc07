// Package gunicorn makes servers of egg:gunicorn#main sections.
package gunicorn

import (
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/servers/internal/section"
)

// defaultPort is gunicorn's.
const defaultPort = section.Port(8000)

// Options of gunicorn that have a meaning here, now or with the launcher. The
// others, in Rest, are in reasons.
type Options struct {
	App              string          `paste:"wheatpaste.app" help:"the application to serve; else the one the command line names"`
	Host             string          `paste:"host" help:"address; without port, a list of addresses with commas"`
	Port             *section.Port   `paste:"port" help:"port, beside host"`
	Bind             string          `paste:"bind" help:"addresses with commas: host:port, unix:path, fd://N"`
	Backlog          section.Int     `paste:"backlog" help:"connections that may wait to be accepted"`
	Workers          service.Workers `paste:"workers" help:"processes"`
	Connections      section.Int     `paste:"worker_connections" old:"worker-connections" help:"connections of one process at a time; more wait to be accepted. 0, the default here, is no limit"`
	MaxRequests      section.Int     `paste:"max_requests" help:"after which a worker is replaced; 0 is never"`
	MaxJitter        section.Int     `paste:"max_requests_jitter" help:"at most so many more, at random"`
	Timeout          time.Duration   `paste:"timeout" help:"of one request; 0 is none"`
	GracefulTimeout  time.Duration   `paste:"graceful_timeout" help:"for requests in flight at a stop; 0 waits for ever"`
	Keepalive        *section.Int    `paste:"keepalive" help:"seconds between two requests on one connection; 0 allows no second one"`
	LimitRequestLine section.Int     `paste:"limit_request_line" help:"longer ones get 414; 0 is no limit"`
	LimitFieldSize   section.Int     `paste:"limit_request_field_size" help:"longer header lines get 431; 0 is no limit"`
	AccessLog        string          `paste:"accesslog" help:"path, or - for stdout"`
	CertFile         string          `paste:"certfile" help:"PEM file with certificate and chain: TLS"`
	KeyFile          string          `paste:"keyfile" help:"PEM file with the key"`
	CACerts          string          `paste:"ca_certs" help:"PEM file; with cert_reqs = 2 clients must have a certificate of this CA, with 1 they may"`
	CertReqs         section.Int     `paste:"cert_reqs" help:"0: no client certificates, 1: optional, 2: required"`
	SSLVersion       string          `paste:"ssl_version" help:"TLS 1.2 and 1.3 are spoken, whatever it says"`
	Ciphers          string          `paste:"ciphers" help:"cipher suites of TLS 1.2; those that Go does not have are named in a warning"`
	ProxyProtocol    bool            `paste:"proxy_protocol" help:"connections of proxy_allow_ips begin with a header of the PROXY protocol that names the client"`
	ProxyFrom        string          `paste:"proxy_allow_ips" help:"addresses and networks with commas, or * for all"`
	Dir              string          `paste:"chdir" help:"folder of the workers"`
	User             string          `paste:"user" help:"user of the workers"`
	Group            string          `paste:"group" help:"group of the workers"`
	Umask            string          `paste:"umask" help:"of the workers"`
	PIDFile          string          `paste:"pidfile" help:"file with the master's process id"`

	Rest *paste.Conf `paste:",rest" help:"gunicorn's other settings are named in a warning, anything else is an error"`
}
