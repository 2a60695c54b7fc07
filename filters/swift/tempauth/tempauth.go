// Package tempauth is Swift's tempauth: users in the paste file, tokens in the
// cache, and access by account, group and list.
package tempauth

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/authz"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/reseller"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Prefix     string      `paste:"reseller_prefix,global" help:"comma-separated beginnings of the account names it answers for; '' is every other one"`
	Group      string      `paste:"require_group,global" help:"group that the users of an account need in addition; PREFIX_require_group for one prefix"`
	AuthPrefix string      `paste:"auth_prefix,global" help:"path of the requests for tokens"`
	TokenLife  int64       `paste:"token_life,global" help:"seconds for which a token is good"`
	Overrides  bool        `paste:"allow_overrides,global" help:"let pass what a filter such as tempurl has authorized"`
	URLScheme  string      `paste:"storage_url_scheme,global" help:"http or https in X-Storage-Url; default is that of the request"`
	Enforce    bool        `paste:"enforce,global" help:"decide here; false leaves it to a later keystoneauth or to the app, by environ.Authorize"`
	Encoded    *paste.Conf `paste:"user64_*" help:"user64_ACCOUNT_USER = KEY GROUP ... URL, the names in base64 without padding"`
	Users      *paste.Conf `paste:"user_*" help:"user_ACCOUNT_USER = KEY GROUP ... URL; groups .admin, .reseller_admin and .reseller_reader are special"`
	Rest       *paste.Conf `paste:",rest" help:"PREFIX_require_group"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_tempauth", Options{Prefix: "AUTH", AuthPrefix: "/auth/", TokenLife: 86400,
		Overrides: true, URLScheme: "default", Enforce: true}, New,
		paste.LooseAlias("egg:swift#tempauth", "swift.common.middleware.tempauth:filter_factory"),
		paste.Help("Gives tokens to the users of the paste file and lets them, and whom the lists of containers and accounts name, pass."),
		paste.Example("[filter:tempauth]\nuse = egg:swift#tempauth\nuser_test_tester = testing .admin\ntoken_life = 3600"),
	)
}

type filter struct {
	prefixes reseller.Prefixes
	first    string // prefix of tokens
	required map[string]string
	path     string // of requests for tokens, with slashes
	life     time.Duration
	o        Options
	users    map[string]user
	log      *slog.Logger
	noCache  atomic.Bool // said already
	results  *prometheus.CounterVec
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{prefixes: reseller.Read(o.Prefix), o: o, life: time.Duration(o.TokenLife) * time.Second, log: b.Logger()}
	f.first = f.prefixes[0]
	if o.TokenLife <= 0 {
		return nil, paste.BadOption("token_life", "invalid time %d, want seconds", o.TokenLife)
	}
	f.path = "/" + strings.Trim(o.AuthPrefix, "/") + "/"
	if f.path == "//" {
		b.Warn("auth_prefix", `a path is required, "/auth/" is used`)
		f.path = "/auth/"
	}
	local := o.Rest.Clone()
	local.Set("require_group", paste.Value{Text: o.Group})
	f.required = f.prefixes.Option("require_group", local, b.GlobalConf())
	for _, key := range f.prefixes.Unknown(o.Rest, "require_group") {
		b.Warn(key, "unknown option; it is ignored")
	}
	var err error
	if f.users, err = readUsers(b.GlobalConf(), o.Users, o.Encoded, f.first); err != nil {
		return nil, err
	}
	f.results, err = series.CounterVec(b.Registerer(), "wheatpaste_swift_tempauth_results_total",
		"What became of requests: token_issued, token_denied, unauthorized, forbidden, error.", "result")
	return f.wrap, err
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		if done, _ := environ.AuthorizeOverride.Get(env); done && f.o.Overrides {
			next.ServeHTTP(w, r)
			return
		}
		if strings.HasPrefix(r.URL.Path, f.path) {
			f.serveToken(w, r)
			return
		}
		if answer := f.identify(next, r); answer != nil {
			answer.ServeHTTP(w, r)
			return
		}
		if !f.o.Enforce {
			next.ServeHTTP(w, r)
			return
		}
		authz.Serve(next, w, r, "TA")
	})
}

// identify finds out who asks and leaves in the Environ how that is to be
// authorized. A token of ours that is not good is refused at once.
func (f *filter) identify(next http.Handler, r *http.Request) http.Handler {
	env := pipeline.FromRequest(r)
	set := func(a environ.Authorizer, definitive bool) {
		if _, ok := environ.Authorize.Get(env); definitive || !ok {
			environ.Authorize.Set(env, a)
		}
	}
	decide := f.authorizer(next)
	token := firstOf(r, "X-Auth-Token", "X-Storage-Token")
	if token == "" || !strings.HasPrefix(token, f.first) {
		switch {
		case f.definitive(r.URL.Path):
			set(decide, true)
		case f.first == "":
			set(decide, false)
		default:
			set(f.denied, false)
		}
		return nil
	}
	groups, ok := f.tokenGroups(r, token)
	if !ok {
		return swob.Answer{Status: http.StatusInternalServerError}
	}
	if service := r.Header.Get("X-Service-Token"); service != "" && groups != "" {
		if more, _ := f.tokenGroups(r, service); more != "" {
			groups += "," + more
		}
	}
	if groups == "" {
		if f.first == "" {
			set(f.denied, false)
			return nil
		}
		return http.HandlerFunc(f.refuseToken)
	}
	f.accept(env, groups)
	set(decide, true)
	return nil
}

// accept notes who asks.
func (f *filter) accept(env *pipeline.Environ, groups string) {
	environ.RemoteUser.Set(env, groups)
	if strings.Contains(groups, ".reseller_admin") {
		environ.ResellerRequest.Set(env, true)
	}
	list := strings.SplitN(groups, ",", 3)
	name := list[min(1, len(list)-1)]
	env.SetIdentity(pipeline.Identity{UserID: name, UserName: name, ProjectID: list[0], ProjectName: list[0]})
}

func firstOf(r *http.Request, names ...string) string {
	for _, name := range names {
		if values, ok := r.Header[name]; ok {
			return strings.Join(values, ",")
		}
	}
	return ""
}

// definitive reports whether an account is one of ours.
func (f *filter) definitive(path string) bool {
	segs, ok := swob.Split(path, 1, 3, true)
	if !ok {
		return false
	}
	prefix, ok := f.prefixes.Of(segs[1])
	return ok && prefix != ""
}

// refuseToken answers to a token of ours that is not good.
func (f *filter) refuseToken(w http.ResponseWriter, r *http.Request) {
	f.results.WithLabelValues("unauthorized").Inc()
	segs, ok := swob.Split(r.URL.Path, 2, 3, true)
	realm := "unknown"
	if ok {
		realm = segs[1]
	}
	swob.Challenge(w.Header(), realm)
	swob.Answer{Status: http.StatusUnauthorized}.ServeHTTP(w, r)
}

// entry is what is stored for a token: when it ends, and the groups.
type entry struct {
	expires float64
	groups  string
}

// MarshalJSON writes the pair that Swift reads.
func (e entry) MarshalJSON() ([]byte, error) { return json.Marshal([]any{e.expires, e.groups}) }

// UnmarshalJSON reads Swift's pair.
func (e *entry) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&e.expires, &e.groups})
}

func (f *filter) tokenKey(token string) string { return f.first + "/token/" + token }

// cache finds the cache, without which there are no tokens.
func (f *filter) cache(r *http.Request) (*memcached.Client, bool) {
	c, ok := environ.Cache.Get(pipeline.FromRequest(r))
	if !ok && f.noCache.CompareAndSwap(false, true) {
		f.log.Error("there are no tokens without a cache, want egg:swift#memcache before tempauth")
	}
	return c, ok
}

// tokenGroups gives the groups of a token, "" when it is not good; false
// without a cache.
func (f *filter) tokenGroups(r *http.Request, token string) (string, bool) {
	c, ok := f.cache(r)
	if !ok {
		return "", false
	}
	return f.stored(r.Context(), c, token), true
}

// stored looks a token up.
func (f *filter) stored(ctx context.Context, c *memcached.Client, token string) string {
	var e entry
	found, err := c.GetJSON(ctx, f.tokenKey(token), &e)
	if err != nil || !found || e.expires < now() {
		return ""
	}
	return e.groups
}

func now() float64 { return float64(time.Now().UnixMicro()) / 1e6 }
