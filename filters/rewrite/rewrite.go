// Package rewrite changes path and query of requests by regular expressions.
package rewrite

import (
	"net/http"
	"net/url"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/internal/rules"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Rules     *paste.Conf `paste:"rule *" help:"rule NAME = REGEXP -> /path[?query]: $1 is the first group, ${name} one with a name; the first rule that matches counts"`
	Chain     bool        `paste:"chain" help:"all rules are tried, one after the other, each once, with what the one before made"`
	KeepQuery bool        `paste:"keep_query" help:"the query of the request is kept behind that of the rule"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#rewrite", Options{KeepQuery: true}, New,
		paste.Help("Gives requests another path and query before they go on, by regular expressions."),
		paste.Example(`
[filter:rewrite]
use = egg:wheatpaste#rewrite
rule old = ^/api/v1/(.*)$ -> /v2/$1
rule search = ^/find/([^/]+)$ -> /search?q=$1
`))
}

type filter struct {
	Options
	rules []rules.Rule
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	list, err := rules.Parse(o.Rules, false)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		b.Warn("", "it has no rules, so that it does nothing")
	}
	f := &filter{o, list}
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		moved, safe := f.apply(r)
		if !safe {
			webob.Page{Status: http.StatusBadRequest, Explanation: "The path of the request leads nowhere."}.Write(w, r)
			return
		}
		next.ServeHTTP(w, moved)
	})
}

// apply gives the request with its new path; the same one if no rule matches.
func (f *filter) apply(r *http.Request) (moved *http.Request, safe bool) {
	path, query, changed := r.URL.Path, r.URL.RawQuery, false
	for i := range f.rules {
		target, matched, safe := f.rules[i].Apply(path)
		if !safe {
			return nil, false
		}
		if !matched {
			continue
		}
		path, changed = target.Path, true
		if target.HasQuery {
			query = join(target.Query, query, f.KeepQuery)
		}
		if !f.Chain {
			break
		}
	}
	if !changed {
		return r, true
	}
	return withURL(r, path, query), true
}

func join(query, old string, keep bool) string {
	switch {
	case !keep || old == "":
		return query
	case query == "":
		return old
	}
	return query + "&" + old
}

func withURL(r *http.Request, path, query string) *http.Request {
	r = pipeline.Rebase(r, pipeline.FromRequest(r).ScriptName(), path)
	u := new(url.URL)
	*u = *r.URL
	u.RawPath, u.RawQuery, u.ForceQuery = "", query, false
	r.URL = u
	return r
}
