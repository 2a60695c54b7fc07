package plan

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/paste"
)

// The options of nova.conf that say what is served and how, with the names that
// they had before (OPT-01 to OPT-16).
var (
	enabledAPIs     = osloconf.Option{Name: "enabled_apis", Type: osloconf.List, Default: "osapi_compute,metadata"}
	enabledSSLAPIs  = osloconf.Option{Name: "enabled_ssl_apis", Type: osloconf.List}
	gracefulTimeout = osloconf.Option{Name: "graceful_shutdown_timeout", Type: osloconf.Int, Default: "60"}
	backlog         = osloconf.Option{Name: "backlog", Type: osloconf.Int, Default: "0"}

	apiPasteConfig = wsgi("api_paste_config", osloconf.Text, "api-paste.ini", "")
	poolSize       = wsgi("default_pool_size", osloconf.Int, "1000", "wsgi_default_pool_size")
	keepAlive      = wsgi("keep_alive", osloconf.Bool, "true", "wsgi_keep_alive")
	socketTimeout  = wsgi("client_socket_timeout", osloconf.Int, "900", "")
	maxHeaderLine  = wsgi("max_header_line", osloconf.Int, "16384", "")
	tcpKeepIdle    = wsgi("tcp_keepidle", osloconf.Int, "600", "")
	wsgiLogFormat  = wsgi("wsgi_log_format", osloconf.Text, "", "")
	secureProxy    = wsgi("secure_proxy_ssl_header", osloconf.Text, "", "")
	sslCA          = wsgi("ssl_ca_file", osloconf.Text, "", "")
	sslCert        = wsgi("ssl_cert_file", osloconf.Text, "", "")
	sslKey         = wsgi("ssl_key_file", osloconf.Text, "", "")

	osloCA   = osloconf.Option{Group: "ssl", Name: "ca_file"}
	osloCert = osloconf.Option{Group: "ssl", Name: "cert_file"}
	osloKey  = osloconf.Option{Group: "ssl", Name: "key_file"}

	reportDir = osloconf.Option{Group: "oslo_reports", Name: "log_dir"}

	// signalProfile is not nova's: it has a section of our own.
	signalProfile = osloconf.Option{Group: "wheatpaste", Name: "signal_profile"}
)

// wsgiOptions are those of [wsgi] that are known.
var wsgiOptions = []osloconf.Option{
	apiPasteConfig, poolSize, keepAlive, socketTimeout, maxHeaderLine, tcpKeepIdle, wsgiLogFormat, secureProxy, sslCA, sslCert, sslKey,
}

// wsgi declares an option of [wsgi], all of which stood in [DEFAULT] once, some
// under another name.
func wsgi(name string, t osloconf.Type, standard, old string) osloconf.Option {
	return osloconf.Option{
		Group: "wsgi", Name: name, Type: t, Default: standard,
		Deprecated: []osloconf.Name{{Group: "DEFAULT", Name: old}},
	}
}

// ports are those that nova listens on without an option; any other API gets a
// free one (START-04).
var ports = map[string]string{"osapi_compute": "8774", "metadata": "8775"}

func listenOption(api string) osloconf.Option {
	return osloconf.Option{Name: api + "_listen", Default: "0.0.0.0"}
}

func portOption(api string) osloconf.Option {
	standard, ok := ports[api]
	if !ok {
		standard = "0"
	}
	return osloconf.Option{Name: api + "_listen_port", Type: osloconf.Int, Default: standard}
}

func workersOption(api string) osloconf.Option {
	if strings.HasPrefix(api, "openstack_compute_api") {
		api = "osapi_compute"
	}
	return osloconf.Option{Name: api + "_workers", Type: osloconf.Int}
}

// declare makes the options known to values that name them: $host and the like
// need not be set in a file.
func declare(conf *osloconf.Config) {
	conf.Declare(wsgiOptions...)
	conf.Declare(enabledAPIs, enabledSSLAPIs, gracefulTimeout, backlog, osloCA, osloCert, osloKey, osloVersion, osloCiphers, reportDir, signalProfile)
	for _, api := range slices.Sorted(maps.Keys(ports)) {
		conf.Declare(listenOption(api), portOption(api), workersOption(api))
	}
	if host, err := os.Hostname(); err == nil {
		conf.Declare(osloconf.Option{Name: "host", Default: strings.ReplaceAll(host, "$", "$$")})
	}
}

// idle is an option that has no meaning here. A Bool that is false asks for
// nothing.
type idle struct {
	option osloconf.Option
	why    string
}

var idleOptions = []idle{
	{osloconf.Option{Name: "backdoor_port"}, "there is no debug shell, the admin address has profiles (--admin)"},
	{osloconf.Option{Name: "backdoor_socket"}, "there is no debug shell, the admin address has profiles (--admin)"},
	{osloconf.Option{Group: "oslo_reports", Name: "file_event_handler"}, "a report is made by SIGUSR2 or wheatpaste report"},
	{osloconf.Option{Name: "wsgi_server_debug", Type: osloconf.Bool}, "answers never hold tracebacks"},
	{osloconf.Option{Name: "log_options", Type: osloconf.Bool}, "options are not logged, wheatpaste config shows them"},
	{osloconf.Option{Name: "manager_shutdown_timeout"}, "an API has no manager, see graceful_shutdown_timeout"},
	{secureProxy, "the filter egg:oslo.middleware#http_proxy_to_wsgi takes the scheme from a proxy in front"},
}

// withoutMeaning names the options that this server does not have, once each,
// and those of [wsgi] that nobody has. Other sections belong to others.
func (n *nova) withoutMeaning() {
	n.warn(idleWarnings(n.Conf, idleOptions)...)
	var names []string
	for _, o := range wsgiOptions {
		names = append(names, o.Name)
	}
	unknown := map[string]*paste.Error{}
	for s := range n.Conf.All() {
		if !strings.EqualFold(s.Group, "wsgi") || slices.Contains(names, s.Name) {
			continue
		}
		e := &paste.Error{Pos: s.Pos, Section: s.Group, Option: s.Name, Problem: "unknown option, it has no effect", Kind: paste.ErrOption}
		if near := paste.Nearest(s.Name, names); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
		unknown[s.Name] = e
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		n.warn(unknown[name])
	}
}

// idleWarnings names those of the options that are set.
func idleWarnings(conf *osloconf.Config, options []idle) paste.Errors {
	var warnings paste.Errors
	for _, i := range options {
		if !conf.Has(i.option) {
			continue
		}
		if on, err := conf.Bool(i.option); i.option.Type == osloconf.Bool && err == nil && !on {
			continue
		}
		warnings = append(warnings, paste.AllErrors(conf.Bad(i.option, "has no meaning here: %s", i.why))...)
	}
	return warnings
}
