// Package healthcheck answers load balancers: oslo.middleware's healthcheck, as
// an application and as a filter.
package healthcheck

import (
	"net/http"
	"net/netip"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of both forms. As in the original each is taken from
// the global configuration when the section does not have it.
type Options struct {
	Path                string             `paste:"path,global" help:"what the filter answers; the application answers everything"`
	Detailed            bool               `paste:"detailed,global" help:"show the runtime and all stacks in HTML and JSON; tells strangers a lot"`
	Backends            paste.CommaList    `paste:"backends,global" help:"what is checked: disable_by_file, disable_by_files_ports, enable_by_files"`
	DisableByFilePath   string             `paste:"disable_by_file_path,global" help:"disable_by_file: unhealthy while this file exists"`
	DisableByFilePaths  paste.CommaList    `paste:"disable_by_file_paths,global" help:"disable_by_files_ports: PORT:PATH, unhealthy on that port while the file exists"`
	EnableByFilePaths   paste.CommaList    `paste:"enable_by_file_paths,global" help:"enable_by_files: unhealthy until all these files exist"`
	AllowedSourceRanges forwarded.Networks `paste:"allowed_source_ranges,global" help:"networks or addresses that are answered; others are passed on; empty for all"`
	IgnoreProxied       bool               `paste:"ignore_proxied_requests,global" help:"pass on what came through a proxy, by its headers"`
	OsloConfigProject   string             `paste:"oslo_config_project,global" help:"accepted; the [healthcheck] group of oslo files is not read"`
	OsloConfigFile      string             `paste:"oslo_config_file,global" help:"as oslo_config_project"`
	OsloConfigProgram   string             `paste:"oslo_config_program,global" help:"as oslo_config_project"`
}

// defaultPath is where the filter form answers.
const defaultPath = "/healthcheck"

func init() {
	defaults := Options{Path: defaultPath}
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
				next.ServeHTTP(w, r)
				return
			}
			c.ServeHTTP(w, r)
		})
	}, nil
}

// checker runs the checks and gives the answer.
type checker struct {
	checks        []check
	detailed      bool
	sources       forwarded.Networks
	ignoreProxied bool
}

func newChecker(b *paste.Build, o Options) (*checker, error) {
	if o.OsloConfigProject != "" || o.OsloConfigFile != "" || o.OsloConfigProgram != "" {
		b.Warn("oslo_config_project", "the [healthcheck] group of oslo configuration files is not read, write its options in this section")
	}
	checks, err := newChecks(b, o)
	if err != nil {
		return nil, err
	}
	return &checker{checks: checks, detailed: o.Detailed, sources: o.AllowedSourceRanges, ignoreProxied: o.IgnoreProxied}, nil
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
