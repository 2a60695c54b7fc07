// Package info asks the app what it knows about an account or a container, as
// Swift's get_account_info and get_container_info do: by a HEAD of its own, and
// cached in the request and in memcached, under the keys and in the form of
// Swift.
package info

import (
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Info is what an account or a container says about itself.
type Info struct {
	Status      int
	Meta        map[string]string
	Sysmeta     map[string]string
	Exists      bool   // false for accounts that are only made up by autocreate
	ObjectCount int64  // of a container
	ReadACL     string // of a container, as all that follows
	WriteACL    string
	SyncKey     string
}

// Success reports whether there is one.
func (i Info) Success() bool { return i.Status/100 == 2 }

// recheck is how long an answer is good when it does not say so itself.
const recheck = 60 * time.Second

// cache is swift.infocache: a request and those made for it share it.
type cache struct {
	mu      sync.Mutex
	entries map[string]Info
}

var cacheKey = pipeline.NewKey[*cache]("swift.infocache")

// Account asks about the account of a path /VERSION/ACCOUNT/... The second
// result is false when the path has none.
func Account(next http.Handler, r *http.Request, path, source string) (Info, bool) {
	segs, ok := swob.Split(path, 2, 3, true)
	if !ok {
		return Info{}, false
	}
	if !swob.ValidVersion(segs[0]) {
		return Info{}, true
	}
	return look(next, r, "/"+segs[0]+"/"+segs[1], "account/"+segs[1], "account", source), true
}

// Container asks about the container of a path /VERSION/ACCOUNT/CONTAINER/...;
// one in an account that does not exist is not asked about.
func Container(next http.Handler, r *http.Request, path, source string) (Info, bool) {
	segs, ok := swob.Split(path, 3, 4, true)
	if !ok {
		return Info{}, false
	}
	if !swob.ValidVersion(segs[0]) {
		return Info{}, true
	}
	key := "container/" + segs[1] + "/" + segs[2]
	if found, ok := cached(r, key); ok {
		return found, true
	}
	if !strings.HasPrefix(segs[1], ".") { // those are made when they are needed
		if account, _ := Account(next, r, path, source); !account.Success() {
			return Info{}, true
		}
	}
	return look(next, r, "/"+segs[0]+"/"+segs[1]+"/"+segs[2], key, "container", source), true
}

func look(next http.Handler, r *http.Request, path, key, kind, source string) Info {
	if found, ok := cached(r, key); ok {
		return found
	}
	status, h := ask(next, r, path, source)
	if found, ok := requestCache(r).get(key); ok { // the app has told us
		return found
	}
	ttl := recheck
	if n, err := strconv.Atoi(h.Get("X-Backend-Recheck-" + textproto.CanonicalMIMEHeaderKey(kind) + "-Existence")); err == nil {
		ttl = time.Duration(n) * time.Second
	}
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		ttl /= 10
	case status/100 != 2: // nothing that is worth to be remembered
		return Info{Status: http.StatusServiceUnavailable}
	}
	rec := newRecord(kind, status, h)
	if c, ok := environ.Cache.Get(pipeline.FromRequest(r)); ok && ttl >= time.Second {
		c.SetJSON(r.Context(), key, rec, ttl) //nolint:errcheck // a cache that fails is slow, no more; it has been logged
	}
	found := rec.info()
	requestCache(r).set(key, found)
	return found
}

// cached looks into the cache of the request and then into memcached.
func cached(r *http.Request, key string) (Info, bool) {
	own := requestCache(r)
	if found, ok := own.get(key); ok {
		return found, true
	}
	c, ok := environ.Cache.Get(pipeline.FromRequest(r))
	if !ok {
		return Info{}, false
	}
	var rec record
	if ok, err := c.GetJSON(r.Context(), key, &rec); err != nil || !ok || rec.Status == 0 {
		return Info{}, false
	}
	found := rec.info()
	own.set(key, found)
	return found, true
}

func requestCache(r *http.Request) *cache {
	env := pipeline.FromRequest(r)
	if c, ok := cacheKey.Get(env); ok {
		return c
	}
	c := &cache{entries: map[string]Info{}}
	cacheKey.Set(env, c)
	return c
}

func (c *cache) get(key string) (Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.entries[key]
	return found, ok
}

func (c *cache) set(key string, found Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = found
}

// ask makes a HEAD request of its own, which no filter behind stops.
func ask(next http.Handler, r *http.Request, path, source string) (int, http.Header) {
	env := pipeline.FromRequest(r)
	var parent context.Context = env
	if env.Context != nil { // an Environ of its own: this is another request
		parent = env.Context
	}
	sub := (&http.Request{
		Method: http.MethodHead, URL: &url.URL{Path: path}, RequestURI: swob.Quote(path),
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: http.Header{"User-Agent": {"Swift"}, "X-Backend-Allow-Reserved-Names": {"true"}},
		Body:   http.NoBody, Host: r.Host, RemoteAddr: r.RemoteAddr, TLS: r.TLS,
	}).WithContext(parent)
	for _, name := range []string{"X-User-Id", "X-Project-Id", "Referer"} {
		if v, ok := r.Header[name]; ok {
			sub.Header[name] = v
		}
	}
	w := &head{header: http.Header{}}
	subEnv, rec, sub := pipeline.Begin(w, sub)
	inherit(env, subEnv)
	environ.Source.Set(subEnv, source)
	environ.AuthorizeOverride.Set(subEnv, true)
	environ.Owner.Set(subEnv, true)
	environ.RemoteUser.Set(subEnv, ".wsgi.pre_authed")
	environ.Authorize.Set(subEnv, func(*http.Request, environ.Access) http.Handler { return nil })
	cacheKey.Set(subEnv, requestCache(r))
	next.ServeHTTP(rec, sub)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.status, w.header
}

// inherit passes on what a request of our own has in common with the one it is
// made for.
func inherit(from, to *pipeline.Environ) {
	to.SetScheme(from.Scheme())
	to.SetServerPort(from.ServerPort())
	to.SetRequestID(from.RequestID())
	to.SetGlobalRequestID(from.GlobalRequestID())
	if c, ok := environ.Cache.Get(from); ok {
		environ.Cache.Set(to, c)
	}
	if id, ok := environ.TransID.Get(from); ok {
		environ.TransID.Set(to, id)
	}
}

// head takes status and headers of an answer and drops its body.
type head struct {
	header http.Header
	status int
}

// Header is of http.ResponseWriter.
func (w *head) Header() http.Header { return w.header }

// WriteHeader keeps the first final status.
func (w *head) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

func (w *head) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}
