package healthcheck

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// network are the backends that look at something over the network, each with
// the option that says at what.
var network = []struct {
	name    string
	option  string
	targets func(Options) []string
	make    func(target string) (*probe, error)
}{
	{"tcp", "check_tcp", func(o Options) []string { return o.CheckTCP }, tcpProbe},
	{"http", "check_http", func(o Options) []string { return o.CheckHTTP }, httpProbe},
	{"memcached", "check_memcached", func(o Options) []string { return o.CheckMemcached }, memcachedProbe},
	{"redis", "check_redis", func(o Options) []string { return o.CheckRedis }, redisProbe},
	{"sql", "check_sql", func(o Options) []string { return o.CheckSQL }, sqlProbe},
}

// isNetwork gives the place of a backend in network, or -1.
func isNetwork(name string) int {
	for i, n := range network {
		if n.name == name {
			return i
		}
	}
	return -1
}

// newProbes makes the probes of a network backend.
func newProbes(b *paste.Build, o Options, at int) ([]*probe, error) {
	kind := network[at]
	targets := kind.targets(o)
	if kind.name == "sql" && len(targets) == 0 {
		var err error
		if targets, err = databaseConnection(b); err != nil {
			return nil, err
		}
	}
	if len(targets) == 0 {
		b.Warn("backends", kind.name+" without "+kind.option+" is always healthy")
	}
	var list []*probe
	for i, target := range targets {
		p, err := kind.make(target)
		if err != nil { // the target may hold a password
			return nil, paste.BadOption(kind.option, "item %d: %w", i+1, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// databaseConnection is where the service itself finds its database.
func databaseConnection(b *paste.Build) ([]string, error) {
	v, ok, err := b.Conf("database", "connection", "DEFAULT.sql_connection")
	if !ok || err != nil {
		return nil, err
	}
	return []string{v.Text}, nil
}

// warnUnchecked tells of targets that no backend looks at.
func warnUnchecked(b *paste.Build, o Options) {
	for _, n := range network {
		named := false
		for _, name := range o.Backends {
			named = named || name == n.name
		}
		if !named && len(n.targets(o)) > 0 {
			b.Warn(n.option, "not looked at, want "+n.name+" in backends")
		}
	}
}

// address is where a connection goes to.
type address struct{ network, address string }

func (a address) String() string {
	if a.network == "unix" {
		return "unix:" + a.address
	}
	return a.address
}

// parseAddress reads host:port or unix:/path; a port of "" is an error without a
// usual one.
func parseAddress(text, usualPort string) (address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			return address{}, errors.New("no path behind unix:, want unix:/PATH")
		}
		return address{"unix", path}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil && usualPort != "" {
		host, port, err = net.SplitHostPort(net.JoinHostPort(strings.Trim(text, "[]"), usualPort))
	}
	if err != nil || host == "" || port == "" || strings.ContainsAny(text, "/@") {
		return address{}, errors.New("no address, want HOST:PORT or unix:/PATH")
	}
	return address{"tcp", net.JoinHostPort(host, port)}, nil
}

// parseURL reads a URL of one of the schemes. Its errors do not show it.
func parseURL(text string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("no URL, want %s://... (signs such as @ and / in a password are written %%40, %%2F)", schemes[0])
	}
	if slices.Contains(schemes, u.Scheme) {
		return u, nil
	}
	return nil, fmt.Errorf("no URL of a known scheme, want one of %s", strings.Join(schemes, ", "))
}

// shown is a URL as strangers may see it: without user, password and query.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// hidden takes the password of a URL out of a text.
func hidden(u *url.URL) func(string) string {
	password, ok := u.User.Password()
	if !ok || password == "" {
		return nil
	}
	return strings.NewReplacer(password, "****", url.QueryEscape(password), "****", url.PathEscape(password), "****").Replace
}

// hostPort is the host of a URL, with the port that is usual there.
func hostPort(u *url.URL, usual string) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), usual)
}
