// Package redirect sends clients to another address.
package redirect

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/internal/rules"
	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Rules     *paste.Conf `paste:"rule *" help:"rule NAME = REGEXP -> /path or https://host/path: $1 is the first group; the first rule that matches the path counts"`
	Status    int         `paste:"status" help:"301, 302, 303, 307 or 308"`
	KeepQuery bool        `paste:"keep_query" help:"the query of the request goes behind that of the rule"`
	HTTPS     bool        `paste:"https" help:"send requests that came by http to https, with status 308"`
	HTTPSPort int         `paste:"https_port" help:"the port of https"`
	Host      string      `paste:"host" help:"the host that https goes to; empty: that of the request"`
	Hosts     []string    `paste:"hosts" help:"hosts that a request may name when it is sent to https, others get 400; empty: all"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#redirect", Options{Status: http.StatusFound, KeepQuery: true, HTTPSPort: 443}, New,
		paste.Help("Redirects requests by their path, and from http to https; never to a host that the request chose."),
		paste.Example(`
[filter:redirect]
use = egg:wheatpaste#redirect
https = true
hosts = api.example.org
rule docs = ^/docs/(.*)$ -> https://docs.example.org/$1
rule old = ^/old$ -> /new
status = 301
`))
}

type filter struct {
	Options
	rules []rules.Rule
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	list, err := rules.Parse(o.Rules, true)
	if err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains([]int{301, 302, 303, 307, 308}, o.Status):
		return nil, paste.BadOption("status", "invalid status %d, want 301, 302, 303, 307 or 308", o.Status)
	case o.HTTPSPort < 1 || o.HTTPSPort > 65535:
		return nil, paste.BadOption("https_port", "invalid port %d, want 1 to 65535", o.HTTPSPort)
	case o.Host != "" && !forwarded.ValidHost(o.Host):
		return nil, paste.BadOption("host", "invalid host %q, want host or host:port", o.Host)
	}
	if len(list) == 0 && !o.HTTPS {
		b.Warn("", "it has no rules, so that it does nothing")
	}
	f := &filter{o, list}
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.HTTPS && pipeline.FromRequest(r).Scheme() == "http" {
			f.toHTTPS(w, r)
			return
		}
		location, safe := f.location(r)
		switch {
		case !safe:
			refuse(w, r)
		case location == "":
			next.ServeHTTP(w, r)
		default:
			send(w, location, f.Status)
		}
	})
}

// location gives where a rule sends the request, "" for nowhere.
func (f *filter) location(r *http.Request) (location string, safe bool) {
	if len(f.rules) == 0 {
		return "", true
	}
	path := pipeline.FromRequest(r).ScriptName() + r.URL.Path
	for i := range f.rules {
		target, matched, safe := f.rules[i].Apply(path)
		if !safe {
			return "", false
		}
		if !matched {
			continue
		}
		// Apply leaves one slash at the beginning: the path is no host.
		location = f.rules[i].Origin + (&url.URL{Path: target.Path}).EscapedPath()
		query := target.Query
		if f.KeepQuery && r.URL.RawQuery != "" {
			query = strings.TrimPrefix(query+"&"+r.URL.RawQuery, "&")
		}
		if query != "" {
			location += "?" + query
		}
		return location, true
	}
	return "", true
}

func (f *filter) toHTTPS(w http.ResponseWriter, r *http.Request) {
	host := f.Host
	if host == "" {
		host = hostname(r.Host)
		if !forwarded.ValidHost(host) || len(f.Hosts) > 0 && !slices.ContainsFunc(f.Hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
			refuse(w, r)
			return
		}
		if f.HTTPSPort != 443 {
			host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(f.HTTPSPort))
		}
	}
	script := &url.URL{Path: pipeline.FromRequest(r).ScriptName()}
	location := "https://" + host + script.EscapedPath() + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	send(w, location, http.StatusPermanentRedirect)
}

// hostname cuts the port off a Host.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		if strings.Contains(h, ":") {
			return "[" + h + "]"
		}
		return h
	}
	return host
}

func refuse(w http.ResponseWriter, r *http.Request) {
	webob.Page{Status: http.StatusBadRequest, Explanation: "The request cannot be redirected."}.Write(w, r)
}

// send answers without a body: clients that follow do not show one.
func send(w http.ResponseWriter, location string, status int) {
	h := w.Header()
	h.Set("Location", location)
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
}
