package all_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
	_ "github.com/wheatpaste/wheatpaste/service/servers/all"
)

// load builds [server:main] with the given lines. The file is called paste.ini.
func load(t *testing.T, lines string) (g *service.Group, warnings, problem string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "paste.ini")
	if err := os.WriteFile(file, []byte("[server:main]\n"+lines), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}
	s, err := l.LoadServer(paste.FileURI(file))
	if err != nil {
		return nil, "", strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	return s.Server.(*service.Group), strings.ReplaceAll(s.Warnings.Error(), dir+"/", ""), ""
}

type group = service.Group

func tcp(addresses ...string) []service.Address {
	var list []service.Address
	for _, a := range addresses {
		list = append(list, service.Address{Network: "tcp", Addr: a})
	}
	return list
}

const nothing = " has no meaning here: "

// waitress has the defaults of waitress.
func waitress(g *group) {
	g.Listen, g.SocketMode, g.Backlog = tcp("0.0.0.0:8080"), 0o600, 1024
	g.MaxRequestLine, g.MaxHeaderLine, g.MaxHeaderBytes, g.MaxBody = 262144, 262144, 262144, 1<<30
}

// gunicorn has the defaults of gunicorn.
func gunicorn(g *group) { g.Listen, g.Backlog = tcp("127.0.0.1:8000"), 2048 }

// groupTests has, for each server that people have in their files, what its
// options become.
var groupTests = []struct {
	name, lines string
	want        func(*group)
	warnings    []string // option: problem
}{
	{"ours, empty", "use = egg:wheatpaste#http", func(*group) {}, nil},
	{"ours, all options", `use = egg:wheatpaste#http
wheatpaste.app = api
listen = 127.0.0.1:1, [::1]:2 unix:/run/x.sock fd:3
socket_mode = 0600
backlog = 10
cert_file = c.pem
key_file = k.pem
ca_file = ca.pem
h2c = on
header_timeout = 1
body_timeout = 2
write_timeout = 3s
idle_timeout = 1m
keep_alive = false
request_timeout = 90
so_keepalive = yes
tcp_keepidle = 600
tcp_keepintvl = 30
tcp_keepcnt = 5
max_request_line = 1k
max_header_line = 2k
max_header_bytes = 4k
max_body_size = 1M
max_connections = 1000
pool_size = 100
pool_queue = 50
drain_announce = 5
drain_idle_grace = 0.5
graceful_shutdown_timeout = 0
access_log = off
url_scheme = https
url_prefix = app/
workers = 4
accept = shared
user = nobody
group = nogroup
umask = 027
max_requests = 1000
max_requests_jitter = 100
max_rss = 1G
start_timeout = 30
report_dir = /var/log/w
signal_profile = web
`, func(g *group) {
		g.App = "api"
		g.Listen = []service.Address{{Network: "tcp", Addr: "127.0.0.1:1"}, {Network: "tcp", Addr: "[::1]:2"}, {Network: "unix", Addr: "/run/x.sock"}, {Network: "fd", Addr: "3"}}
		g.SocketMode, g.Backlog, g.CertFile, g.KeyFile, g.ClientCA, g.H2C = 0o600, 10, "c.pem", "k.pem", "ca.pem", true
		g.HeaderTimeout, g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = time.Second, 2*time.Second, 3*time.Second, time.Minute
		g.KeepAlive, g.RequestTimeout = false, 90*time.Second
		g.TCPKeepIdle, g.KeepAliveInterval, g.KeepAliveCount = 600*time.Second, 30*time.Second, 5
		g.PoolSize, g.PoolQueue, g.DrainAnnounce = 100, 50, 5*time.Second
		g.MaxRequestLine, g.MaxHeaderLine, g.MaxHeaderBytes, g.MaxBody, g.MaxConnections = 1024, 2048, 4096, 1<<20, 1000
		g.DrainIdleGrace, g.GracefulTimeout, g.AccessLog = 500*time.Millisecond, 0, "off"
		g.URLScheme, g.URLPrefix = "https", "/app"
		g.Workers, g.User, g.UserGroup, g.MaxRequests, g.MaxRequestsJitter = 4, "nobody", "nogroup", 1000, 100
		g.AcceptShared, g.Umask, g.MaxRSS, g.StartTimeout, g.ReportDir = true, "027", 1<<30, 30*time.Second, "/var/log/w"
		g.SignalProfile = service.WebSignals
	}, nil},
	{"ours, TLS, PROXY protocol and owners", `use = egg:wheatpaste#http
socket_user = nobody
socket_group = nogroup
proxy_protocol = on
proxy_protocol_from = 10.0.0.0/8 unix
cert_file = a.pem b.pem
key_file = a.key b.key
ca_file = ca.pem
client_auth = optional
tls_min_version = 1.3
tls_ciphers = ECDHE-RSA-AES128-GCM-SHA256
chdir = /srv
no_new_privs = false
`, func(g *group) {
		g.SocketUser, g.SocketGroup, g.ProxyProtocol = "nobody", "nogroup", true
		g.ProxyFrom = service.TrustedPeers{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Unix: true}
		g.CertFile, g.KeyFile, g.ClientCA, g.ClientAuth = "a.pem", "a.key", "ca.pem", service.ClientOptional
		g.MoreCertificates = []service.CertificateFiles{{CertFile: "b.pem", KeyFile: "b.key"}}
		g.TLSMinVersion, g.TLSCiphers = tls.VersionTLS13, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		g.Dir, g.NoNewPrivs = "/srv", false
	}, nil},
	{"gunicorn, TLS, PROXY protocol and folder", "use = egg:gunicorn#main\ncertfile = c\nca_certs = a\ncert_reqs = 1\nssl_version = 3\nciphers = ECDHE-RSA-AES128-GCM-SHA256:HIGH\nproxy_protocol = true\nproxy_allow_ips = 10.1.1.1\nchdir = /srv",
		func(g *group) {
			gunicorn(g)
			g.CertFile, g.ClientCA, g.ClientAuth, g.TLSCiphers = "c", "a", service.ClientOptional, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
			g.ProxyProtocol, g.Dir = true, "/srv"
			g.ProxyFrom = service.TrustedPeers{Networks: []netip.Prefix{netip.MustParsePrefix("10.1.1.1/32")}, Unix: true}
		}, []string{
			"ciphers: unknown or unsafe here: HIGH; the others are taken",
			"ssl_version: it is not safe; TLS 1.2 and 1.3 are spoken",
		}},
	{"ours, no TCP probes", "use = egg:wheatpaste#http\nso_keepalive = false", func(g *group) { g.TCPKeepAlive = false }, nil},
	{"ours, host and port", "use = egg:wheatpaste\nhost = ::1\nport = 5", func(g *group) { g.Listen = tcp("[::1]:5") }, nil},
	{"ours, port alone", "use = egg:WheatPaste#http\nport = 5", func(g *group) { g.Listen = tcp("127.0.0.1:5") }, nil},

	{"Paste, empty (SRV-01)", "use = egg:Paste#http", func(*group) {}, nil},
	{"Paste, its spelling in the corpus", "use = egg:paste#http\nhost = 0.0.0.0\nport = 6543\nwheatpaste.app = a", func(g *group) { g.Listen, g.App = tcp("0.0.0.0:6543"), "a" }, nil},
	{"Paste, the factory by its module", "paste.server_runner = paste.httpserver:server_runner\nport = 1", func(g *group) { g.Listen = tcp("127.0.0.1:1") }, nil},
	{"Paste, host:port", "use = egg:Paste#http\nhost = 127.0.0.1:8081", func(g *group) { g.Listen = tcp("127.0.0.1:8081") }, nil},
	{"Paste, [v6]:port", "use = egg:Paste#http\nhost = [::1]:8081", func(g *group) { g.Listen = tcp("[::1]:8081") }, nil},
	{"Paste, v6 alone", "use = egg:Paste#http\nhost = ::1", func(g *group) { g.Listen = tcp("[::1]:8080") }, nil},
	{"Paste, TLS", "use = egg:Paste#http\nssl_pem = x.pem", func(g *group) { g.Listen, g.CertFile = tcp("127.0.0.1:4443"), "x.pem" }, nil},
	{"Paste, a self-made certificate", "use = egg:Paste#http\nssl_pem = *", func(g *group) { g.Listen, g.CertFile = tcp("127.0.0.1:4443"), "*" },
		[]string{"ssl_pem: a self-made certificate, which no client can verify: for development alone"}},
	{"Paste, the other options", "use = egg:Paste#http\nsocket_timeout = 7\nrequest_queue_size = 9\nprotocol_version = HTTP/1.0\nuse_threadpool = no\nthreadpool_workers = 20\nthreadpool_kill_thread_limit = 3\ndaemon_threads = true",
		func(g *group) {
			g.Backlog = 9
			g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = 7*time.Second, 7*time.Second, 7*time.Second
		},
		[]string{
			"protocol_version:" + nothing + "HTTP/1.1 is spoken",
			"use_threadpool:" + nothing + "each connection has a goroutine of its own",
			"threadpool_workers:" + nothing + "each connection has a goroutine of its own",
			"threadpool_kill_thread_limit:" + nothing + "there are no threads to kill",
			"daemon_threads:" + nothing + "requests in flight are finished, see graceful_shutdown_timeout",
		}},

	{"waitress, empty", "use = egg:waitress", waitress, nil},
	{"waitress, a name that the corpus has", "use = egg:waitress#http\nhost = 127.0.0.1\nport = 6543", func(g *group) { waitress(g); g.Listen = tcp("127.0.0.1:6543") }, nil},
	{"waitress, listen", "use = egg:waitress#main\nlisten = 127.0.0.1:6543 [::1]:6543 localhost [::1] *:1", func(g *group) {
		waitress(g)
		g.Listen = tcp("127.0.0.1:6543", "[::1]:6543", "localhost:8080", "[::1]:8080", ":1")
	}, nil},
	{"waitress, one family", "use = egg:waitress#main\nlisten = *:1\nipv6 = nope", func(g *group) {
		waitress(g)
		g.Listen = []service.Address{{Network: "tcp4", Addr: ":1"}}
	}, nil},
	{"waitress, a unix socket", "use = egg:waitress#main\nunix_socket = /run/w.sock\nunix_socket_perms = 666", func(g *group) {
		waitress(g)
		g.Listen, g.SocketMode = []service.Address{{Network: "unix", Addr: "/run/w.sock"}}, 0o666
	}, nil},
	{"waitress, the other options", "use = egg:waitress#main\nthreads = 8\nconnection_limit = 500\nchannel_timeout = 30\nmax_request_body_size = 10\nmax_request_header_size = 20\nbacklog = 5\nurl_scheme = https\nurl_prefix = /p\ntrusted_proxy = *",
		func(g *group) {
			waitress(g)
			g.PoolSize, g.MaxConnections, g.Backlog, g.MaxBody, g.URLScheme, g.URLPrefix = 8, 500, 5, 10, "https", "/p"
			g.MaxRequestLine, g.MaxHeaderLine, g.MaxHeaderBytes = 20, 20, 20
			g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = 30*time.Second, 30*time.Second, 30*time.Second
		}, []string{
			"trusted_proxy:" + nothing + "put egg:oslo.middleware#http_proxy_to_wsgi or egg:PasteDeploy#prefix into the pipeline",
		}},

	{"gunicorn, empty", "use = egg:gunicorn", gunicorn, nil},
	{"gunicorn, host and port", "use = egg:gunicorn#main\nhost = 0.0.0.0\nport = 5000\nworkers = 1\nproc_name = x", func(g *group) {
		gunicorn(g)
		g.Listen, g.Workers = tcp("0.0.0.0:5000"), 1
	}, []string{"proc_name:" + nothing + "processes have their command's name"}},
	{"gunicorn, bind", "use = egg:gunicorn#main\nbind = 127.0.0.1:1, unix:/a.sock,unix:///b.sock,fd://4,tcp://h:2,[::1],[::1]:3", func(g *group) {
		gunicorn(g)
		g.Listen = append(tcp("127.0.0.1:1"), service.Address{Network: "unix", Addr: "/a.sock"}, service.Address{Network: "unix", Addr: "/b.sock"},
			service.Address{Network: "fd", Addr: "4"})
		g.Listen = append(g.Listen, tcp("h:2", "[::1]:8000", "[::1]:3")...)
	}, nil},
	{"gunicorn, host alone", "use = egg:gunicorn#main\nhost = 127.0.0.1,h:9\nbind = x:1", func(g *group) { gunicorn(g); g.Listen = tcp("127.0.0.1:8000", "h:9") },
		[]string{"bind: has no meaning beside host, as with gunicorn"}},
	{"gunicorn, port alone", "use = egg:gunicorn#main\nport = 5000", func(g *group) { gunicorn(g); g.Listen = tcp("127.0.0.1:5000") },
		[]string{"port: gunicorn ignores a port without a host and serves on 127.0.0.1:8000; here it is taken"}},
	{"gunicorn, the other options", "use = egg:gunicorn#main\nworkers = 9\ntimeout = 30\ngraceful_timeout = 20\nkeepalive = 2\nbacklog = 7\nworker-connections = 50\nworker-class = eventlet\nmax_requests = 5\naccesslog = a.log\numask = 0o22\nloglevel = DEBUG\nlimit_request_line = 0\nlimit_request_field_size = 100\npidfile = p\ncertfile = c\nkeyfile = k\nca_certs = a\ncert_reqs = 2",
		func(g *group) {
			gunicorn(g)
			g.Workers, g.RequestTimeout, g.GracefulTimeout, g.IdleTimeout, g.Backlog = 9, 30*time.Second, 20*time.Second, 2*time.Second, 7
			g.MaxConnections, g.MaxRequests, g.AccessLog, g.MaxRequestLine, g.MaxHeaderLine, g.PIDFile = 50, 5, "a.log", 0, 100, "p"
			g.Umask = "022"
			g.CertFile, g.KeyFile, g.ClientCA = "c", "k", "a"
		}, []string{
			"worker-connections: old name, want worker_connections",
			"worker-class: has no meaning here: all requests run side by side in each worker",
			"loglevel:" + nothing + "see --log-level and --log-format; the access log is accesslog",
		}},
	{"gunicorn, no keep-alive and no log", "use = egg:gunicorn#main\nkeepalive = 0\naccesslog =", func(g *group) {
		gunicorn(g)
		g.KeepAlive, g.IdleTimeout, g.AccessLog = false, 0, "off"
	}, nil},
	{"gunicorn, by way of mediagoblin", "use = egg:mediagoblin#paste_server_selector\nhost = 127.0.0.1\nport = 6543\nreload = true\naccesslog = -", func(g *group) { gunicorn(g); g.Listen = tcp("127.0.0.1:6543") },
		[]string{"reload:" + nothing + "see serve --watch"}},

	{"wsgiutils", "use = egg:PasteScript#wsgiutils", func(g *group) { g.Listen = tcp("localhost:8080") }, nil},
	{"cherrypy", "use = egg:PasteScript#cherrypy\nhost = 127.0.0.1:7\nnumthreads = 3\ntimeout = 4", func(g *group) {
		g.Listen = tcp("127.0.0.1:7")
		g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = 4*time.Second, 4*time.Second, 4*time.Second
	}, []string{"numthreads:" + nothing + "each connection has a goroutine of its own"}},
	{"cherrypy with TLS", "use = egg:PasteScript#cherrypy\nssl_pem = x", func(g *group) { g.Listen, g.CertFile = tcp("127.0.0.1:4443"), "x" }, nil},
	{"wsgiref", "use = egg:pyramid#wsgiref\nhost = 127.0.0.1\nport = 6543\nwhat = ever", func(g *group) { g.Listen = tcp("127.0.0.1:6543") },
		[]string{"what: unknown option, egg:wheatpaste#wsgiref takes wheatpaste.app, host, port, listen, graceful_shutdown_timeout, access_log; it is ignored"}},
	{"wsgiref, listen", "use = egg:pyramid#wsgiref\nlisten = localhost:6543", func(g *group) { g.Listen = tcp("localhost:6543") },
		[]string{"listen: wsgiref ignores it and serves on 0.0.0.0:8080; here it is taken"}},
	{"gearbox", "use = egg:gearbox#wsgiref\nhost = 127.0.0.1\nport = 8080", func(*group) {}, nil},
}

func TestGroups(t *testing.T) {
	for _, tt := range groupTests {
		t.Run(tt.name, func(t *testing.T) {
			g, warnings, problem := load(t, tt.lines)
			if problem != "" {
				t.Fatal(problem)
			}
			want := service.DefaultGroup()
			tt.want(want)
			if !reflect.DeepEqual(g, want) {
				t.Errorf("group\n%+v, want\n%+v", g, want)
			}
			var got []string
			for line := range strings.Lines(warnings) {
				_, text, _ := strings.Cut(line, "[server:main] ")
				got = append(got, strings.TrimSuffix(text, "\n"))
			}
			if !reflect.DeepEqual(got, tt.warnings) {
				t.Errorf("warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.warnings, "\n"))
			}
		})
	}
}

func TestErrors(t *testing.T) {
	const forms = ", want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME"
	tests := []struct{ name, lines, want string }{
		{"ours, a bad address", "use = egg:wheatpaste#http\nlisten = localhost",
			`paste.ini:3:10: [server:main] listen: invalid listen address "localhost": no port` + forms},
		{"ours, listen beside port", "use = egg:wheatpaste#http\nlisten = :1\nport = 2",
			"paste.ini:4:8: [server:main] port: stands beside listen, want one of them"},
		{"ours, no address", "use = egg:wheatpaste#http\nlisten =",
			"paste.ini:3:9: [server:main] listen: no address" + forms},
		{"ours, a bad scheme", "use = egg:wheatpaste#http\nurl_scheme = ftp",
			`paste.ini:3:14: [server:main] url_scheme: unknown scheme "ftp", want http or https`},
		{"ours, a bad mode", "use = egg:wheatpaste#http\nsocket_mode = 0999",
			`paste.ini:3:15: [server:main] socket_mode: invalid mode "0999", want octal digits such as 660`},
		{"ours, a misspelt option", "use = egg:wheatpaste#http\nlisen = :1",
			"paste.ini:3:9: [server:main] lisen: unknown option, did you mean listen?"},
		{"Paste, a bad port (SRV-03)", "use = egg:Paste#http\nport = x",
			"paste.ini:3:8: [server:main] port: invalid literal for int() with base 10: 'x', want a whole number"},
		{"Paste, a bad port in host", "use = egg:Paste#http\nhost = h:x",
			"paste.ini:3:8: [server:main] host: invalid literal for int() with base 10: 'x', want a whole number"},
		{"Paste, a port beyond all", "use = egg:Paste#http\nport = 70000",
			"paste.ini:3:8: [server:main] port: the port 70000 is out of range, want 0 to 65535"},
		{"Paste, a bad bool (SRV-03)", "use = egg:Paste#http\nuse_threadpool = maybe",
			"paste.ini:3:18: [server:main] use_threadpool: String is not true/false: 'maybe', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"Paste, a bad protocol", "use = egg:Paste#http\nprotocol_version = HTTP/2",
			`paste.ini:3:20: [server:main] protocol_version: unknown protocol "HTTP/2", want HTTP/0.9, HTTP/1.0 or HTTP/1.1`},
		{"Paste, an unknown option (SRV-03)", "use = egg:Paste#http\nprot = 1",
			"paste.ini:3:8: [server:main] prot: unknown option, did you mean port?"},
		{"waitress, listen beside host", "use = egg:waitress#main\nlisten = :1\nhost = h",
			"paste.ini:4:8: [server:main] host: stands beside listen, want one of them"},
		{"waitress, unix_socket beside port", "use = egg:waitress#main\nunix_socket = /s\nport = 1",
			"paste.ini:4:8: [server:main] port: stands beside unix_socket, want one of them"},
		{"waitress, no family", "use = egg:waitress#main\nipv4 = no\nipv6 = no",
			"paste.ini:3:8: [server:main] ipv4: neither IPv4 nor IPv6, want one of them"},
		{"waitress, an unknown option", "use = egg:waitress#main\nthread = 1",
			"paste.ini:3:10: [server:main] thread: unknown option, did you mean threads?"},
		{"gunicorn, an unknown option", "use = egg:gunicorn#main\nworker = 1\nfoo-bar = 2",
			"paste.ini:3:10: [server:main] worker: No configuration setting for: worker, want one of gunicorn's settings\n" +
				"paste.ini:4:11: [server:main] foo-bar: No configuration setting for: foo-bar, want one of gunicorn's settings"},
		{"gunicorn, a bad bind", "use = egg:gunicorn#main\nbind = h:http",
			`paste.ini:3:8: [server:main] bind: invalid listen address "h:http": port "http" is no number from 0 to 65535` + forms},
		{"gunicorn, unknown client certificates", "use = egg:gunicorn#main\ncertfile = c\nca_certs = a\ncert_reqs = 3",
			"paste.ini:5:13: [server:main] cert_reqs: unknown value 3, want 0 (no client certificates), 1 (optional) or 2 (required)"},
		{"gunicorn, an unknown version of TLS", "use = egg:gunicorn#main\nssl_version = 99",
			`paste.ini:3:15: [server:main] ssl_version: unknown version "99", want one of Python's, such as TLS or 2`},
		{"gunicorn, a bad peer", "use = egg:gunicorn#main\nproxy_allow_ips = here",
			`paste.ini:3:19: [server:main] proxy_allow_ips: invalid peer "here", want networks such as 10.0.0.0/8, addresses, unix or *`},
		{"ours, a key too few", "use = egg:wheatpaste#http\ncert_file = a b\nkey_file = k",
			"paste.ini:4:12: [server:main] key_file: 1 files for 2 certificates, want one for each in the same order, or none"},
		{"ours, an old version of TLS", "use = egg:wheatpaste#http\ntls_min_version = 1.1",
			`paste.ini:3:19: [server:main] tls_min_version: unknown version "1.1", want 1.2 or 1.3`},
		{"ours, an unsafe cipher", "use = egg:wheatpaste#http\ntls_ciphers = RC4-SHA ECDHE-RSA-AES128-GCM-SHA256",
			"paste.ini:3:15: [server:main] tls_ciphers: unknown or unsafe: RC4-SHA, want names such as ECDHE-RSA-AES128-GCM-SHA256"},
		{"ours, an unknown way to ask clients", "use = egg:wheatpaste#http\nclient_auth = maybe",
			`paste.ini:3:15: [server:main] client_auth: unknown way "maybe", want require or optional`},
		{"ours, a bad peer", "use = egg:wheatpaste#http\nproxy_protocol_from = here",
			`paste.ini:3:23: [server:main] proxy_protocol_from: invalid peer "here", want networks such as 10.0.0.0/8, addresses, unix or *`},
		{"ours, no peer", "use = egg:wheatpaste#http\nproxy_protocol = on\nproxy_protocol_from =",
			"paste.ini:4:22: [server:main] proxy_protocol_from: nobody, want networks, addresses, unix or *"},
		{"gunicorn, client certificates of nobody", "use = egg:gunicorn#main\ncert_reqs = 2",
			"paste.ini:3:13: [server:main] cert_reqs: client certificates without a CA, want ca_certs too"},
		{"flup", "use = egg:Flup#fcgi_fork\nsocket = s",
			"paste.ini:2:7: [server:main] use: egg:Flup#fcgi_fork cannot be served by Go: only HTTP is spoken; use egg:wheatpaste#http, on a unix socket if you like, and let the web server in front proxy HTTP to it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, problem := load(t, tt.lines); problem != tt.want {
				t.Errorf("error\n%s\nwant\n%s", problem, tt.want)
			}
		})
	}
}

// TestExamples loads what describe shows.
func TestExamples(t *testing.T) {
	for _, f := range paste.DefaultRegistry.Factories() {
		if f.Kind != paste.KindServer || f.Refusal != "" {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			lines, ok := strings.CutPrefix(f.Example, "[server:main]\n")
			if !ok || f.Help == "" {
				t.Fatalf("example %q and help %q, want both", f.Example, f.Help)
			}
			if g, _, problem := load(t, lines); problem != "" || len(g.Listen) == 0 {
				t.Errorf("the example gives %s", problem)
			}
			for _, o := range f.Options() {
				if o.Help == "" {
					t.Errorf("no help for the option %s", o.Name)
				}
			}
		})
	}
}

// corpus is where the files that people have are, or a skipped test.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("WHEATPASTE_SHARED")
	if dir == "" {
		dir = "../../../../shared"
	}
	dir, err := filepath.Abs(filepath.Join(dir, "corpus"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpus: ", err)
	}
	return dir
}

// TestCorpus builds every server section of the corpus. Excused are files that
// Paste Deploy cannot read either, templates, and FastCGI.
func TestCorpus(t *testing.T) {
	l := &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}
	built, excused := 0, 0
	err := filepath.WalkDir(corpus(t), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		for _, name := range serverSections(path) {
			_, err := l.LoadServer(paste.FileURI(path), paste.Name(name))
			switch {
			case err == nil:
				built++
			case errors.Is(err, paste.ErrSyntax), errors.Is(err, paste.ErrInterpolation),
				strings.Contains(err.Error(), "${"), strings.Contains(err.Error(), "only HTTP is spoken"):
				excused++
			default:
				t.Errorf("[server:%s] of %v", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d server sections built, %d excused", built, excused)
	if built < 100 {
		t.Errorf("only %d server sections were built, want at least 100", built)
	}
}

func serverSections(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "[server:"); ok && strings.HasSuffix(name, "]") {
			names = append(names, strings.TrimSuffix(name, "]"))
		}
	}
	return names
}

// TestDocs looks for each option of ours in docs/server.md.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	f, ok := paste.DefaultRegistry.Lookup(paste.ServerObject, "egg:wheatpaste#http")
	if !ok {
		t.Fatal("egg:wheatpaste#http is not registered")
	}
	for _, o := range f.Options() {
		if !strings.Contains(string(text), "`"+o.Name+"`") {
			t.Errorf("docs/server.md says nothing of %s", o.Name)
		}
	}
	for _, f := range paste.DefaultRegistry.Factories() {
		for _, name := range f.Aliases {
			if f.Kind == paste.KindServer && f.Refusal == "" && !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("docs/server.md says nothing of %s, which is %s", name, f.Name)
			}
		}
	}
}
