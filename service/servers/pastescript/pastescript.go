// Package pastescript makes servers of egg:PasteScript#wsgiutils and
// egg:PasteScript#cherrypy sections.
package pastescript

import (
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/servers/internal/section"
)

// WSGIUtils are the options of the wsgiutils server.
type WSGIUtils struct {
	App             string        `paste:"wheatpaste.app" help:"the application to serve; else the one the command line names"`
	Host            string        `paste:"host" help:"address"`
	Port            section.Port  `paste:"port" help:"port"`
	GracefulTimeout time.Duration `paste:"graceful_shutdown_timeout" help:"ours: for requests in flight at a stop; 0 waits for ever"`
	AccessLog       string        `paste:"access_log" help:"ours: stdout, off or a path"`
}

// CherryPy are the options of the cherrypy server.
type CherryPy struct {
	App             string        `paste:"wheatpaste.app" help:"the application to serve; else the one the command line names"`
	Host            string        `paste:"host" help:"address; host:port when port is absent"`
	Port            *section.Port `paste:"port" help:"port; else 8080, with TLS 4443"`
	SSLPem          string        `paste:"ssl_pem" help:"PEM file with key and chain"`
	QueueSize       section.Int   `paste:"request_queue_size" help:"connections that may wait to be accepted; 0 is the system's limit"`
	Timeout         *section.Int  `paste:"timeout" help:"seconds for each read and write, and between two requests"`
	ProtocolVersion string        `paste:"protocol_version" help:"no meaning here"`
	NumThreads      section.Int   `paste:"numthreads" help:"no meaning here"`
	ServerName      string        `paste:"server_name" help:"no meaning here"`
	Max             string        `paste:"max" help:"no meaning here"`
	GracefulTimeout time.Duration `paste:"graceful_shutdown_timeout" help:"ours: for requests in flight at a stop; 0 waits for ever"`
	AccessLog       string        `paste:"access_log" help:"ours: stdout, off or a path"`
}

var reasons = map[string]string{
	"protocol_version": "HTTP/1.1 is spoken",
	"numthreads":       "each connection has a goroutine of its own",
	"server_name":      "a request without a Host header has no host",
	"max":              "requests do not wait for threads",
}

func init() {
	g := service.DefaultGroup()
	paste.RegisterServer("egg:PasteScript#wsgiutils",
		WSGIUtils{Host: "localhost", Port: 8080, GracefulTimeout: g.GracefulTimeout, AccessLog: g.AccessLog}, NewWSGIUtils,
		paste.Alias("paste.script.wsgiutils_server:run_server"),
		paste.Help("Serves as egg:wheatpaste#http does, with the options of PasteScript's wsgiutils server."),
		paste.Example(`
[server:main]
use = egg:PasteScript#wsgiutils
host = 127.0.0.1
port = 8080
`))
	paste.RegisterServer("egg:PasteScript#cherrypy",
		CherryPy{Host: "127.0.0.1", GracefulTimeout: g.GracefulTimeout, AccessLog: g.AccessLog}, NewCherryPy,
		paste.Alias("paste.script.cherrypy_server:cpwsgi_server", "egg:pyramid#cherrypy", "pyramid.scripts.pserve:cherrypy_server_runner"),
		paste.Help("Serves as egg:wheatpaste#http does, with the options of PasteScript's CherryPy server."),
		paste.Example(`
[server:main]
use = egg:PasteScript#cherrypy
host = 127.0.0.1
port = 8080
`))
	for _, name := range []string{"egg:PasteScript#cgi", "egg:PasteScript#twisted"} {
		paste.Refuse(paste.KindServer, "it is no HTTP server of its own; use egg:wheatpaste#http", name)
	}
}

// NewWSGIUtils makes the group of a section.
func NewWSGIUtils(b *paste.Build, o WSGIUtils) (paste.Server, error) {
	g := section.Group(b, o.App)
	var err error
	if g.Listen, err = section.Listen("host", o.Host, o.Port); err != nil {
		return nil, err
	}
	g.GracefulTimeout, g.AccessLog = o.GracefulTimeout, o.AccessLog
	return g, nil
}

// NewCherryPy makes the group of a section.
func NewCherryPy(b *paste.Build, o CherryPy) (paste.Server, error) {
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
	if o.Timeout != nil {
		t := o.Timeout.Seconds()
		g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = t, t, t
	}
	section.Ignore(b, reasons)
	return g, nil
}

func hostPort(o CherryPy) (string, section.Port, error) {
	port := section.Port(8080)
	if o.SSLPem != "" {
		port = 4443
	}
	if o.Port != nil && *o.Port != 0 {
		return o.Host, *o.Port, nil
	}
	host, text, found := strings.Cut(o.Host, ":")
	if !found || strings.Count(o.Host, ":") > 1 {
		return o.Host, port, nil
	}
	if err := port.UnmarshalText([]byte(text)); err != nil {
		return "", 0, paste.BadOption("host", "%w", err)
	}
	return host, port, nil
}
