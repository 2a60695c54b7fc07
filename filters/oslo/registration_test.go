package oslo_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/filters/oslo/debug"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// names are all spellings under which files refer to the filters, ours first.
var names = map[string][]string{
	"request_id": {"egg:wheatpaste#request_id", "egg:oslo.middleware#request_id", "egg:oslo_middleware#request_id",
		"oslo_middleware:RequestId.factory", "oslo_middleware.request_id:RequestId.factory",
		"oslo.middleware:RequestId.factory", "oslo.middleware.request_id:RequestId.factory",
		"nova.openstack.common.middleware.request_id:RequestIdMiddleware.factory",
		"cinder.openstack.common.middleware.request_id:RequestIdMiddleware.factory",
		"congress.openstack.common.middleware.request_id:RequestIdMiddleware.factory"},
	"catch_errors": {"egg:wheatpaste#catch_errors", "egg:oslo.middleware#catch_errors",
		"oslo_middleware:CatchErrors.factory", "oslo_middleware.catch_errors:CatchErrors.factory",
		"oslo.middleware:CatchErrors.factory", "oslo.middleware.catch_errors:CatchErrors.factory",
		"congress.openstack.common.middleware.catch_errors:CatchErrorsMiddleware.factory"},
	"correlation_id": {"egg:wheatpaste#correlation_id", "egg:oslo.middleware#correlation_id",
		"oslo_middleware:CorrelationId.factory", "oslo_middleware.correlation_id:CorrelationId.factory",
		"oslo.middleware:CorrelationId.factory", "oslo.middleware.correlation_id:CorrelationId.factory"},
	"cors": {"egg:wheatpaste#cors", "egg:oslo.middleware#cors",
		"oslo_middleware:CORS.factory", "oslo_middleware.cors:CORS.factory", "oslo_middleware.cors:filter_factory",
		"oslo.middleware:CORS.factory", "oslo.middleware.cors:CORS.factory", "oslo.middleware.cors:filter_factory"},
	"debug": {"egg:wheatpaste#debug", "egg:oslo.middleware#debug",
		"oslo_middleware:Debug.factory", "oslo_middleware.debug:Debug.factory",
		"oslo.middleware:Debug.factory", "oslo.middleware.debug:Debug.factory"},
	"http_proxy_to_wsgi": {"egg:wheatpaste#http_proxy_to_wsgi", "egg:oslo.middleware#http_proxy_to_wsgi",
		"oslo_middleware:HTTPProxyToWSGI.factory", "oslo_middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory",
		"oslo.middleware:HTTPProxyToWSGI.factory", "oslo.middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory"},
	"sizelimit": {"egg:wheatpaste#sizelimit", "egg:oslo.middleware#sizelimit",
		"oslo_middleware:RequestBodySizeLimiter.factory", "oslo_middleware.sizelimit:RequestBodySizeLimiter.factory",
		"oslo.middleware:RequestBodySizeLimiter.factory", "oslo.middleware.sizelimit:RequestBodySizeLimiter.factory",
		"nova.api.sizelimit:RequestBodySizeLimiter.factory",
		"cinder.api.middleware.sizelimit:RequestBodySizeLimiter.factory",
		"keystone.middleware:RequestBodySizeLimiter.factory"},
	"ssl": {"egg:wheatpaste#ssl", "egg:oslo.middleware#ssl",
		"oslo_middleware:SSLMiddleware.factory", "oslo_middleware.ssl:SSLMiddleware.factory",
		"oslo.middleware:SSLMiddleware.factory", "oslo.middleware.ssl:SSLMiddleware.factory"},
}

// section is a filter under one of its names, in a file with an app.
func section(name string, options ...string) string {
	use := "use = " + name
	if !strings.HasPrefix(name, "egg:") {
		use = "paste.filter_factory = " + name
	}
	return "[pipeline:main]\npipeline = f app\n[filter:f]\n" + use + "\n" + strings.Join(options, "\n") +
		"\n[app:app]\npaste.app_factory = oracle:app_factory\n"
}

// required makes every filter start: cors wants one of the two.
const required = "oslo_config_project = wheatpaste-test"

func TestEveryNameTakesTheOptionsOfOslo(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "nova.conf")
	if err := os.WriteFile(conf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for filter, spellings := range names {
		for _, name := range spellings {
			t.Run(strings.ReplaceAll(name, "#", " "), func(t *testing.T) {
				app := pipelinetest.Load(t, section(name, required, "oslo_config_program = nova-api", "oslo_config_file = "+conf))
				for _, w := range app.Warnings() {
					if filter != "ssl" { // is deprecated
						t.Errorf("warning %v", w)
					}
				}
			})
		}
	}
}

// The originals take any option: what ours does not know is a warning under
// their names and an error under our own.
func TestUnknownOption(t *testing.T) {
	for filter, spellings := range names {
		for i, name := range spellings {
			t.Run(strings.ReplaceAll(name, "#", " "), func(t *testing.T) {
				app, err := pipelinetest.Try(t, section(name, required, "zzz = 1"))
				if i == 0 {
					if err == nil || !strings.Contains(err.Error(), "paste.ini:6:7: [filter:f] zzz: unknown option, egg:wheatpaste#"+filter+" takes ") {
						t.Errorf("error %v, want one about zzz", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprint(app.Warnings()); !strings.Contains(got, "zzz: unknown option") {
					t.Errorf("warnings %s, want one about zzz", got)
				}
			})
		}
	}
}

func TestDescriptionsAreWhole(t *testing.T) {
	for filter := range names {
		f, ok := paste.DefaultRegistry.Lookup(paste.Filter, "egg:wheatpaste#"+filter)
		if !ok || f.Help == "" || f.Example == "" {
			t.Errorf("%s: %+v, want a help text and an example", filter, f)
			continue
		}
		for _, o := range f.Options() {
			if o.Help == "" {
				t.Errorf("%s: option %s has no help text", filter, o.Name)
			}
		}
		if _, err := pipelinetest.Try(t, strings.Replace(f.Example, "[filter:"+filter+"]", "[filter:x]", 1)+
			"[pipeline:main]\npipeline = x app\n[app:app]\npaste.app_factory = oracle:app_factory\n"); err != nil {
			t.Errorf("%s: the example does not load: %v", filter, err)
		}
	}
}

// everything is a pipeline of all filters but debug, which prints.
const everything = `
[pipeline:main]
pipeline = cors proxy correlation rid ssl catch size app
[filter:cors]
use = egg:oslo.middleware#cors
allowed_origin = *
[filter:proxy]
use = egg:oslo.middleware#http_proxy_to_wsgi
enable_proxy_headers_parsing = true
[filter:correlation]
use = egg:oslo.middleware#correlation_id
[filter:rid]
use = egg:oslo.middleware#request_id
[filter:ssl]
use = egg:oslo.middleware#ssl
[filter:catch]
use = egg:oslo.middleware#catch_errors
[filter:size]
use = egg:oslo.middleware#sizelimit
[app:app]
paste.app_factory = oracle:streams
`

func init() {
	paste.RegisterApp("oracle:streams", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(stream), nil
	})
}

// stream echoes each line at once, over the body of a request or after an
// upgrade.
func stream(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	if r.Header.Get("Upgrade") != "" {
		conn, rw, err := rc.Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		io.WriteString(conn, line)
		return
	}
	if err := errors.Join(rc.EnableFullDuplex(), rc.Flush()); err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		fmt.Fprintln(w, lines.Text())
		if err := rc.Flush(); err != nil {
			panic(err)
		}
	}
}

func TestStreamsThroughAllFilters(t *testing.T) {
	server := httptest.NewServer(pipelinetest.Load(t, everything))
	defer server.Close()
	out, in := io.Pipe()
	resp, err := http.Post(server.URL, "text/plain", out)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("X-Openstack-Request-Id") == "" {
		t.Error("no request id: the flush went round the filters")
	}
	answers := bufio.NewReader(resp.Body)
	for i := range 3 {
		want := fmt.Sprintf("line %d\n", i)
		io.WriteString(in, want)
		if got, err := answers.ReadString('\n'); got != want {
			t.Fatalf("answer %q, %v, want %q before the request ends", got, err, want)
		}
	}
	in.Close()
}

func TestUpgradesThroughAllFilters(t *testing.T) {
	server := httptest.NewServer(pipelinetest.Load(t, everything))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n")
	reader := bufio.NewReader(conn)
	resp, err := http.ReadResponse(reader, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answer %v, %v, want 101", resp, err)
	}
	if line, err := reader.ReadString('\n'); line != "hello\n" {
		t.Errorf("echo %q, %v, want hello", line, err)
	}
}
