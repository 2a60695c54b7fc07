// Package authz decides about requests before they reach the app. In Swift it
// is the proxy app that calls swift.authorize; an app behind wheatpaste, a
// proxied Swift above all, does not know of it.
package authz

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/swift/acl"
	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/info"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Serve lets a request pass to next if its Authorizer does. source is who asks,
// for logs.
func Serve(next http.Handler, w http.ResponseWriter, r *http.Request, source string) {
	decide, ok := environ.Authorize.Get(pipeline.FromRequest(r))
	if !ok || open(r) {
		next.ServeHTTP(w, r)
		return
	}
	verdict := decideAll(next, r, decide, source)
	if verdict == nil {
		verdict = cleanACLs(r)
	}
	if verdict == nil {
		next.ServeHTTP(w, r)
		return
	}
	pipeline.Answered(r)
	verdict.ServeHTTP(w, r)
}

// decideAll decides about the request and about what it implies. Whether it is
// the owner's is decided by its own path.
func decideAll(next http.Handler, r *http.Request, decide environ.Authorizer, source string) http.Handler {
	verdict := check(next, r, decide, source)
	if verdict != nil && !copies(r) {
		return verdict
	}
	env := pipeline.FromRequest(r)
	owner, _ := environ.Owner.Get(env)
	verdict = also(next, r, decide, source)
	environ.Owner.Set(env, owner)
	return verdict
}

// copies reports whether a request is a GET and a PUT, which are decided about
// one by one.
func copies(r *http.Request) bool {
	_, to := r.Header["Destination"]
	_, ok := swob.Split(swob.FullPath(r), 4, 4, true)
	return r.Method == "COPY" && to && ok
}

// open reports whether a request needs no authorization: /info tells everybody
// what the cluster can do.
func open(r *http.Request) bool {
	return swob.FullPath(r) == "/info" && (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions)
}

// check asks twice, as Swift does: at first without the list of the container,
// and if that is not enough with it.
func check(next http.Handler, r *http.Request, decide environ.Authorizer, source string) http.Handler {
	verdict := decide(r, environ.Access{})
	if verdict == nil || !delayed(r) {
		return verdict
	}
	container, ok := info.Container(next, r, swob.FullPath(r), source)
	if !ok {
		return verdict
	}
	a := environ.Access{ACL: container.ReadACL, SyncKey: container.SyncKey}
	switch r.Method {
	case http.MethodPut, http.MethodPost, http.MethodDelete, "COPY":
		a.ACL = container.WriteACL
	}
	return decide(r, a)
}

// delayed reports whether the list of the container has a say: for all objects,
// and for the listing of the container.
func delayed(r *http.Request) bool {
	segs, ok := swob.Split(swob.FullPath(r), 3, 4, true)
	if !ok {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return true
	case http.MethodPut, http.MethodPost, http.MethodDelete:
		return segs[3] != ""
	}
	return false
}

// also checks what else a request reads or writes than what its path names.
// Swift asks for these again while it serves; here they are asked for before.
func also(next http.Handler, r *http.Request, decide environ.Authorizer, source string) http.Handler {
	for _, t := range targets(r) {
		method, path := t[0], t[1]
		other := r.Clone(r.Context())
		other.Method, other.URL = method, &url.URL{Path: path}
		if env := pipeline.FromRequest(r); env.ScriptName() != "" {
			other.URL.Path = strings.TrimPrefix(path, env.ScriptName())
		}
		if verdict := check(next, other, decide, source); verdict != nil {
			return verdict
		}
	}
	if many(r) {
		if owner, _ := environ.Owner.Get(pipeline.FromRequest(r)); !owner {
			return swob.Answer{Status: http.StatusForbidden}
		}
	}
	return nil
}

// many reports whether a request names further objects in its body, which only
// the owner of the account may do here.
func many(r *http.Request) bool {
	if r.URL.RawQuery == "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	q := r.URL.Query()
	return q.Has("bulk-delete") || q.Has("extract-archive") || q.Has("multipart-manifest")
}

// targets are the methods and paths that a request implies: of copies, of links
// and of large objects.
func targets(r *http.Request) [][2]string {
	segs, ok := swob.Split(swob.FullPath(r), 4, 4, true)
	if !ok {
		return nil
	}
	var list [][2]string
	add := func(method, account, path string) {
		if path == "" {
			return
		}
		if account == "" {
			account = segs[1]
		}
		if plain, err := url.PathUnescape(path); err == nil {
			path = plain
		}
		if plain, err := url.PathUnescape(account); err == nil {
			account = plain
		}
		list = append(list, [2]string{method, "/" + segs[0] + "/" + account + "/" + strings.TrimLeft(path, "/")})
	}
	h := r.Header
	switch r.Method {
	case "COPY":
		if !copies(r) {
			return nil
		}
		add(http.MethodGet, "", segs[2]+"/"+segs[3])
		add(http.MethodPut, h.Get("Destination-Account"), h.Get("Destination"))
	case http.MethodPut, http.MethodPost:
		add(http.MethodGet, h.Get("X-Copy-From-Account"), h.Get("X-Copy-From"))
		add(http.MethodGet, h.Get("X-Symlink-Target-Account"), h.Get("X-Symlink-Target"))
		add(http.MethodGet, "", h.Get("X-Object-Manifest"))
	}
	return list
}

// cleanACLs brings the lists of a container that is written into the form that
// is stored, as the app of Swift does by swift.clean_acl.
func cleanACLs(r *http.Request) http.Handler {
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		return nil
	}
	segs, ok := swob.Split(swob.FullPath(r), 3, 4, true)
	if !ok || segs[3] != "" {
		return nil
	}
	for _, name := range []string{"X-Container-Read", "X-Container-Write"} {
		text, ok := r.Header[name]
		if !ok {
			continue
		}
		clean, err := acl.Clean(name, strings.Join(text, ","))
		if err != nil {
			return swob.Answer{Status: http.StatusBadRequest, Body: err.Error()}
		}
		r.Header[name] = []string{clean}
	}
	return nil
}
