// Package authdigest is Paste's Digest authentication (RFC 2617), against a
// file of htdigest.
package authdigest

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the hash of RFC 2617
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/paste/authfile"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Realm    string        `paste:"realm,required" help:"what clients show to their users; it is part of the hashes in the file"`
	AuthFunc string        `paste:"authfunc,required" help:"the path of a file of htdigest, in place of a function of Python"`
	Lifetime time.Duration `paste:"nonce_lifetime" help:"how long a client may use what it was given; then it gets a new one without asking its user"`
}

func init() {
	paste.RegisterFilter("egg:Paste#auth_digest", Options{Lifetime: 5 * time.Minute}, New,
		paste.Alias("egg:wheatpaste#auth_digest", "paste.auth.digest:make_digest"),
		paste.Help("Wants a user of a file of htdigest, by Digest authentication; a request that has a user already passes."),
		paste.Example("[filter:grant]\nuse = egg:Paste#auth_digest\nrealm = myrealm\nauthfunc = /etc/wheatpaste/htdigest"))
}

type filter struct {
	realm    string
	lifetime time.Duration
	users    *authfile.Digests
	now      func() time.Time

	mu   sync.Mutex
	used map[string]uint64 // the last count of each nonce
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	path, err := authfile.Path(o.AuthFunc)
	if err != nil {
		return nil, paste.BadOption("authfunc", "%w", err)
	}
	if strings.ContainsAny(o.Realm, "\"\\\r\n") {
		return nil, paste.BadOption("realm", "invalid realm %q, want no quotes and no backslashes", o.Realm)
	}
	if o.Lifetime <= 0 {
		return nil, paste.BadOption("nonce_lifetime", "invalid time %s, want more than 0", o.Lifetime)
	}
	f := &filter{realm: o.Realm, lifetime: o.Lifetime, now: time.Now, used: map[string]uint64{}}
	b.OnStart(func(context.Context) error {
		if f.users, err = authfile.ReadDigests(path); err != nil {
			return paste.BadOption("authfunc", "%w", err)
		}
		return nil
	})
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		id := env.Identity()
		if id.UserName == "" {
			user, stale := f.check(r, env)
			if user == "" {
				f.refuse(w, r, stale)
				return
			}
			id.UserName = user
			env.SetIdentity(id)
		}
		next.ServeHTTP(w, r)
	})
}

func (f *filter) refuse(w http.ResponseWriter, r *http.Request, stale bool) {
	challenge := `Digest realm="` + f.realm + `", qop="auth", nonce="` + f.nonce() + `", opaque="` + hash(f.realm) + `"`
	if stale {
		challenge += `, stale="true"`
	}
	authfile.Refuse(w, r, challenge)
}

// nonce is a time, something random and a signature with a secret that all
// workers share, as a client may reach another one with its next request.
func (f *filter) nonce() string {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	text := strconv.FormatInt(f.now().Unix(), 16) + "-" + hex.EncodeToString(salt[:])
	return text + "-" + f.sign(text)
}

func (f *filter) sign(text string) string {
	mac := hmac.New(sha256.New, f.users.Sum[:])
	mac.Write([]byte("nonce\x00" + f.realm + "\x00" + text))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// fresh reports whether a nonce is ours, and whether it may still be used.
func (f *filter) fresh(nonce string) (ours, young bool) {
	cut := strings.LastIndexByte(nonce, '-')
	if cut < 0 || !hmac.Equal([]byte(nonce[cut+1:]), []byte(f.sign(nonce[:cut]))) {
		return false, false
	}
	made, _, _ := strings.Cut(nonce, "-")
	seconds, err := strconv.ParseInt(made, 16, 64)
	if err != nil {
		return false, false
	}
	return true, f.now().Sub(time.Unix(seconds, 0)) < f.lifetime
}

// check gives the user who has proven to know the password; stale says that
// only the nonce is at fault.
func (f *filter) check(r *http.Request, env *pipeline.Environ) (user string, stale bool) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "digest") {
		return "", false
	}
	p := fields(rest)
	if p["realm"] != f.realm || !samePath(p["uri"], r, env) || p["qop"] != "auth" && p["qop"] != "" {
		return "", false
	}
	ha1, known := f.users.Get(p["username"], f.realm)
	if !known {
		return "", false
	}
	proof := ha1 + ":" + p["nonce"] + ":"
	if p["qop"] != "" {
		proof += p["nc"] + ":" + p["cnonce"] + ":" + p["qop"] + ":"
	}
	proof += hash(r.Method + ":" + p["uri"])
	if subtle.ConstantTimeCompare([]byte(hash(proof)), []byte(strings.ToLower(p["response"]))) != 1 {
		return "", false
	}
	ours, young := f.fresh(p["nonce"])
	if !ours || !young || !f.use(p["nonce"], p["nc"]) {
		return "", true
	}
	return p["username"], false
}

func hash(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // the hash of RFC 2617
	return hex.EncodeToString(sum[:])
}

// samePath reports whether a client's proof is for the path that it asks for.
func samePath(uri string, r *http.Request, env *pipeline.Environ) bool {
	path, _, _ := strings.Cut(uri, "?")
	asked, _, _ := strings.Cut(r.RequestURI, "?")
	if asked == "" {
		asked = env.ScriptName() + r.URL.Path
	}
	return path == asked
}

// mostNonces bounds the memory; the oldest knowledge is what replays could use.
const mostNonces = 100000

// use counts a nonce up; the same count twice is a replay. Old clients do not
// count, and may use a nonce once.
func (f *filter) use(nonce, count string) bool {
	n := uint64(1)
	if count != "" {
		var err error
		if n, err = strconv.ParseUint(count, 16, 64); err != nil {
			return false
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	last, seen := f.used[nonce]
	if seen && n <= last {
		return false
	}
	if !seen && len(f.used) >= mostNonces {
		f.forget()
	}
	f.used[nonce] = n
	return true
}

// forget drops the nonces that are too old to be used; if there are none, a
// client in too many gets a new one by chance.
func (f *filter) forget() {
	for nonce := range f.used {
		if _, young := f.fresh(nonce); !young {
			delete(f.used, nonce)
		}
	}
	if len(f.used) >= mostNonces {
		clear(f.used)
	}
}

// fields reads name=value and name="value" between commas.
func fields(text string) map[string]string {
	p := map[string]string{}
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		if !ok {
			return p
		}
		name = strings.ToLower(strings.Trim(name, " \t,"))
		var value string
		if strings.HasPrefix(rest, `"`) {
			value, text = quoted(rest[1:])
		} else {
			value, text, _ = strings.Cut(rest, ",")
			value = strings.TrimSpace(value)
		}
		if _, twice := p[name]; twice {
			return map[string]string{}
		}
		p[name] = value
	}
	return p
}

// quoted reads to the closing quote.
func quoted(text string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), strings.TrimLeft(text[i+1:], " \t,")
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}
