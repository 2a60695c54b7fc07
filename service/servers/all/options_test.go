package all_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
)

// originals are the options of the servers that people have in their files, each
// with a value that is not its default: as of waitress 2.1.2, gunicorn 20.1.0,
// Paste 3.5.2 and PasteScript 3.2.1.
var originals = map[string]string{
	"egg:waitress#main": `host=127.0.0.9 port=81 ipv4=false ipv6=false listen=127.0.0.9:1 threads=9 trusted_proxy=127.0.0.1 trusted_proxy_count=2
trusted_proxy_headers=forwarded log_untrusted_proxy_headers=true clear_untrusted_proxy_headers=true url_scheme=https url_prefix=/x backlog=9
recv_bytes=9 send_bytes=9 outbuf_overflow=9 outbuf_high_watermark=9 inbuf_overflow=9 connection_limit=9 cleanup_interval=9 channel_timeout=9
log_socket_errors=false max_request_header_size=9 max_request_body_size=9 expose_tracebacks=true ident=x asyncore_loop_timeout=9
asyncore_use_poll=true unix_socket=/run/x unix_socket_perms=666 sockets=x channel_request_lookahead=9 server_name=x`,
	"egg:gunicorn#main": `access_log_format=x accesslog=x backlog=9 bind=127.0.0.9:1 ca_certs=x capture_output=true cert_reqs=2 certfile=x chdir=/x check_config=true
child_exit=x ciphers=ECDHE-RSA-AES128-GCM-SHA256 config=x daemon=true default_proc_name=x disable_redirect_access_to_syslog=true
do_handshake_on_connect=true dogstatsd_tags=x enable_stdio_inheritance=true errorlog=x forwarded_allow_ips=x graceful_timeout=9 group=x
initgroups=true keepalive=9 keyfile=x limit_request_field_size=9 limit_request_fields=9 limit_request_line=9 logconfig=x logconfig_dict=x
logger_class=x loglevel=x max_requests=9 max_requests_jitter=9 nworkers_changed=x on_exit=x on_reload=x on_starting=x paste=x pidfile=x
post_fork=x post_request=x post_worker_init=x pre_exec=x pre_fork=x pre_request=x preload_app=true print_config=true proc_name=x
proxy_allow_ips=10.0.0.1 proxy_protocol=true pythonpath=x raw_env=x raw_paste_global_conf=x reload=true reload_engine=x reload_extra_files=x
reuse_port=true secure_scheme_headers=x sendfile=x spew=true ssl_version=5 statsd_host=x statsd_prefix=x strip_header_spaces=true
suppress_ragged_eofs=true syslog=true syslog_addr=x syslog_facility=x syslog_prefix=x threads=9 timeout=9 tmp_upload_dir=x
tolerate_dangerous_framing=true umask=9 user=x when_ready=x worker_abort=x worker_class=x worker_connections=9 worker_exit=x worker_int=x
worker_tmp_dir=x workers=9 wsgi_app=x`,
	"egg:Paste#http": `host=127.0.0.9 port=81 handler=x ssl_pem=x ssl_context=x server_version=x protocol_version=HTTP/1.0 start_loop=false daemon_threads=true
socket_timeout=9 use_threadpool=false threadpool_workers=9 request_queue_size=9 threadpool_hung_thread_limit=9
threadpool_kill_thread_limit=9 threadpool_dying_limit=9 threadpool_spawn_if_under=9 threadpool_max_zombie_threads_before_die=9
threadpool_hung_check_period=9 threadpool_logger=x threadpool_error_email=x`,
	"egg:PasteScript#wsgiutils": `host=127.0.0.9 port=81`,
	"egg:PasteScript#cherrypy":  `host=127.0.0.9 port=81 ssl_pem=x protocol_version=HTTP/1.0 numthreads=9 server_name=x max=9 request_queue_size=9 timeout=9`,
	"DEFAULT": `bind_ip=127.0.0.9 bind_port=81 bind_timeout=9 backlog=9 workers=9 max_clients=9 keep_idle=9 client_timeout=9 keepalive_timeout=9
cert_file=x key_file=x user=x require_proxy_protocol=true stale_worker_timeout=9 nice_priority=9 ionice_class=x ionice_priority=9
eventlet_debug=true servers_per_port=9`,
}

// beside are options that need another one.
var beside = map[string]string{"cert_reqs": "ca_certs = y", "ca_certs": "cert_reqs = 2", "unix_socket_perms": "unix_socket = /run/y", "proxy_allow_ips": "proxy_protocol = true"}

// TestNoOptionIsDropped: each option of an original changes what is served, or is
// named in a warning or an error; and docs/server.md says which.
func TestNoOptionIsDropped(t *testing.T) {
	docs, err := os.ReadFile("../../../docs/server.md")
	if err != nil {
		t.Fatal(err)
	}
	for server, options := range originals {
		for pair := range strings.FieldsSeq(options) {
			name, value, _ := strings.Cut(pair, "=")
			t.Run(server+"/"+name, func(t *testing.T) {
				if !strings.Contains(string(docs), "`"+name+"`") {
					t.Errorf("docs/server.md says nothing of %s", name)
				}
				without, with := built(t, server, ""), built(t, server, name+" = "+value)
				if with.said == "" && reflect.DeepEqual(with.group, without.group) {
					t.Errorf("%s = %s has no effect, and nobody says so", name, value)
				}
				if with.said != "" && !strings.Contains(with.said, name) {
					t.Errorf("%s = %s: %s does not name it", name, value, with.said)
				}
			})
		}
	}
}

type outcome struct {
	group *service.Group
	said  string // without what is said of the options beside it
}

func built(t *testing.T, server, line string) outcome {
	t.Helper()
	name, _, _ := strings.Cut(line, " ")
	if server == "DEFAULT" {
		var said string
		conf := map[string]string{"bind_port": "80"}
		if _, value, ok := strings.Cut(line, " = "); ok {
			conf[name] = value
		}
		g, err := service.GroupFromDefaults(paste.NewConf(conf), func(option, problem string) { said += option + ": " + problem })
		if err != nil {
			said += err.Error()
		}
		return outcome{g, said}
	}
	lines := "use = " + server + "\n" + line + "\n"
	if other := beside[name]; other != "" {
		lines += other + "\n"
	}
	g, warnings, problem := load(t, lines)
	return outcome{g, warnings + problem}
}
