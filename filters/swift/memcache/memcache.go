// Package memcache is Swift's memcache: it puts a client, which all requests
// share, where other filters find it as swift.cache.
package memcache

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/justinas/alice"
	"gopkg.in/ini.v1"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section. What is not there
// is read from memcache.conf.
type Options struct {
	Servers        string        `paste:"memcache_servers,global" help:"comma-separated HOST:PORT or [V6]:PORT"`
	MaxConns       int           `paste:"memcache_max_connections,global" old:"max_connections" help:"connections to each server"`
	ConnectTimeout time.Duration `paste:"connect_timeout,global" help:"for a connection to be made"`
	PoolTimeout    time.Duration `paste:"pool_timeout,global" help:"for a connection to become free"`
	IOTimeout      time.Duration `paste:"io_timeout,global" help:"for one operation"`
	Tries          int           `paste:"tries,global" help:"servers that are asked for one key"`
	ErrorInterval  time.Duration `paste:"error_suppression_interval,global" help:"errors are counted for so long, and a server with too many is left alone for so long; 0 never does"`
	ErrorLimit     float64       `paste:"error_suppression_limit,global" help:"more errors than these are too many"`
	SizeWarning    int           `paste:"item_size_warning_threshold,global" help:"warn about values of so many bytes; -1 never does"`
	TLS            bool          `paste:"tls_enabled,global" help:"speak TLS with the servers"`
	CAFile         string        `paste:"tls_cafile,global" help:"certificates that sign the servers'; without it those of the system"`
	CertFile       string        `paste:"tls_certfile,global" help:"certificate of the client"`
	KeyFile        string        `paste:"tls_keyfile,global" help:"its key; without it the key is in tls_certfile"`
	SwiftDir       string        `paste:"swift_dir,global" help:"where memcache.conf is, whose section [memcache] holds the options that are not here"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_memcache", Options{
		Servers: "127.0.0.1:11211", MaxConns: 2, ConnectTimeout: 300 * time.Millisecond, PoolTimeout: time.Second, IOTimeout: 2 * time.Second,
		Tries: 3, ErrorInterval: time.Minute, ErrorLimit: 10, SizeWarning: -1, SwiftDir: "/etc/swift",
	}, New,
		paste.LooseAlias("egg:swift#memcache", "swift.common.middleware.memcache:filter_factory"),
		paste.Help("Gives the filters behind it a cache in memcached, which real Swift proxies can share."),
		paste.Example("[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:11211,127.0.0.2:11211"),
	)
}

// New makes the filter. Connections are made when they are needed.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if err := fromFile(b, &o); err != nil {
		return nil, err
	}
	config, err := o.config(b)
	if err != nil {
		return nil, err
	}
	client, err := memcached.New(config)
	if err != nil {
		return nil, paste.BadOption("memcache_servers", "%w", err)
	}
	b.OnClose(func(context.Context) error { client.Close(); return nil })
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			environ.Cache.Set(pipeline.FromRequest(r), client)
			next.ServeHTTP(w, r)
		})
	}, nil
}

func (o *Options) config(b *paste.Build) (memcached.Config, error) {
	c := memcached.Config{
		Servers: swob.List(o.Servers), MaxConns: o.MaxConns, ConnectTimeout: o.ConnectTimeout, PoolTimeout: o.PoolTimeout,
		IOTimeout: o.IOTimeout, Tries: o.Tries, ErrorLimit: o.ErrorLimit, ErrorInterval: o.ErrorInterval, SizeWarning: o.SizeWarning,
		Logger: b.Logger(), Registerer: b.Registerer(),
	}
	if len(c.Servers) == 0 {
		c.Servers = []string{"127.0.0.1:" + memcached.DefaultPort}
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 2
	}
	if c.Tries < 1 {
		return c, paste.BadOption("tries", "invalid number %d, want 1 or more", c.Tries)
	}
	if !o.TLS {
		return c, nil
	}
	var err error
	c.TLS, err = o.tls()
	return c, err
}

func (o *Options) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, paste.BadOption("tls_cafile", "%w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, paste.BadOption("tls_cafile", "%q holds no certificate, want PEM", o.CAFile)
		}
	}
	if o.CertFile != "" {
		key := o.KeyFile
		if key == "" {
			key = o.CertFile
		}
		pair, err := tls.LoadX509KeyPair(o.CertFile, key)
		if err != nil {
			return nil, paste.BadOption("tls_certfile", "%w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// fromFile fills in what memcache.conf says and the paste file does not.
func fromFile(b *paste.Build, o *Options) error {
	local, global := b.LocalConf(), b.GlobalConf()
	given := func(names ...string) bool {
		for _, name := range names {
			if local.Has(name) || global.Has(name) {
				return true
			}
		}
		return false
	}
	hasServers := given("memcache_servers") && o.Servers != ""
	hasConns := given("memcache_max_connections", "max_connections") && o.MaxConns > 0
	if hasServers && hasConns {
		return nil // Swift does not look at the file then, either
	}
	name := filepath.Join(o.SwiftDir, "memcache.conf")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return paste.BadOption("swift_dir", "%w", err)
	}
	file, err := ini.LoadSources(ini.LoadOptions{IgnoreInlineComment: true, KeyValueDelimiters: "=:", Insensitive: true}, text)
	if err != nil {
		return paste.BadOption("swift_dir", "%s: %w", name, err)
	}
	f := &fileOptions{section: file.Section("memcache"), name: name}
	if !hasServers {
		f.read("memcache_servers", func(v string) error { o.Servers = v; return nil })
	}
	if !hasConns {
		f.read("memcache_max_connections", integer(&o.MaxConns))
	}
	f.rest(o, given)
	return f.err
}

// fileOptions are those of memcache.conf.
type fileOptions struct {
	section *ini.Section
	name    string
	err     error
}

func (f *fileOptions) read(option string, set func(string) error) {
	if f.err != nil || !f.section.HasKey(option) {
		return
	}
	if err := set(strings.TrimSpace(f.section.Key(option).Value())); err != nil {
		f.err = fmt.Errorf("%s: %s: %w", f.name, option, err)
	}
}

func (f *fileOptions) rest(o *Options, given func(...string) bool) {
	setters := map[string]func(string) error{
		"connect_timeout": duration(&o.ConnectTimeout), "pool_timeout": duration(&o.PoolTimeout), "io_timeout": duration(&o.IOTimeout),
		"tries": integer(&o.Tries), "item_size_warning_threshold": integer(&o.SizeWarning),
		"error_suppression_interval": duration(&o.ErrorInterval),
		"error_suppression_limit": func(v string) error {
			n, err := paste.AsInt(v)
			o.ErrorLimit = float64(n)
			return err
		},
		"tls_enabled":  func(v string) error { o.TLS = swob.True(v); return nil },
		"tls_cafile":   func(v string) error { o.CAFile = v; return nil },
		"tls_certfile": func(v string) error { o.CertFile = v; return nil },
		"tls_keyfile":  func(v string) error { o.KeyFile = v; return nil },
	}
	for option, set := range setters {
		if !given(option) {
			f.read(option, set)
		}
	}
}

func integer(target *int) func(string) error {
	return func(v string) error {
		n, err := paste.AsInt(v)
		if err == nil {
			*target = int(n)
		}
		return err
	}
}

func duration(target *time.Duration) func(string) error {
	return func(v string) error {
		d, err := paste.AsDuration(v)
		if err == nil {
			*target = d
		}
		return err
	}
}
