package pipeline

import (
	"net"
	"net/http"
	"strings"
)

// URLMap sends each request to the application that is mounted at the longest
// prefix of its path, as egg:Paste#urlmap does (section 11 of the semantics).
// The prefix moves from the path to SCRIPT_NAME; nothing is ever redirected.
//
// The time of a look-up depends on the length of the path, not on the number
// of mounts. Mounts are added before the first request; then a URLMap is safe
// for concurrent use.
type URLMap struct {
	notFound  http.Handler
	wildcards bool
	tree      *mountTree
	anyHost   *mountRoot
	hosts     map[string]*hostMounts
}

// hostMounts are the mounts of one domain: those of any port, which come first
// (MAP-13: "a.com" sorts before "a.com:80"), and those of one port.
type hostMounts struct {
	anyPort *mountRoot
	ports   map[string]*mountRoot
}

// NewURLMap makes an empty map. What no mount takes goes to notFound; nil
// stands for Paste's own answer, a 404 (MAP-20). With wildcards a path ending
// in "/+" takes what has at least one character more, as nova's map has it
// (NMAP-02); without, "+" is a character like others.
func NewURLMap(notFound http.Handler, wildcards bool) *URLMap {
	if notFound == nil {
		notFound = http.HandlerFunc(writeNotFound)
	}
	tree := newMountTree()
	return &URLMap{
		notFound: notFound, wildcards: wildcards,
		tree: tree, anyHost: tree.root(""), hosts: map[string]*hostMounts{},
	}
}

// Mount puts an application into the map. One that has the same key is replaced
// (MAP-06).
func (m *URLMap) Mount(key MountKey, app http.Handler) {
	path, wild := key.Path, false
	if m.wildcards {
		path, wild = strings.CutSuffix(path, "/+")
	}
	node := m.tree.at(m.root(key.Domain), path)
	if wild {
		node.wild = app
	} else {
		node.app = app
	}
}

// root gives the root of the mounts of a domain, which is made if need be.
func (m *URLMap) root(domain string) *mountRoot {
	if domain == "" {
		return m.anyHost
	}
	name, port, hasPort := splitHost(domain)
	host := m.hosts[name]
	if host == nil {
		host = &hostMounts{ports: map[string]*mountRoot{}}
		m.hosts[name] = host
	}
	if !hasPort {
		if host.anyPort == nil {
			host.anyPort = m.tree.root(domain)
		}
		return host.anyPort
	}
	if host.ports[port] == nil {
		host.ports[port] = m.tree.root(domain)
	}
	return host.ports[port]
}

// ServeHTTP passes the request on (MAP-15) or answers that nothing is there
// (MAP-17).
func (m *URLMap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, w, r = Begin(w, r)
	path, ok := CollapsePath(r.URL.Path)
	if !ok {
		writeBadPath(w, r)
		return
	}
	app, script := m.Match(r, path)
	if app == nil {
		m.NotFound(w, r)
		return
	}
	app.ServeHTTP(w, Descend(r, script, path[len(script):]))
}

// NotFound answers a request that no mount takes; its path is left as it came
// (MAP-17).
func (m *URLMap) NotFound(w http.ResponseWriter, r *http.Request) { m.notFound.ServeHTTP(w, r) }

// Descend moves a request one level down in the tree of applications: script is
// added to SCRIPT_NAME, and path is what is left.
func Descend(r *http.Request, script, path string) *http.Request {
	return Rebase(r, FromRequest(r).ScriptName()+script, path)
}

// Match finds the application for a path, which has been through CollapsePath,
// on the host of the request; nil if there is none. It also gives the part of
// the path that goes to SCRIPT_NAME.
func (m *URLMap) Match(r *http.Request, path string) (app http.Handler, script string) {
	found := m.matchHost(r, path)
	if found.node == nil {
		found = m.tree.match(m.anyHost, path)
	}
	return found.target()
}

// matchHost looks among the mounts of the request's domain, which come before
// those of all domains even when their path is shorter (MAP-13).
func (m *URLMap) matchHost(r *http.Request, path string) mount {
	if len(m.hosts) == 0 {
		return mount{}
	}
	name, port, hasPort := splitHost(requestHost(r))
	host := m.hosts[name]
	if host == nil {
		return mount{}
	}
	if found := m.tree.match(host.anyPort, path); found.node != nil {
		return found
	}
	if !hasPort {
		port = "443"
		if FromRequest(r).Scheme() == "http" {
			port = "80"
		}
	}
	return m.tree.match(host.ports[port], path)
}

// requestHost is the Host header in small letters, else the address that the
// request came in by, for SERVER_NAME (MAP-10).
func requestHost(r *http.Request) string {
	if r.Host != "" {
		return strings.ToLower(r.Host)
	}
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return ""
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// splitHost splits at the first colon behind an IPv6 address (MAP-19, fixed as
// BUG-16 advises).
func splitHost(host string) (name, port string, hasPort bool) {
	end := 0
	if strings.HasPrefix(host, "[") {
		end = strings.IndexByte(host, ']') + 1
	}
	i := strings.IndexByte(host[end:], ':')
	if i < 0 {
		return host, "", false
	}
	return host[:end+i], host[end+i+1:], true
}
