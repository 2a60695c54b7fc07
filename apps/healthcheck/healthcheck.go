// Package healthcheck answers load balancers: oslo.middleware's healthcheck, as
// an application and as a filter.
package healthcheck

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of both forms. As in the original each is taken from
// the global configuration when the section does not have it.
type Options struct {
	Path                string             `paste:"path,global" conf:"healthcheck.path" help:"what the filter answers; the application answers everything"`
	Detailed            bool               `paste:"detailed,global" conf:"healthcheck.detailed" help:"show the runtime and all stacks in HTML and JSON; tells strangers a lot"`
	Backends            paste.CommaList    `paste:"backends,global" conf:"healthcheck.backends" help:"what is checked: disable_by_file, disable_by_files_ports, enable_by_files, tcp, http, memcached, redis, sql"`
	DisableByFilePath   string             `paste:"disable_by_file_path,global" conf:"healthcheck.disable_by_file_path" help:"disable_by_file: unhealthy while this file exists"`
	DisableByFilePaths  paste.CommaList    `paste:"disable_by_file_paths,global" conf:"healthcheck.disable_by_file_paths" help:"disable_by_files_ports: PORT:PATH, unhealthy on that port while the file exists"`
	EnableByFilePaths   paste.CommaList    `paste:"enable_by_file_paths,global" conf:"healthcheck.enable_by_file_paths" help:"enable_by_files: unhealthy until all these files exist"`
	AllowedSourceRanges forwarded.Networks `paste:"allowed_source_ranges,global" conf:"healthcheck.allowed_source_ranges" help:"networks or addresses that are answered; others are passed on; empty for all"`
	IgnoreProxied       bool               `paste:"ignore_proxied_requests,global" conf:"healthcheck.ignore_proxied_requests" help:"pass on what came through a proxy, by its headers"`

	// The checks over the network, which the original does not have.
	CheckTCP       paste.CommaList `paste:"check_tcp,global" conf:"healthcheck.check_tcp" help:"tcp: HOST:PORT or unix:/PATH that must accept connections"`
	CheckHTTP      paste.CommaList `paste:"check_http,global,secret" conf:"healthcheck.check_http" help:"http: URLs that must answer with a status below 400"`
	CheckMemcached paste.CommaList `paste:"check_memcached,global" conf:"healthcheck.check_memcached" help:"memcached: HOST[:PORT] or unix:/PATH of servers that must tell their version"`
	CheckRedis     paste.CommaList `paste:"check_redis,global,secret" conf:"healthcheck.check_redis" help:"redis: URLs of servers that must answer PING, redis://[USER:PASSWORD@]HOST[:PORT], rediss:// for TLS, unix:///PATH"`
	CheckSQL       paste.CommaList `paste:"check_sql,global,secret" conf:"healthcheck.check_sql" help:"sql: URLs of databases that must let in, mysql://USER:PASSWORD@HOST/DATABASE or postgresql://...; without, [database] connection of the conf files"`
	Timeout        time.Duration   `paste:"check_timeout,global" conf:"healthcheck.check_timeout" help:"the time that all checks over the network have together"`
	Interval       time.Duration   `paste:"check_interval,global" conf:"healthcheck.check_interval" help:"how long their results are kept; 0 asks anew for each request"`
}

// defaultPath is where the filter form answers.
const defaultPath = "/healthcheck"

func init() {
	defaults := Options{Path: defaultPath, Timeout: 2 * time.Second, Interval: 5 * time.Second}
	paste.RegisterApp("egg:oslo.middleware#healthcheck", defaults, New,
		paste.LooseAlias("oslo_middleware:Healthcheck.app_factory", "oslo_middleware.healthcheck:Healthcheck.app_factory"),
		paste.Alias("egg:wheatpaste#healthcheck"),
		paste.Help("Answers load balancers: healthy or not, as text, HTML or JSON."),
		paste.Example(`
[app:healthcheck]
use = egg:oslo.middleware#healthcheck
backends = disable_by_file
disable_by_file_path = /etc/nova/healthcheck_disable
`))
	paste.RegisterFilter("egg:oslo.middleware#healthcheck", defaults, NewFilter,
		paste.LooseAlias("oslo_middleware:Healthcheck.factory", "oslo_middleware.healthcheck:Healthcheck.factory"),
		paste.Alias("egg:wheatpaste#healthcheck"),
		paste.Help("Answers load balancers at one path and passes all other requests on."),
		paste.Example(`
[filter:healthcheck]
use = egg:oslo.middleware#healthcheck
path = /healthcheck
backends = disable_by_file
disable_by_file_path = /etc/glance/healthcheck_disable
`))
}

// New makes the application.
func New(b *paste.Build, o Options) (http.Handler, error) {
	c, err := newChecker(b, o)
	if err != nil {
		return nil, err
	}
	if o.Path != defaultPath && b.LocalConf().Has("path") {
		b.Warn("path", "only the filter form looks at it; mount the application where it is to answer")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.answers(r) {
			// The original has nothing to pass a refused request on to either,
			// and dies of it.
			http.NotFound(w, r)
			return
		}
		c.ServeHTTP(w, r)
	}), nil
}

// NewFilter makes the filter, which answers at Options.Path.
func NewFilter(b *paste.Build, o Options) (alice.Constructor, error) {
	c, err := newChecker(b, o)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			full := pipeline.FromRequest(r).ScriptName() + r.URL.Path
			if full != o.Path || !c.answers(r) {
				ww := webob.Response(w, r, nil)
				next.ServeHTTP(ww, r)
				ww.Finish()
				return
			}
			c.ServeHTTP(w, r)
		})
	}, nil
}

// checker runs the checks and gives the answer.
type checker struct {
	checks        []check // nil for one of the probes, in their order
	probes        *probes
	detailed      bool
	sources       forwarded.Networks
	ignoreProxied bool
}

func newChecker(b *paste.Build, o Options) (*checker, error) {
	checks, probes, err := newChecks(b, o)
	if err != nil {
		return nil, err
	}
	return &checker{checks: checks, probes: probes, detailed: o.Detailed, sources: o.AllowedSourceRanges, ignoreProxied: o.IgnoreProxied}, nil
}

// proxyHeaders tell that a request came through a proxy. The original looks for
// X-Forwarded, which nobody sends, and misses Forwarded (RFC 7239).
var proxyHeaders = []string{
	"Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Proto",
}

// answers reports whether the request comes from somebody who is answered.
func (c *checker) answers(r *http.Request) bool {
	if len(c.sources) > 0 && !c.allowed(pipeline.FromRequest(r).ClientAddr()) {
		return false
	}
	if c.ignoreProxied {
		for _, name := range proxyHeaders {
			if r.Header.Get(name) != "" {
				return false
			}
		}
	}
	return true
}

func (c *checker) allowed(client string) bool {
	addr, err := netip.ParseAddr(client) // none for a unix socket, or a proxy header with a name
	return err == nil && c.sources.Has(addr)
}
