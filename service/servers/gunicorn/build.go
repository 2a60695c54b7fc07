package gunicorn

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
	"github.com/wheatpaste/wheatpaste/service/servers/internal/section"
)

func init() {
	g := service.DefaultGroup()
	paste.RegisterServer("egg:gunicorn#main", Options{
		Bind: "127.0.0.1:8000", Backlog: 2048, Workers: g.Workers, GracefulTimeout: g.GracefulTimeout,
		LimitRequestLine: section.Int(g.MaxRequestLine), LimitFieldSize: section.Int(g.MaxHeaderLine), AccessLog: "-",
	}, New,
		paste.Alias("gunicorn.app.pasterapp:serve", "gunicorn.app.pasterapp:paste_server",
			"egg:mediagoblin#paste_server_selector"), // which takes gunicorn where it is installed
		paste.Help("Serves as egg:wheatpaste#http does, with gunicorn's option names."),
		paste.Example(`
[server:main]
use = egg:gunicorn#main
host = 127.0.0.1
port = 8000
workers = 2
`))
}

// New makes the group of a section.
func New(b *paste.Build, o Options) (paste.Server, error) {
	g := section.Group(b, o.App)
	var bindErr error
	g.Listen, bindErr = addresses(b, o)
	umask, umaskErr := octalMask(o.Umask)
	if err := errors.Join(bindErr, umaskErr, rest(b, o.Rest), tlsFiles(b, g, o), proxyProtocol(g, o)); err != nil {
		return nil, err
	}
	g.Backlog, g.MaxConnections = int(o.Backlog), int(o.Connections)
	g.MaxRequestLine, g.MaxHeaderLine = paste.Size(o.LimitRequestLine), paste.Size(o.LimitFieldSize)
	g.GracefulTimeout, g.AccessLog = o.GracefulTimeout, accessLog(o.AccessLog)
	if o.Keepalive != nil {
		g.KeepAlive, g.IdleTimeout = *o.Keepalive > 0, o.Keepalive.Seconds()
	}
	g.Workers, g.MaxRequests, g.MaxRequestsJitter = o.Workers, int(o.MaxRequests), int(o.MaxJitter)
	g.Dir = o.Dir
	g.User, g.UserGroup, g.Umask, g.PIDFile, g.RequestTimeout = o.User, o.Group, umask, o.PIDFile, o.Timeout
	return g, nil
}

// octalMask reads a umask as gunicorn does, which takes 18, 0o22 and 0x12 for
// the same; 022 is octal here, and not the error that it is in Python.
func octalMask(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	v, err := strconv.ParseUint(text, 0, 32)
	if err != nil || v > 0o777 {
		return "", paste.BadOption("umask", "invalid mask %q, want a number such as 0o22 or 18", text)
	}
	return fmt.Sprintf("%03o", v), nil
}

func accessLog(text string) string {
	switch text {
	case "-":
		return accesslog.Stdout
	case "", "None":
		return accesslog.Off
	default:
		return text
	}
}

// addresses reads host, port and bind as gunicorn does for a server section:
// host and port go before bind, and host alone is a list.
func addresses(b *paste.Build, o Options) ([]service.Address, error) {
	hasHost, hasBind := o.Host != "", section.Has(b, "bind")
	if hasHost && hasBind {
		b.Warn("bind", "has no meaning beside host, as with gunicorn")
	}
	switch {
	case hasHost && o.Port != nil:
		return section.Listen("host", o.Host, *o.Port)
	case hasHost:
		return bindList("host", o.Host)
	case o.Port != nil && !hasBind:
		b.Warn("port", "gunicorn ignores a port without a host and serves on 127.0.0.1:8000; here it is taken")
		return section.Listen("port", "127.0.0.1", *o.Port)
	case o.Port != nil:
		b.Warn("port", "has no meaning beside bind, as with gunicorn")
	}
	return bindList("bind", o.Bind)
}

func bindList(option, text string) ([]service.Address, error) {
	var list []service.Address
	for item := range strings.SplitSeq(text, ",") {
		a, err := bindAddress(option, strings.TrimSpace(item))
		if err != nil {
			return nil, err
		}
		list = append(list, a...)
	}
	return list, nil
}

// bindAddress reads unix:path, unix://path, fd://N, tcp://host:port, host:port
// and host alone.
func bindAddress(option, item string) ([]service.Address, error) {
	if path, ok := strings.CutPrefix(item, "unix:"); ok {
		item = "unix:" + strings.TrimPrefix(path, "//")
	}
	if n, ok := strings.CutPrefix(item, "fd://"); ok {
		item = "fd:" + n
	}
	item = strings.TrimPrefix(item, "tcp://")
	if !strings.Contains(item, ":") || strings.HasSuffix(item, "]") {
		return section.Listen(option, item, defaultPort)
	}
	a, err := service.ParseListen(item)
	if err != nil {
		return nil, paste.BadOption(option, "%w", err)
	}
	return []service.Address{a}, nil
}

// tlsFiles reads the TLS options. Client certificates that would not be asked
// for are an error, not a warning: the section means to keep others out.
func tlsFiles(b *paste.Build, g *service.Group, o Options) error {
	g.CertFile, g.KeyFile = o.CertFile, o.KeyFile
	section.KnownCiphers(b, g, "ciphers", o.Ciphers)
	if o.SSLVersion != "" {
		warning, ok := section.TLSVersion(o.SSLVersion)
		if !ok {
			return paste.BadOption("ssl_version", "unknown version %q, want one of Python's, such as TLS or 2", o.SSLVersion)
		}
		b.Warn("ssl_version", warning)
	}
	return clientCertificates(b, g, o)
}

func clientCertificates(b *paste.Build, g *service.Group, o Options) error {
	switch o.CertReqs {
	case 0:
		if o.CACerts != "" {
			b.Warn("ca_certs", "has no meaning with cert_reqs = 0: no client is asked for a certificate")
		}
		return nil
	case 1, 2:
		if o.CACerts == "" {
			return paste.BadOption("cert_reqs", "client certificates without a CA, want ca_certs too")
		}
		g.ClientCA = o.CACerts
		if o.CertReqs == 1 {
			g.ClientAuth = service.ClientOptional
		}
		return nil
	default:
		return paste.BadOption("cert_reqs", "unknown value %d, want 0 (no client certificates), 1 (optional) or 2 (required)", o.CertReqs)
	}
}

// proxyProtocol reads who is believed; gunicorn believes this machine.
func proxyProtocol(g *service.Group, o Options) error {
	g.ProxyProtocol = o.ProxyProtocol
	if o.ProxyFrom == "" {
		return nil
	}
	if err := g.ProxyFrom.UnmarshalText([]byte(o.ProxyFrom)); err != nil {
		return paste.BadOption("proxy_allow_ips", "%w", err)
	}
	g.ProxyFrom.Unix = true // gunicorn does not ask who that is
	return nil
}

// rest looks at the other options: gunicorn refuses what it does not know. Some
// of its versions took dashes for underscores, and files have them still.
func rest(b *paste.Build, options *paste.Conf) error {
	var errs []error
	for option := range options.All() {
		name := strings.ReplaceAll(strings.ToLower(option), "-", "_")
		why, known := reasons[name]
		switch {
		case !known:
			errs = append(errs, paste.BadOption(option, "No configuration setting for: %s, want one of gunicorn's settings", option))
		case why == "":
			b.Warn(option, "has no meaning here: it is about Python or about threads")
		default:
			b.Warn(option, "has no meaning here: "+why)
		}
	}
	return errors.Join(errs...)
}

const (
	protocolReason = "the rules of HTTP are net/http's"
	logReason      = "see --log-level and --log-format; the access log is accesslog"
	syslogReason   = "errors go to stderr, where systemd takes them"
	proxyReason    = "put egg:oslo.middleware#http_proxy_to_wsgi into the pipeline"
	metricsReason  = "see egg:wheatpaste#metrics"
)

// reasons holds gunicorn's settings that have no meaning here, those of its
// newest version included; "" for those about Python and threads.
var reasons = map[string]string{
	"config": "settings stand in this section", "wsgi_app": "", "worker_class": "all requests run side by side in each worker", "threads": "all requests run side by side, see pool_size in an egg:wheatpaste#http section",
	"limit_request_fields": "max_header_bytes limits all of them", "reload": "see serve --watch", "reload_engine": "see serve --watch",
	"reload_extra_files": "see serve --watch", "spew": "", "check_config": "see wheatpaste check", "print_config": "see wheatpaste config",
	"preload_app": "each worker builds the application, after the master has tried to", "sendfile": "", "reuse_port": "each worker has a queue of its own in any case, see accept in an egg:wheatpaste#http section",
	"daemon": "a service manager does it", "raw_env": "set them where the service is started", "worker_tmp_dir": "",
	"initgroups": "workers get all groups of their user", "tmp_upload_dir": "", "secure_scheme_headers": proxyReason, "forwarded_allow_ips": proxyReason,
	"disable_redirect_access_to_syslog": syslogReason, "access_log_format": "the format is fixed", "errorlog": logReason, "loglevel": logReason,
	"capture_output": "", "logger_class": "", "logconfig": logReason, "logconfig_dict": logReason, "logconfig_json": logReason,
	"syslog_addr": syslogReason, "syslog": syslogReason, "syslog_prefix": syslogReason, "syslog_facility": syslogReason,
	"enable_stdio_inheritance": "", "statsd_host": metricsReason, "dogstatsd_tags": metricsReason, "statsd_prefix": metricsReason,
	"enable_backlog_metric": metricsReason, "proc_name": "processes have their command's name", "default_proc_name": "processes have their command's name",
	"pythonpath": "", "paste": "", "on_starting": "", "on_reload": "", "when_ready": "", "pre_fork": "", "post_fork": "", "post_worker_init": "",
	"worker_int": "", "worker_abort": "", "pre_exec": "", "pre_request": "", "post_request": "", "child_exit": "", "worker_exit": "",
	"nworkers_changed": "", "on_exit": "", "ssl_context": "",
	"suppress_ragged_eofs": "", "do_handshake_on_connect": "",
	"raw_paste_global_conf": "give var=value to serve", "strip_header_spaces": protocolReason, "tolerate_dangerous_framing": protocolReason,
	"permit_obsolete_folding": protocolReason, "permit_unconventional_http_method": protocolReason, "permit_unconventional_http_version": protocolReason,
	"casefold_http_method": protocolReason, "forwarder_headers": protocolReason, "header_map": protocolReason,
	"control_socket": "see serve --control", "control_socket_mode": "see serve --control", "no_control_socket": "see serve --control",
	"http_protocols": protocolReason, "http_parser": protocolReason, "root_path": "url_prefix in an egg:wheatpaste#http section",
}
