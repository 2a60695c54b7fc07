package service

import (
	"encoding"
	"errors"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// swiftBacklog is Swift's default for backlog.
const swiftBacklog = 4096

// niceReason is for priorities.
const niceReason = "has no meaning here: set it where the service is started, as by Nice= and IOSchedulingClass= of systemd"

// GroupFromDefaults makes the group of a file in Swift's manner: it has no
// server section, but bind_port in [DEFAULT]. Without that the group is nil.
// Errors are *paste.OptionError; warn takes what works but is not meant.
func GroupFromDefaults(global *paste.Conf, warn func(option, problem string)) (*Group, error) {
	if !global.Has("bind_port") {
		return nil, nil
	}
	g := DefaultGroup()
	d := &defaults{conf: global}
	g.Listen = []Address{d.address()}
	g.Backlog = d.number("backlog", swiftBacklog)
	g.MaxConnections = d.number("max_clients", g.MaxConnections)
	g.TCPKeepIdle = d.duration("keep_idle", 600*time.Second)
	timeout := d.duration("client_timeout", g.BodyTimeout)
	g.BodyTimeout, g.WriteTimeout = timeout, timeout
	if global.Has("client_timeout") {
		g.IdleTimeout = timeout // Swift has one for all
	}
	g.IdleTimeout = d.duration("keepalive_timeout", g.IdleTimeout)
	d.read("workers", &g.Workers)
	d.read("signal_profile", &g.SignalProfile) // not one of Swift's
	g.CertFile, _ = global.Get("cert_file")
	g.KeyFile, _ = global.Get("key_file")
	g.User, _ = global.Get("user")
	if d.flag("require_proxy_protocol") {
		g.ProxyProtocol, g.ProxyFrom = true, AllPeers() // Swift asks nobody who he is
	}
	d.warn(warn)
	return g, errors.Join(d.errs...)
}

// defaults reads options of [DEFAULT], which holds those of many factories: what
// is not known here is somebody else's.
type defaults struct {
	conf *paste.Conf
	errs []error
}

func (d *defaults) address() Address {
	host, ok := d.conf.Get("bind_ip")
	if !ok {
		host = "0.0.0.0"
	}
	port, _ := d.conf.Get("bind_port")
	a, err := HostPort(host, port)
	if err != nil {
		d.errs = append(d.errs, paste.BadOption("bind_port", "%w", err))
	}
	return a
}

func (d *defaults) number(name string, standard int) int {
	text, ok := d.conf.Get(name)
	if !ok {
		return standard
	}
	n, err := paste.AsInt(text)
	if err == nil && (n < 0 || n > 1<<30) {
		err = errors.New("out of range, want a positive number")
	}
	d.fail(name, err)
	return int(n)
}

func (d *defaults) duration(name string, standard time.Duration) time.Duration {
	text, ok := d.conf.Get(name)
	if !ok {
		return standard
	}
	t, err := paste.AsDuration(text)
	d.fail(name, err)
	return t
}

func (d *defaults) flag(name string) bool {
	text, ok := d.conf.Get(name)
	if !ok {
		return false
	}
	v, err := paste.AsBool(text)
	d.fail(name, err)
	return v
}

func (d *defaults) read(name string, target encoding.TextUnmarshaler) {
	if text, ok := d.conf.Get(name); ok {
		d.fail(name, target.UnmarshalText([]byte(text)))
	}
}

func (d *defaults) fail(name string, err error) {
	if err != nil {
		d.errs = append(d.errs, paste.BadOption(name, "%w", err))
	}
}

func (d *defaults) warn(warn func(option, problem string)) {
	for _, w := range [][2]string{
		{"bind_timeout", "has no meaning here: an address in use is an error at once"},
		{"stale_worker_timeout", "has no meaning here: see graceful_shutdown_timeout in an egg:wheatpaste#http section"},
		{"nice_priority", niceReason}, {"ionice_class", niceReason}, {"ionice_priority", niceReason},
		{"eventlet_debug", "has no meaning here: there is no eventlet"},
		{"servers_per_port", "has no meaning here: one service has one address, see workers"},
	} {
		if d.conf.Has(w[0]) && warn != nil {
			warn(w[0], w[1])
		}
	}
}
