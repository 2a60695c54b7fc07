// Package authtkt is Paste's auth_tkt: it knows a user by a signed cookie, as
// Apache's mod_auth_tkt makes it.
package authtkt

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the hash of mod_auth_tkt
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Secret    string        `paste:"secret,required,global,secret" help:"what tickets are signed with, the same for all servers"`
	Cookie    string        `paste:"cookie_name" help:"the cookie with the ticket"`
	Secure    bool          `paste:"secure" help:"the cookies that are set are for https alone"`
	IncludeIP bool          `paste:"include_ip" help:"a ticket is good for the address alone that it was given to"`
	Logout    string        `paste:"logout_path" help:"the path at which the cookie is taken away"`
	Digest    string        `paste:"digest_algo" help:"md5, sha256 or sha512"`
	Timeout   time.Duration `paste:"timeout" help:"how long a ticket is good; 0 for ever, as in the original"`
}

func init() {
	paste.RegisterFilter("egg:Paste#auth_tkt", Options{Cookie: "auth_tkt", IncludeIP: true, Digest: "md5"}, New,
		paste.Alias("egg:wheatpaste#auth_tkt", "paste.auth.auth_tkt:make_auth_tkt_middleware"),
		paste.Help("Knows the user of a request by a signed cookie of mod_auth_tkt; without a good one the request goes on without a user."),
		paste.Example("[filter:ticket]\nuse = egg:Paste#auth_tkt\nsecret = CHANGE_ME\ndigest_algo = sha256"))
}

// Ticket is what a cookie says.
type Ticket struct {
	User, Data string
	Tokens     []string
	Time       time.Time
}

// Current is the ticket of a request. The filter sets it.
var Current = pipeline.NewKey[Ticket]("auth_tkt")

type filter struct {
	Options
	hash func() hash.Hash
	now  func() time.Time
}

var hashes = map[string]func() hash.Hash{"md5": md5.New, "sha256": sha256.New, "sha512": sha512.New}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{Options: o, hash: hashes[o.Digest], now: time.Now}
	switch {
	case o.Secret == "":
		return nil, paste.BadOption("secret", "empty, want a long random text")
	case f.hash == nil:
		return nil, paste.BadOption("digest_algo", "invalid algorithm %q, want md5, sha256 or sha512", o.Digest)
	case o.Timeout < 0:
		return nil, paste.BadOption("timeout", "invalid time %s, want 0 or more", o.Timeout)
	case (&http.Cookie{Name: o.Cookie, Value: "x"}).Valid() != nil: //nolint:gosec // it is never sent
		return nil, paste.BadOption("cookie_name", "invalid name %q, want letters and digits", o.Cookie)
	}
	if o.Digest == "md5" {
		b.Warn("digest_algo", "md5 is weak, take sha256 where mod_auth_tkt can be told so too")
	}
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		if c, err := r.Cookie(f.Cookie); err == nil && c.Value != "" {
			if t, ok := f.parse(c.Value, env.ClientAddr()); ok {
				id := env.Identity()
				id.UserName = t.User
				id.Roles = append(append([]string(nil), id.Roles...), t.Tokens...)
				env.SetIdentity(id)
				Current.Set(env, t)
			}
		}
		if f.Logout == "" || r.URL.Path != f.Logout {
			next.ServeHTTP(w, r)
			return
		}
		ww := webob.NewWriter(w, func(int) bool {
			f.logout(w.Header(), r)
			return false
		})
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

func (f *filter) logout(h http.Header, r *http.Request) {
	host := r.Host
	if name, _, ok := strings.Cut(host, ":"); ok {
		host = name
	}
	for _, domain := range []string{"", "; Domain=" + host, "; Domain=." + host} {
		h.Add("Set-Cookie", f.Cookie+`=""; Expires="Sat, 01-Jan-2000 12:00:00 GMT"; Path=/`+domain)
	}
}

// parse checks a ticket: DIGEST TIME USER!TOKENS!DATA, the time as eight
// hexadecimal digits.
func (f *filter) parse(text, addr string) (Ticket, bool) {
	var t Ticket
	size := f.hash().Size() * 2
	text = strings.Trim(text, `"`)
	if len(text) < size+8 {
		return t, false
	}
	seconds, err := strconv.ParseUint(text[size:size+8], 16, 32)
	if err != nil {
		return t, false
	}
	user, rest, ok := strings.Cut(text[size+8:], "!")
	if !ok {
		return t, false
	}
	if t.User, err = url.PathUnescape(user); err != nil {
		return t, false
	}
	tokens, data, ok := strings.Cut(rest, "!")
	if !ok {
		tokens, data = "", rest
	}
	want, err := f.digest(addr, uint32(seconds), t.User, tokens, data)
	if err != nil || !hmac.Equal([]byte(want), []byte(text[:size])) {
		return t, false
	}
	t.Time, t.Data = time.Unix(int64(seconds), 0), data
	if tokens != "" {
		t.Tokens = strings.Split(tokens, ",")
	}
	return t, f.Timeout == 0 || f.now().Sub(t.Time) <= f.Timeout
}

func (f *filter) digest(addr string, seconds uint32, user, tokens, data string) (string, error) {
	head := make([]byte, 0, 8)
	if f.IncludeIP {
		ip, err := netip.ParseAddr(addr)
		if err != nil || !ip.Unmap().Is4() { // the format has room for no more
			return "", fmt.Errorf("no IPv4 address: %q", addr)
		}
		head = append(head, ip.Unmap().AsSlice()...)
	} else {
		head = append(head, 0, 0, 0, 0)
	}
	head = append(head, byte(seconds>>24), byte(seconds>>16), byte(seconds>>8), byte(seconds))
	inner := f.hash()
	inner.Write(head)
	inner.Write([]byte(f.Secret + user + "\x00" + tokens + "\x00" + data))
	outer := f.hash()
	outer.Write([]byte(hex.EncodeToString(inner.Sum(nil)) + f.Secret))
	return hex.EncodeToString(outer.Sum(nil)), nil
}
