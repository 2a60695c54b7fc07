// Package wsgiref makes servers of egg:pyramid#wsgiref and egg:gearbox#wsgiref
// sections.
package wsgiref

import (
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/servers/internal/section"
)

// Options of Pyramid's wsgiref server, which takes any other without a word.
type Options struct {
	App             string            `paste:"wheatpaste.app" help:"the application to serve; else the one the command line names"`
	Host            string            `paste:"host" help:"address"`
	Port            section.Port      `paste:"port" help:"port"`
	Listen          []service.Address `paste:"listen" help:"addresses, in place of host and port; the original ignores it"`
	GracefulTimeout time.Duration     `paste:"graceful_shutdown_timeout" help:"ours: for requests in flight at a stop; 0 waits for ever"`
	AccessLog       string            `paste:"access_log" help:"ours: stdout, off or a path"`
}

func init() {
	g := service.DefaultGroup()
	paste.RegisterServer("egg:wheatpaste#wsgiref",
		Options{Host: "0.0.0.0", Port: 8080, GracefulTimeout: g.GracefulTimeout, AccessLog: g.AccessLog}, New,
		paste.LooseAlias("egg:pyramid#wsgiref", "pyramid.scripts.pserve:wsgiref_server_runner", "egg:gearbox#wsgiref"),
		paste.Help("Serves as egg:wheatpaste#http does, with the options of the wsgiref servers of Pyramid and Gearbox."),
		paste.Example(`
[server:main]
use = egg:pyramid#wsgiref
host = 127.0.0.1
port = 6543
`))
}

// New makes the group of a section.
func New(b *paste.Build, o Options) (paste.Server, error) {
	g := section.Group(b, o.App)
	var err error
	if g.Listen, err = section.Listen("host", o.Host, o.Port); err != nil {
		return nil, err
	}
	if len(o.Listen) > 0 {
		if err := section.Exclusive(b, "listen", "host", "port"); err != nil {
			return nil, err
		}
		// To serve the whole network in place of the address that is
		// written would be worse than to differ.
		b.Warn("listen", "wsgiref ignores it and serves on 0.0.0.0:8080; here it is taken")
		g.Listen = o.Listen
	}
	g.GracefulTimeout, g.AccessLog = o.GracefulTimeout, o.AccessLog
	return g, nil
}
