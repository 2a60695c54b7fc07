package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
)

const novaApps = "[app:osapi_compute]\nuse = egg:wheatpaste#echo\n[app:metadata]\nuse = egg:wheatpaste#echo\n[composite:placement-api]\nuse = egg:Paste#urlmap\n/ = metadata\n"

// novaRequest asks for what a nova.conf of this text enables of novaApps.
func novaRequest(t *testing.T, text string) Request {
	t.Helper()
	q := request(t, novaApps)
	if err := os.WriteFile("nova.conf", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := osloconf.Load([]string{"nova.conf"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Conf, q.Nova = conf, true
	return q
}

func makeNova(t *testing.T, q Request) *Rehearsal {
	t.Helper()
	made, err := Make(q)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestNovaMode(t *testing.T) {
	load := func(text string) *osloconf.Config { return novaRequest(t, text).Conf }
	for _, tt := range []struct {
		name  string
		conf  *osloconf.Config
		given bool
		want  bool
	}{
		{"no conf file", nil, false, false},
		{"no URI", load(""), false, true},
		{"a URI", load("[api]\nauth_strategy = noauth2\n"), true, false},
		{"a URI, and enabled_apis is set", load("[DEFAULT]\nenabled_apis = metadata\n"), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := NovaMode(tt.conf, tt.given); got != tt.want {
				t.Errorf("NovaMode = %v, want %v", got, tt.want)
			}
		})
	}
}

// START-03, START-04, START-06, START-08.
func TestEnabledAPIs(t *testing.T) {
	const two = "osapi_compute@0.0.0.0:8774=osapi_compute metadata@0.0.0.0:8775=metadata"
	metadata, missing := "metadata", "missing"
	for _, tt := range []struct {
		name, conf string
		change     func(*Request)
		want       string
		warnings   string
		errors     string
	}{
		{name: "nothing said", conf: "", want: two},
		{name: "one, elsewhere", conf: "[DEFAULT]\nenabled_apis = metadata\nmetadata_listen = 127.0.0.1\nmetadata_listen_port = 1234\n", want: "metadata@127.0.0.1:1234=metadata"},
		{name: "IPv6", conf: "[DEFAULT]\nenabled_apis = metadata\nmetadata_listen = ::1\n", want: "metadata@[::1]:8775=metadata"},
		{name: "$host and other options in a value", conf: "[DEFAULT]\nenabled_apis = metadata\nmy_ip = 10.0.0.1\nmetadata_listen = $my_ip\nmetadata_listen_port = $osapi_compute_listen_port\n", want: "metadata@10.0.0.1:8774=metadata"},
		{name: "another service's", conf: "[DEFAULT]\nenabled_apis = placement-api\nplacement_api_listen = 127.0.0.1\n", want: "placement-api@127.0.0.1:0=placement-api"},
		{name: "twice", conf: "[DEFAULT]\nenabled_apis = metadata, metadata\n", want: "metadata@0.0.0.0:8775=metadata",
			warnings: "nova.conf:2:16: [DEFAULT] enabled_apis: an API is named twice, it is served once"},
		{name: "one that is not there is skipped", conf: "[DEFAULT]\nenabled_apis = ec2,metadata\nec2_workers = x\n", want: "metadata@0.0.0.0:8775=metadata",
			warnings: "nova.conf:2:16: [DEFAULT] enabled_apis: Could not load paste app 'ec2' from ./paste.ini; the API is skipped; take it out of enabled_apis to be rid of this warning"},
		{name: "EXIT-02 none is there", conf: "[DEFAULT]\nenabled_apis = ec2\n",
			errors: "nova.conf:2:16: [DEFAULT] enabled_apis: Could not load paste app 'ec2' from ./paste.ini\nnova.conf:2:16: [DEFAULT] enabled_apis: No APIs were started. Check the enabled_apis config option."},
		{name: "none is named", conf: "[DEFAULT]\nenabled_apis =\n",
			errors: "nova.conf:2:15: [DEFAULT] enabled_apis: No APIs were started. Check the enabled_apis config option."},
		{name: "one by --app-name", conf: "", change: func(q *Request) { q.Name = &metadata }, want: "metadata@0.0.0.0:8775=metadata"},
		{name: "START-08 one by --app-name is not skipped", conf: "", change: func(q *Request) { q.Name = &missing },
			errors: "paste.ini: No section 'missing' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config ./paste.ini; the file has [app:osapi_compute], [app:metadata], [composite:placement-api]"},
		{name: "one by --server-name", conf: "", change: func(q *Request) { q.Servers = []string{"metadata"} }, want: "metadata@0.0.0.0:8775=metadata"},
		{name: "all", conf: "", change: func(q *Request) { q.Servers = []string{"all"} }, want: two},
		{name: "--listen", conf: "", change: func(q *Request) { q.Name, q.Listen = &metadata, []string{"127.0.0.1:1"} }, want: "metadata@127.0.0.1:1=metadata"},
		{name: "a worker's own", conf: "", change: func(q *Request) { q.Only = "metadata" }, want: "metadata@0.0.0.0:8775=metadata"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := novaRequest(t, tt.conf)
			if tt.change != nil {
				tt.change(&q)
			}
			made := makeNova(t, q)
			if got := summary(made); got != tt.want {
				t.Errorf("serves %s\nwant %s", got, tt.want)
			}
			if got := made.Warnings.Error(); got != tt.warnings {
				t.Errorf("warnings\n%s\nwant\n%s", got, tt.warnings)
			}
			if got := made.Errors.Error(); got != tt.errors {
				t.Errorf("errors\n%s\nwant\n%s", got, tt.errors)
			}
		})
	}
}

func TestNovaMistakesOfTheCommandLine(t *testing.T) {
	two := service.Workers(2)
	for _, tt := range []struct {
		name   string
		change func(*Request)
		want   string
	}{
		{"an API that is not enabled", func(q *Request) { q.Servers = []string{"ec2"} }, "--server-name ec2: no such API, enabled_apis has osapi_compute, metadata"},
		{"--listen for two", func(q *Request) { q.Listen = []string{"127.0.0.1:1"} }, "--listen with several servers, want --server-name NAME for one of them"},
		{"--workers for two", func(q *Request) { q.Workers = &two }, "--workers with several servers, want --server-name NAME for one of them"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := novaRequest(t, "")
			tt.change(&q)
			if _, err := Make(q); !errors.Is(err, ErrUsage) || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	t.Run("one process is for all", func(t *testing.T) {
		q, none := novaRequest(t, ""), service.Workers(0)
		q.Workers = &none
		if made := makeNova(t, q); made.Groups[0].Workers != 0 || made.Groups[1].Workers != 0 {
			t.Errorf("workers %v and %v, want 0", made.Groups[0].Workers, made.Groups[1].Workers)
		}
	})
}

// START-06: a factory that fails is no section that is missing.
func TestAFactoryThatFailsIsNotSkipped(t *testing.T) {
	for _, tt := range []struct{ name, section, want string }{
		{"unknown factory", "[app:broken]\nuse = egg:wheatpaste#ecko\n", "did you mean egg:wheatpaste#echo?"},
		{"use leads nowhere", "[app:broken]\nuse = lost\n", "No section 'lost'"},
		{"a filter of a pipeline is not there", "[pipeline:broken]\npipeline = lost metadata\n", "No section 'lost'"},
		{"ambiguous", "[app:broken]\nuse = egg:wheatpaste#echo\n[pipeline:broken]\npipeline = metadata\n", "Ambiguous section names"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := novaRequest(t, "[DEFAULT]\nenabled_apis = metadata,broken\n")
			if err := os.WriteFile("paste.ini", []byte(novaApps+tt.section), 0o600); err != nil {
				t.Fatal(err)
			}
			made := makeNova(t, q)
			if len(made.Errors) != 1 || !strings.Contains(made.Errors.Error(), tt.want) || len(made.Warnings) != 0 {
				t.Errorf("errors %v, warnings %v, want one error with %q", made.Errors, made.Warnings, tt.want)
			}
		})
	}
}

// OPT-01 to OPT-16: what each option does.
func TestNovaOptions(t *testing.T) {
	with := func(section, line string) string {
		return "[DEFAULT]\nenabled_apis = metadata\n[" + section + "]\n" + line + "\n"
	}
	timeouts := func(g Group) any { return []time.Duration{g.BodyTimeout, g.WriteTimeout, g.IdleTimeout} }
	for _, tt := range []struct {
		name, conf, want string
		of               func(Group) any
	}{
		{"name", with("wsgi", ""), "metadata metadata", func(g Group) any { return g.Name + " " + g.App }},
		{"workers", with("DEFAULT", "metadata_workers = 3"), "3", func(g Group) any { return g.Workers }},
		{"workers by default", with("wsgi", ""), "auto", func(g Group) any { return g.Workers }},
		{"workers set to nothing", with("DEFAULT", "metadata_workers ="), "auto", func(g Group) any { return g.Workers }},
		{"graceful_shutdown_timeout", with("DEFAULT", "graceful_shutdown_timeout = 5"), "5s", func(g Group) any { return g.GracefulTimeout }},
		{"for ever", with("DEFAULT", "graceful_shutdown_timeout = 0"), "0s", func(g Group) any { return g.GracefulTimeout }},
		{"its default", with("wsgi", ""), "1m0s", func(g Group) any { return g.GracefulTimeout }},
		{"backlog", with("DEFAULT", "backlog = 4096"), "4096", func(g Group) any { return g.Backlog }},
		{"default_pool_size", with("wsgi", "default_pool_size = 7"), "7", func(g Group) any { return g.PoolSize }},
		{"its default", with("wsgi", ""), "1000", func(g Group) any { return g.PoolSize }},
		{"its old name", with("DEFAULT", "wsgi_default_pool_size = 8"), "8", func(g Group) any { return g.PoolSize }},
		{"keep_alive", with("wsgi", "keep_alive = no"), "false", func(g Group) any { return g.KeepAlive }},
		{"its default", with("wsgi", ""), "true", func(g Group) any { return g.KeepAlive }},
		{"its old name", with("DEFAULT", "wsgi_keep_alive = off"), "false", func(g Group) any { return g.KeepAlive }},
		{"client_socket_timeout", with("wsgi", "client_socket_timeout = 30"), "[30s 30s 30s]", timeouts},
		{"never", with("wsgi", "client_socket_timeout = 0"), "[0s 0s 0s]", timeouts},
		{"its default", with("wsgi", ""), "[15m0s 15m0s 15m0s]", timeouts},
		{"its old place", with("DEFAULT", "client_socket_timeout = 1"), "[1s 1s 1s]", timeouts},
		{"max_header_line", with("wsgi", "max_header_line = 1000"), "1000 65536", func(g Group) any { return fmt.Sprint(int(g.MaxHeaderLine), " ", int(g.MaxHeaderBytes)) }},
		{"a long one fits", with("wsgi", "max_header_line = 100000"), "100000 100000", func(g Group) any { return fmt.Sprint(int(g.MaxHeaderLine), " ", int(g.MaxHeaderBytes)) }},
		{"its default", with("wsgi", ""), "16384", func(g Group) any { return int(g.MaxHeaderLine) }},
		{"tcp_keepidle", with("wsgi", "tcp_keepidle = 9"), "9s", func(g Group) any { return g.TCPKeepIdle }},
		{"its default", with("wsgi", ""), "10m0s", func(g Group) any { return g.TCPKeepIdle }},
		{"no TLS", with("wsgi", "ssl_cert_file = /none\nssl_key_file = /none"), "", func(g Group) any { return g.CertFile }},
		{"a format of the access log", with("wsgi", `wsgi_log_format = %(client_ip)s`), "true", func(g Group) any { return g.LogFormat != nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := makeNova(t, novaRequest(t, tt.conf))
			if len(made.Errors) > 0 {
				t.Fatal(made.Errors)
			}
			if got := fmt.Sprint(tt.of(made.Groups[0])); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("START-04 openstack_compute_api borrows the workers", func(t *testing.T) {
		q := novaRequest(t, "[DEFAULT]\nenabled_apis = openstack_compute_api_v2\nosapi_compute_workers = 5\n")
		if err := os.WriteFile("paste.ini", []byte("[app:openstack_compute_api_v2]\nuse = egg:wheatpaste#echo\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if made := makeNova(t, q); made.Groups[0].Workers != 5 {
			t.Errorf("%v workers, want 5", made.Groups[0].Workers)
		}
	})
}

// All that is wrong is told at once, each with its place.
func TestNovaErrors(t *testing.T) {
	const conf = `[DEFAULT]
enabled_ssl_apis = metadata
osapi_compute_listen = a b
osapi_compute_listen_port = 70000
osapi_compute_workers = 0
metadata_workers = 5000
graceful_shutdown_timeout = -1
backlog = -5
debug = maybe
log_file = /none/nova.log
default_log_levels = amqp=WARN,sql=LOUD,x
[wsgi]
default_pool_size = many
keep_alive = perhaps
client_socket_timeout = soon
max_header_line = -1
tcp_keepidle = x
wsgi_log_format = %(nothing)s
`
	want := `nova.conf:4:29: [DEFAULT] osapi_compute_listen_port: invalid port "70000", want a whole number from 0 to 65535
nova.conf:3:24: [DEFAULT] osapi_compute_listen: invalid listen address "a b:0": "a b" is no host, want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME
nova.conf:5:25: [DEFAULT] osapi_compute_workers: 0 workers, want at least 1; one process without workers is --workers 0
nova.conf:7:29: [DEFAULT] graceful_shutdown_timeout: invalid duration "-1", want a number of seconds, 0 or more
nova.conf:8:11: [DEFAULT] backlog: -5, want a number from 0 to 1073741824
nova.conf:13:21: [wsgi] default_pool_size: invalid integer "many", want a whole number
nova.conf:14:14: [wsgi] keep_alive: invalid boolean "perhaps", want true, 1, on, yes or false, 0, off, no
nova.conf:15:25: [wsgi] client_socket_timeout: invalid duration "soon", want a number of seconds, 0 or more
nova.conf:16:19: [wsgi] max_header_line: -1, want a number from 0 to 1073741824
nova.conf:17:16: [wsgi] tcp_keepidle: invalid duration "x", want a number of seconds, 0 or more
nova.conf:18:19: [wsgi] wsgi_log_format: unknown field "nothing", want one of body_length, client_ip, client_port, date_time, referer, request_id, request_line, status_code, user, user_agent, wall_seconds
nova.conf:6:20: [DEFAULT] metadata_workers: 5000 workers, want at most 4096
nova.conf:2:20: [DEFAULT] enabled_ssl_apis: no certificate for metadata, want a PEM file as ssl_cert_file in [wsgi]
nova.conf:9:9: [DEFAULT] debug: invalid boolean "maybe", want true, 1, on, yes or false, 0, off, no
nova.conf:10:12: [DEFAULT] log_file: stat /none: no such file or directory, want a log file in a folder that exists
nova.conf:11:22: [DEFAULT] default_log_levels: invalid level "sql=LOUD", want LOGGER=LEVEL with a level of DEBUG, INFO, WARNING, ERROR or CRITICAL
nova.conf:11:22: [DEFAULT] default_log_levels: invalid level "x", want LOGGER=LEVEL with a level of DEBUG, INFO, WARNING, ERROR or CRITICAL`
	if got := makeNova(t, novaRequest(t, conf)).Errors.Error(); got != want {
		t.Errorf("errors\n%s\nwant\n%s", got, want)
	}
}

// OPT-12.
func TestNovaTLS(t *testing.T) {
	with := func(lines string) string {
		return "[DEFAULT]\nenabled_apis = metadata\nenabled_ssl_apis = metadata, ec2\n" + lines
	}
	for _, tt := range []struct{ name, conf, files, errors string }{
		{"of [wsgi]", with("[wsgi]\nssl_cert_file = *\nssl_ca_file =\n"), "* ", ""},
		{"oslo's", with("[ssl]\ncert_file = *\n"), "* ", ""},
		{"nova's wins", with("[ssl]\ncert_file = /none\n[wsgi]\nssl_cert_file = *\n"), "* ", ""},
		{"no certificate", with(""), "", "nova.conf:3:20: [DEFAULT] enabled_ssl_apis: no certificate for metadata, want a PEM file as ssl_cert_file in [wsgi]"},
		{"a file that is not there", with("[wsgi]\nssl_cert_file = /none/a.pem\n"), "/none/a.pem ",
			"nova.conf:5:17: [wsgi] ssl_cert_file: open /none/a.pem: no such file or directory, want PEM files with a certificate and its key"},
		{"a CA that is not there", with("[ssl]\ncert_file = *\nca_file = /none/ca.pem\n"), "* /none/ca.pem",
			"nova.conf:6:11: [ssl] ca_file: open /none/ca.pem: no such file or directory, want a PEM file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := makeNova(t, novaRequest(t, tt.conf))
			if got := made.Errors.Error(); got != tt.errors {
				t.Errorf("errors\n%s\nwant\n%s", got, tt.errors)
			}
			if want := "nova.conf:3:20: [DEFAULT] enabled_ssl_apis: ec2 is not served, so neither over TLS"; made.Warnings.Error() != want {
				t.Errorf("warnings\n%s\nwant\n%s", made.Warnings.Error(), want)
			}
			if g := made.Groups[0]; tt.files != "" && g.CertFile+" "+g.ClientCA != tt.files {
				t.Errorf("files %s, want %s", g.CertFile+" "+g.ClientCA, tt.files)
			}
		})
	}
}

// Nothing is dropped in silence, and what belongs to others is left alone.
func TestNovaOptionsWithoutMeaningAreNamed(t *testing.T) {
	const conf = `[DEFAULT]
backdoor_port = 0
backdoor_socket = /x
wsgi_server_debug = true
log_options = true
manager_shutdown_timeout = 1
use_syslog = yes
use_journal = no
log_date_format = %Y
rate_limit_burst = 1
rpc_response_timeout = 60
[wsgi]
secure_proxy_ssl_header = HTTP_X_FORWARDED_PROTO
keep_alife = true
[libvirt]
virt_type = qemu
`
	got := makeNova(t, novaRequest(t, conf)).Warnings.Error()
	want := `nova.conf:2:17: [DEFAULT] backdoor_port: has no meaning here: there is no debug shell, the admin address has profiles (--admin)
nova.conf:3:19: [DEFAULT] backdoor_socket: has no meaning here: there is no debug shell, the admin address has profiles (--admin)
nova.conf:4:21: [DEFAULT] wsgi_server_debug: has no meaning here: answers never hold tracebacks
nova.conf:5:15: [DEFAULT] log_options: has no meaning here: options are not logged, wheatpaste config shows them
nova.conf:6:28: [DEFAULT] manager_shutdown_timeout: has no meaning here: an API has no manager, see graceful_shutdown_timeout
nova.conf:13:27: [wsgi] secure_proxy_ssl_header: has no meaning here: the filter egg:oslo.middleware#http_proxy_to_wsgi takes the scheme from a proxy in front
nova.conf:14:14: [wsgi] keep_alife: unknown option, it has no effect; did you mean keep_alive?
nova.conf:7:14: [DEFAULT] use_syslog: has no meaning here: the log goes to a file or to stderr, which systemd takes
nova.conf:9:19: [DEFAULT] log_date_format: has no meaning here: see use_json and --log-format
nova.conf:10:20: [DEFAULT] rate_limit_burst: has no meaning here: the log has no limit`
	if got != want {
		t.Errorf("warnings\n%s\nwant\n%s", got, want)
	}
}

// START-07.
func TestPasteFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, folder := range []string{"one", "two"} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	abs, err := filepath.Abs("one/abs.ini")
	if err != nil {
		t.Fatal(err)
	}
	set := func(value string) string {
		return write("one/"+filepath.Base(value)+".conf", "[wsgi]\napi_paste_config = "+value+"\n")
	}
	unset := write("two/nova.conf", "")
	for _, name := range []string{"one/a.ini", "one/b.ini", "two/b.ini", "api-paste.ini", "c.ini", "one/abs.ini"} {
		write(name, "")
	}
	for _, tt := range []struct {
		name  string
		files []string
		want  string
		err   string
	}{
		{"beside its file", []string{set("a.ini")}, "one/a.ini", ""},
		{"beside the last file first", []string{set("b.ini"), unset}, "two/b.ini", ""},
		{"beside an earlier one", []string{set("a.ini"), unset}, "one/a.ini", ""},
		{"absolute", []string{set(abs)}, abs, ""},
		{"the default, here", []string{unset}, "api-paste.ini", ""},
		{"not here when it is set", []string{set("c.ini"), unset}, "", `one/c.ini.conf:2:20: [wsgi] api_paste_config: no file "c.ini" in two, one, want the path of a paste file`},
		{"not there", []string{set("/none/x.ini")}, "", `one/x.ini.conf:2:20: [wsgi] api_paste_config: open /none/x.ini: no such file or directory, want a paste file`},
		{"nothing", []string{write("one/empty.conf", "[wsgi]\napi_paste_config =\n")}, "", `one/empty.conf:2:19: [wsgi] api_paste_config: no file, want the path of a paste file`},
		{"its old place", []string{write("one/old.conf", "[DEFAULT]\napi_paste_config = a.ini\n")}, "one/a.ini", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := new(snapshot.Files)
			conf, err := osloconf.LoadFrom(files, tt.files, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := PasteFile(conf, files)
			if got != tt.want || fmt.Sprint(err) != tt.err && (err != nil || tt.err != "") {
				t.Errorf("got %q, %v, want %q, %s", got, err, tt.want, tt.err)
			}
		})
	}
}

// A URI that is no file has one application only.
func TestEnabledAPIsWithoutAPasteFile(t *testing.T) {
	q := novaRequest(t, "[DEFAULT]\nenabled_apis = metadata\n")
	q.URI = "egg:wheatpaste#echo"
	made := makeNova(t, q)
	if got, want := summary(made), "main@"+defaults+"=egg:wheatpaste#echo"; got != want {
		t.Errorf("serves %s, want %s", got, want)
	}
	if got, want := made.Warnings.Error(), "nova.conf:2:16: [DEFAULT] enabled_apis: not used: egg:wheatpaste#echo is one application, not a paste file"; got != want {
		t.Errorf("warnings %s, want %s", got, want)
	}
}

// LAUNCH-10: a worker builds its own group and nothing else's.
func TestOnly(t *testing.T) {
	one, two := "[server:main]\n"+listen+"127.0.0.1:1\nwheatpaste.app = main\n", "[server:two]\n"+listen+"127.0.0.1:2\nwheatpaste.app = other\n"
	q := request(t, echo+one+two+"[app:broken]\nuse = lost\n[server:bad]\nuse = lost\nwheatpaste.app = broken\n")
	q.Servers, q.Only = []string{"main", "two", "bad"}, "two"
	made := makeNova(t, q)
	if got, want := summary(made), "two@127.0.0.1:2=other"; got != want || len(made.Errors) > 0 || len(made.Apps) != 1 {
		t.Errorf("serves %s, errors %v, apps %v, want %s", got, made.Errors, made.Apps, want)
	}
	q.Only = "three"
	if _, err := Make(q); err == nil || err.Error() != `no server "three" in ./paste.ini` {
		t.Errorf("got %v", err)
	}
}

// What was read is in the plan, the conf files too.
func TestFilesOfASourceAreListed(t *testing.T) {
	q := novaRequest(t, "")
	q.Source = new(snapshot.Files)
	conf, err := osloconf.LoadFrom(q.Source, []string{"nova.conf"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Conf = conf
	q.Options = append(q.Options, paste.ReadFiles(q.Source.Read))
	if _, err := q.Source.Read("none"); err == nil {
		t.Fatal("no error")
	}
	var got []string
	for _, f := range makeNova(t, q).Files {
		got = append(got, filepath.Base(f.Path))
	}
	if strings.Join(got, " ") != "nova.conf paste.ini" {
		t.Errorf("files %v", got)
	}
}
