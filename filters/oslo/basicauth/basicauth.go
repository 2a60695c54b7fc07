// Package basicauth lets in who is in an htpasswd file, as oslo.middleware's
// BasicAuthMiddleware does.
package basicauth

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	File  string        `paste:"http_basic_auth_user_file,global" conf:"oslo_middleware.http_basic_auth_user_file" help:"htpasswd file with bcrypt passwords (htpasswd -B); read for each request"`
	Realm string        `paste:"realm" help:"sends WWW-Authenticate with this realm, so that browsers ask for a password; without, none is sent, as in the original"`
	Cache time.Duration `paste:"cache_time" help:"how long a password that was right is not computed again, which takes 50 ms and more; 0 computes always, as in the original"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#oslo_basic_auth", Options{File: "/etc/htpasswd", Cache: time.Minute}, New,
		paste.LooseAlias(
			"egg:oslo.middleware#basic_auth",
			"oslo_middleware:BasicAuthMiddleware.factory",
			"oslo_middleware.basic_auth:BasicAuthMiddleware.factory",
			"oslo.middleware:BasicAuthMiddleware.factory",
			"oslo.middleware.basic_auth:BasicAuthMiddleware.factory",
		),
		paste.Help("Answers 401 to requests without a user and password of an htpasswd file; the application finds the user in X-User and X-User-Name."),
		paste.Example("[filter:basic_auth]\nuse = egg:oslo.middleware#basic_auth\nhttp_basic_auth_user_file = /etc/ironic/htpasswd"),
	)
}

// The texts of the original.
const (
	unauthorized = "This server could not verify that you are authorized to access the document you requested. Either you supplied the wrong " +
		"credentials (e.g., bad password), or your browser does not understand how to supply the credentials required."
	badHeader = "Could not parse Authorization header"
	badToken  = "Could not decode authorization token"
)

type filter struct {
	file      string
	challenge string // the WWW-Authenticate header; "" for none
	known     *known
	log       *slog.Logger
	// slots bounds the computations at once, lest a flood of passwords takes all
	// cores from the requests that are let in.
	slots chan struct{}
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{file: o.File, log: b.Logger(), slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	if o.Realm != "" {
		f.challenge = "Basic realm=" + quoted(o.Realm)
	}
	if o.Cache > 0 {
		f.known = &known{life: o.Cache, now: time.Now}
		_, _ = rand.Read(f.known.key[:]) // never fails
	}
	b.OnStart(func(context.Context) error {
		if err := checkFile(o.File); err != nil {
			return b.Context().Errorf("http_basic_auth_user_file", "%v", err)
		}
		return nil
	})
	return f.wrap, nil
}

// quoted is a quoted-string (RFC 9110, 5.6.4).
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(text) + `"`
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, problem := f.authenticate(r)
		if problem != "" {
			f.refuse(w, problem)
			return
		}
		letIn(r, name)
		next.ServeHTTP(w, r)
	})
}

// letIn tells the application who asks, in place of what the client said. To
// WSGI X_User is the same header as X-User: an application that reads it so must
// not get the client's.
func letIn(r *http.Request, name string) {
	for key := range r.Header {
		if !strings.Contains(key, "_") {
			continue
		}
		switch strings.ToUpper(strings.ReplaceAll(key, "_", "-")) {
		case "X-USER", "X-USER-NAME", "AUTHORIZATION":
			delete(r.Header, key)
		}
	}
	delete(r.Header, "Authorization")
	r.Header.Set("X-User", name)
	r.Header.Set("X-User-Name", name)
	env := pipeline.FromRequest(r)
	id := env.Identity()
	id.UserName = name
	env.SetIdentity(id)
}

// authenticate gives the user's name, or why there is none.
func (f *filter) authenticate(r *http.Request) (name, problem string) {
	values, sent := r.Header["Authorization"]
	if !sent {
		f.log.Info("no authorization token received")
		return "", unauthorized
	}
	scheme, token, ok := splitHeader(strings.Join(values, ","))
	if !ok {
		return "", badHeader
	}
	if !strings.EqualFold(scheme, "basic") {
		return "", `Unsupported authorization type "` + scheme + `"`
	}
	name, password, ok := decode(token)
	if !ok {
		f.log.Info("could not decode the authorization token")
		return "", badToken
	}
	return name, f.check(r.Context(), name, password)
}

// splitHeader gives the two words of the header. Python sees it in Latin-1.
func splitHeader(value string) (scheme, token string, ok bool) {
	runes := make([]rune, len(value))
	for i := range len(value) {
		runes[i] = rune(value[i])
	}
	text := strings.TrimFunc(string(runes), unicode.IsSpace)
	at := strings.IndexFunc(text, unicode.IsSpace)
	if at < 0 {
		return "", "", false
	}
	return text[:at], strings.TrimLeftFunc(text[at:], unicode.IsSpace), true
}

// refuse answers 401 with the original's document.
func (f *filter) refuse(w http.ResponseWriter, problem string) {
	body := `{"error":{"message":` + asciiJSON(problem) + `,"code":401}}`
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if f.challenge != "" {
		h.Set("WWW-Authenticate", f.challenge)
	}
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(body)) // the client may have gone
}

// asciiJSON quotes as Python's json does.
func asciiJSON(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r <= 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
