// Package cnamelookup is Swift's cname_lookup: it follows the CNAMEs of the host
// name to a name below the storage domain.
package cnamelookup

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	StorageDomain string `paste:"storage_domain,global" help:"comma-separated domains at which a chain has to end"`
	Depth         int    `paste:"lookup_depth,global" help:"steps of a chain that are followed"`
	Servers       string `paste:"nameservers,global" help:"comma-separated addresses, with :PORT if it is not 53; without it those of the system"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_cname_lookup", Options{StorageDomain: "example.com", Depth: 1}, New,
		paste.LooseAlias("egg:swift#cname_lookup", "swift.common.middleware.cname_lookup:filter_factory"),
		paste.Help("Follows the CNAMEs of an unknown host name to one below the storage domain, for domain_remap."),
		paste.Example("[filter:cname_lookup]\nuse = egg:swift#cname_lookup\nstorage_domain = storage.example.com\nlookup_depth = 2"),
	)
}

type filter struct {
	domains  []string // with a dot in front
	depth    int
	resolver *resolver
	log      *slog.Logger
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{depth: o.Depth, resolver: &resolver{}, log: b.Logger()}
	if o.Depth < 1 {
		return nil, paste.BadOption("lookup_depth", "invalid number %d, want 1 or more", o.Depth)
	}
	for _, d := range swob.List(o.StorageDomain) {
		f.domains = append(f.domains, "."+strings.TrimPrefix(d, "."))
	}
	for _, s := range swob.List(o.Servers) {
		server, ok := address(s)
		if !ok {
			return nil, paste.BadOption("nameservers", "invalid address %q, want one such as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53", s)
		}
		f.resolver.servers = append(f.resolver.servers, server)
	}
	if len(f.resolver.servers) == 0 {
		b.OnStart(func(context.Context) error { f.resolver.servers = systemServers(); return nil })
	}
	return f.wrap, nil
}

// address reads IP, IP:PORT, [IP] or [IP]:PORT.
func address(s string) (string, bool) {
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return net.JoinHostPort(ip.String(), "53"), true
	}
	full, err := netip.ParseAddrPort(s)
	return full.String(), err == nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, port := r.Host, ""
		if at := strings.LastIndexByte(host, ':'); at >= 0 {
			host, port = host[:at], host[at+1:]
		}
		_, notIP := netip.ParseAddr(strings.Trim(host, "[]"))
		if len(f.domains) == 0 || notIP == nil || f.stored(host) {
			next.ServeHTTP(w, r)
			return
		}
		found, problem := f.follow(r, host)
		if problem != "" {
			swob.Answer{Status: http.StatusBadRequest, Body: problem, Type: "text/plain"}.ServeHTTP(w, r)
			return
		}
		if port != "" {
			found += ":" + port
		}
		f.serve(next, w, r, found)
	})
}

func (f *filter) stored(host string) bool {
	for _, d := range f.domains {
		if strings.HasSuffix("."+host, d) {
			return true
		}
	}
	return false
}

// follow gives the name below the storage domain, or what to tell the client.
func (f *filter) follow(r *http.Request, host string) (found, problem string) {
	cache, _ := environ.Cache.Get(pipeline.FromRequest(r))
	name := host
	for range f.depth {
		found = f.step(r.Context(), cache, host, name)
		if found == "" || found == name {
			return "", "CNAME lookup failed to resolve to a valid domain"
		}
		if f.stored(found) {
			return found, ""
		}
		name = found
	}
	return "", "CNAME lookup failed after " + strconv.Itoa(f.depth) + " tries"
}

// step takes one step, by the cache or by DNS; "" when there is none. As Swift
// has it, what was found is stored for the name that the chain began with.
func (f *filter) step(ctx context.Context, cache *memcached.Client, host, name string) string {
	if cache != nil {
		var known any // a name, or false
		if ok, err := cache.GetJSON(ctx, "cname-"+name, &known); ok && err == nil && known != nil {
			text, _ := known.(string)
			return text
		}
	}
	found, ttl, err := f.resolver.cname(ctx, name)
	if err != nil {
		f.log.Debug("CNAME lookup failed", "name", name, "err", err)
		return ""
	}
	if cache != nil && ttl >= time.Second {
		var value any = found
		if found == "" {
			value = false
		}
		cache.SetJSON(ctx, "cname-"+host, value, ttl) //nolint:errcheck // a cache that fails is slow, no more; it has been logged
	}
	return found
}

func (f *filter) serve(next http.Handler, w http.ResponseWriter, r *http.Request, host string) {
	inner := *r
	inner.Host = host
	ww := webob.NewWriter(w, func(int) bool {
		for _, name := range []string{"Location", "Content-Location"} {
			for i, value := range w.Header()[name] {
				w.Header()[name][i] = back(value, host, r.Host)
			}
		}
		return false
	})
	next.ServeHTTP(ww, &inner)
	ww.Finish()
}

// back puts the host that the client asked for in the place of the other one.
func back(value, told, asked string) string {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return value
	}
	path, ok := strings.CutPrefix(rest, told)
	if !ok || path != "" && path[0] != '/' {
		return value
	}
	return scheme + "://" + asked + path
}
