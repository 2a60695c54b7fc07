package tempauth

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
)

// serveToken answers a request for a token.
func (f *filter) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		swob.Answer{Status: http.StatusMethodNotAllowed}.ServeHTTP(w, r)
		return
	}
	// Swift takes one segment off, however many the prefix has.
	path := r.URL.Path[1:]
	path = path[strings.IndexByte(path, '/'):]
	segs, ok := swob.Split(path, 1, 3, true)
	if !ok {
		f.results.WithLabelValues("error").Inc()
		swob.Answer{Status: http.StatusNotFound}.ServeHTTP(w, r)
		return
	}
	switch version := segs[0]; {
	case version == "v1" && segs[2] == "auth":
		account, name, ok := v1User(r, segs[1])
		if !ok {
			f.deny(w, r, account)
			return
		}
		f.login(w, r, account, name, firstSet(r, "X-Storage-Pass", "X-Auth-Key"))
	case version == "auth" || version == "v1.0":
		account, name, ok := strings.Cut(firstSet(r, "X-Auth-User", "X-Storage-User"), ":")
		if !ok {
			f.deny(w, r, "")
			return
		}
		f.login(w, r, account, name, firstSet(r, "X-Auth-Key", "X-Storage-Pass"))
	default:
		f.results.WithLabelValues("error").Inc()
		swob.Answer{Status: http.StatusBadRequest}.ServeHTTP(w, r)
	}
}

// v1User reads who asks at /v1/ACCOUNT/auth.
func v1User(r *http.Request, account string) (string, string, bool) {
	if name := r.Header.Get("X-Storage-User"); name != "" {
		return account, name, true
	}
	other, name, ok := strings.Cut(r.Header.Get("X-Auth-User"), ":")
	return account, name, ok && other == account
}

func firstSet(r *http.Request, names ...string) string {
	for _, name := range names {
		if v := r.Header.Get(name); v != "" {
			return v
		}
	}
	return ""
}

func (f *filter) deny(w http.ResponseWriter, r *http.Request, realm string) {
	f.results.WithLabelValues("token_denied").Inc()
	swob.Challenge(w.Header(), realm)
	swob.Answer{Status: http.StatusUnauthorized}.ServeHTTP(w, r)
}

// login checks the key and answers with the token that is good, or a new one.
func (f *filter) login(w http.ResponseWriter, r *http.Request, account, name, key string) {
	full := account + ":" + name
	u, known := f.users[full]
	if account == "" || name == "" || key == "" || !known {
		f.deny(w, r, account)
		return
	}
	if subtle.ConstantTimeCompare([]byte(u.key), []byte(key)) != 1 {
		f.deny(w, r, "")
		return
	}
	c, ok := f.cache(r)
	if !ok { // as Swift, whose exception ends here
		f.results.WithLabelValues("error").Inc()
		swob.Answer{Status: http.StatusInternalServerError, Body: "Internal server error.\n", Type: "text/plain"}.ServeHTTP(w, r)
		return
	}
	groups := f.groups(account, full, u)
	token, expires, ok := f.current(r.Context(), c, full, groups)
	if !ok {
		var err error
		if token, expires, err = f.issue(r.Context(), c, full, groups); err != nil {
			f.results.WithLabelValues("error").Inc()
			swob.Answer{Status: http.StatusServiceUnavailable}.ServeHTTP(w, r)
			return
		}
	}
	f.results.WithLabelValues("token_issued").Inc()
	h := w.Header()
	h.Set("X-Auth-Token", token)
	h.Set("X-Storage-Token", token)
	h.Set("X-Auth-Token-Expires", strconv.FormatInt(int64(expires-now()), 10))
	h.Set("X-Storage-Url", f.storageURL(r, u))
	swob.Answer{Status: http.StatusOK}.ServeHTTP(w, r)
}

func (f *filter) storageURL(r *http.Request, u user) string {
	url := strings.ReplaceAll(u.url, "$HOST", swob.HostURL(r))
	if f.o.URLScheme != "default" {
		if _, rest, ok := strings.Cut(url, ":"); ok {
			return f.o.URLScheme + ":" + rest
		}
	}
	return url
}

// current gives the token that a user has, if its groups are still the same.
func (f *filter) current(ctx context.Context, c *memcached.Client, name, groups string) (string, float64, bool) {
	var token string
	if ok, err := c.GetJSON(ctx, f.first+"/user/"+name, &token); err != nil || !ok || token == "" {
		return "", 0, false
	}
	var e entry
	if ok, err := c.GetJSON(ctx, f.tokenKey(token), &e); err != nil || !ok || e.expires <= now() || !sameSet(e.groups, groups) {
		return "", 0, false
	}
	return token, e.expires, true
}

func sameSet(a, b string) bool {
	set := func(s string) []string {
		list := strings.Split(s, ",")
		slices.Sort(list)
		return slices.Compact(list)
	}
	return slices.Equal(set(a), set(b))
}

// issue makes a token and stores it under itself and under its user.
func (f *filter) issue(ctx context.Context, c *memcached.Client, name, groups string) (string, float64, error) {
	id := uuid.New()
	token := f.first + "tk" + hex.EncodeToString(id[:])
	e := entry{float64(time.Now().Add(f.life).UnixMicro()) / 1e6, groups}
	if err := c.SetJSON(ctx, f.tokenKey(token), e, f.life); err != nil {
		return "", 0, err
	}
	return token, e.expires, c.SetJSON(ctx, f.first+"/user/"+name, token, f.life)
}
