// Package tempurl is Swift's tempurl: whoever has a signed URL may read or write
// one object, or those below one prefix, until the URL expires.
package tempurl

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // an operator's choice, for old clients
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/authz"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/info"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Methods    []string `paste:"methods,global" help:"methods that a URL can allow"`
	InRemove   []string `paste:"incoming_remove_headers,global" help:"headers that are taken out of the request; * at the end stands for anything"`
	InAllow    []string `paste:"incoming_allow_headers,global" help:"exceptions to these"`
	OutRemove  []string `paste:"outgoing_remove_headers,global" help:"headers that are taken out of the answer"`
	OutAllow   []string `paste:"outgoing_allow_headers,global" help:"exceptions to these"`
	Digests    []string `paste:"allowed_digests,global" help:"digests of signatures: sha1, sha256, sha512"`
	PathPrefix string   `paste:"path_prefix,global" help:"stands before the path that is signed, when a proxy in front takes it off"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_tempurl", Options{
		Methods: []string{"GET", "HEAD", "PUT", "POST", "DELETE"}, InRemove: []string{"x-timestamp"},
		OutRemove: []string{"x-object-meta-*"}, OutAllow: []string{"x-object-meta-public-*"}, Digests: []string{"sha1", "sha256", "sha512"},
	}, New,
		paste.LooseAlias("egg:swift#tempurl", "swift.common.middleware.tempurl:filter_factory"),
		paste.Help("Lets requests pass whose URL is signed with a key of the account or of the container."),
		paste.Example("[filter:tempurl]\nuse = egg:swift#tempurl\nmethods = GET HEAD\nallowed_digests = sha256 sha512"),
	)
}

// digests are those of Swift.
var digests = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

type filter struct {
	methods, digests []string
	in, out          names
	prefix           string
	now              func() time.Time
	log              *slog.Logger
	results          *prometheus.CounterVec
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{methods: o.Methods, in: names{o.InRemove, o.InAllow}, out: names{o.OutRemove, o.OutAllow}, now: time.Now, log: b.Logger()}
	if len(o.Digests) == 0 {
		o.Digests = []string{"sha1", "sha256", "sha512"}
	}
	for _, d := range o.Digests {
		d = strings.ToLower(d)
		if digests[d] == nil {
			b.Warn("allowed_digests", "unsupported digest "+strconv.Quote(d)+" is ignored, want sha1, sha256 or sha512")
		} else {
			f.digests = append(f.digests, d)
		}
	}
	if len(f.digests) == 0 {
		return nil, paste.BadOption("allowed_digests", "no valid digest algorithms, want sha1, sha256 or sha512")
	}
	if o.PathPrefix != "" {
		f.prefix = "/" + strings.Trim(o.PathPrefix, "/")
	}
	var err error
	f.results, err = series.CounterVec(b.Registerer(), "wheatpaste_swift_tempurl_results_total", "Requests with a signed URL: the digest of a good one, or invalid.", "result")
	return f.wrap, err
}

// claim is what a URL says about itself.
type claim struct {
	sig, prefix, filename, ipRange string
	expires                        int64 // 0 when it is past
	hasSig, hasExpires, hasPrefix  bool
	inline                         bool
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions || !strings.Contains(r.URL.RawQuery, "temp_url_") {
			next.ServeHTTP(w, r)
			return
		}
		c := f.read(r.URL.RawQuery)
		if !c.hasSig && !c.hasExpires {
			next.ServeHTTP(w, r)
			return
		}
		digest, authorize := f.verify(next, r, &c)
		if authorize == nil {
			f.invalid(w, r)
			return
		}
		f.results.WithLabelValues(digest).Inc()
		if answer := disallowed(r); answer != nil {
			answer.ServeHTTP(w, r)
			return
		}
		f.in.clean(r.Header)
		env := pipeline.FromRequest(r)
		environ.Authorize.Set(env, authorize)
		environ.AuthorizeOverride.Set(env, true)
		environ.RemoteUser.Set(env, ".wsgi.tempurl")
		f.serve(next, w, r, &c)
	})
}

// serve passes the request on, with no more of its query than what was signed.
func (f *filter) serve(next http.Handler, w http.ResponseWriter, r *http.Request, c *claim) {
	inner, u := *r, *r.URL
	u.RawQuery = "temp_url_sig=" + quotePlus(c.sig) + "&temp_url_expires=" + strconv.FormatInt(c.expires, 10)
	if c.hasPrefix {
		u.RawQuery += "&temp_url_prefix=" + quotePlus(c.prefix)
	}
	if c.filename != "" {
		u.RawQuery += "&filename=" + quotePlus(c.filename)
	}
	inner.URL = &u
	ww := webob.NewWriter(w, func(status int) bool {
		h := w.Header()
		f.out.clean(h)
		if (r.Method == http.MethodGet || r.Method == http.MethodHead) && status/100 == 2 {
			c.describe(h, r.URL.Path)
		}
		return false
	})
	authz.Serve(next, ww, &inner, "TU")
	ww.Finish()
}

func quotePlus(s string) string {
	return strings.ReplaceAll(swob.QuoteSafe(s, " "), " ", "+")
}

// describe adds what browsers are to do with the object.
func (c *claim) describe(h http.Header, path string) {
	kind, name := "attachment", c.filename
	if c.inline {
		kind = "inline"
	}
	disposition := strings.Join(h["Content-Disposition"], ",")
	switch {
	case name != "":
		disposition = named(kind, name)
	case c.inline:
		disposition = "inline"
	case disposition == "":
		path = strings.TrimRight(path, "/")
		disposition = named(kind, path[strings.LastIndexByte(path, '/')+1:])
	}
	h["Content-Disposition"] = []string{strings.ReplaceAll(disposition, "\n", "%0A")}
	h["Expires"] = []string{time.Unix(c.expires, 0).UTC().Format(http.TimeFormat)}
}

// named is a disposition with a file name in both forms of RFC 6266.
func named(kind, name string) string {
	return kind + `; filename="` + swob.QuoteSafe(name, " /") + `"; filename*=UTF-8''` + swob.Quote(name)
}

// verify gives the digest of a good signature, and what it authorizes; nil
// without one.
func (f *filter) verify(next http.Handler, r *http.Request, c *claim) (string, environ.Authorizer) {
	digest, sig, ok := f.signature(c.sig)
	if !ok || c.expires == 0 || !slices.Contains(f.methods, r.Method) {
		return "", nil
	}
	segs, ok := swob.Split(r.URL.Path, 4, 4, true)
	if !ok || segs[0] != "v1" || strings.Trim(segs[3], "/") == "" || !inRange(c.ipRange, pipeline.FromRequest(r).ClientAddr()) {
		return "", nil
	}
	c.sig = sig
	path := f.prefix + "/v1/" + segs[1] + "/" + segs[2] + "/" + segs[3]
	if c.hasPrefix {
		if !strings.HasPrefix(segs[3], c.prefix) {
			return "", nil
		}
		path = f.prefix + "prefix:/v1/" + segs[1] + "/" + segs[2] + "/" + c.prefix
	}
	methods := []string{r.Method}
	if r.Method == http.MethodHead { // whoever may do more may look
		methods = []string{"HEAD", "GET", "POST", "PUT"}
	}
	account, _ := info.Account(next, r, r.URL.Path, "TU")
	container, _ := info.Container(next, r, r.URL.Path, "TU")
	signed := func(meta map[string]string) bool {
		return slices.ContainsFunc(methods, func(m string) bool { return c.signedWith(meta, digest, m, path) })
	}
	switch {
	case signed(account.Meta):
		return digest, same(segs[1], "")
	case signed(container.Meta):
		return digest, same(segs[1], segs[2])
	}
	return "", nil
}

// signedWith compares the signature with those of the two keys.
func (c *claim) signedWith(meta map[string]string, digest, method, path string) bool {
	text := method + "\n" + strconv.FormatInt(c.expires, 10) + "\n" + path
	if c.ipRange != "" {
		text = "ip=" + c.ipRange + "\n" + text
	}
	good := false
	for _, name := range []string{"temp-url-key", "temp-url-key-2"} {
		key, ok := meta[name]
		if !ok || key == "" { // an empty key is none; anybody could sign with it
			continue
		}
		mac := hmac.New(digests[digest], []byte(key))
		mac.Write([]byte(text))
		want := hex.EncodeToString(mac.Sum(nil))
		good = subtle.ConstantTimeCompare([]byte(want), []byte(c.sig)) == 1 || good
	}
	return good
}

// signature reads HEX, or DIGEST:BASE64, and gives it in hex.
func (f *filter) signature(text string) (digest, sig string, ok bool) {
	digest, value, coded := strings.Cut(text, ":")
	if !coded {
		if _, err := hex.DecodeString(text); err != nil {
			return "", "", false
		}
		digest = map[int]string{40: "sha1", 64: "sha256", 128: "sha512"}[len(text)]
		return digest, text, slices.Contains(f.digests, digest)
	}
	if !strings.ContainsAny(value, "+/") {
		value = strings.NewReplacer("-", "+", "_", "/").Replace(value)
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	return digest, hex.EncodeToString(raw), err == nil && slices.Contains(f.digests, digest)
}

// inRange reports whether an address is in the range that was signed.
func inRange(text, client string) bool {
	if text == "" {
		return true
	}
	addr, err := netip.ParseAddr(client)
	if err != nil {
		return false
	}
	if one, err := netip.ParseAddr(text); err == nil {
		return one == addr
	}
	network, err := netip.ParsePrefix(text)
	return err == nil && network == network.Masked() && network.Contains(addr)
}

// same lets requests of one account, or container, pass.
func same(account, container string) environ.Authorizer {
	return func(r *http.Request, _ environ.Access) http.Handler {
		segs, ok := swob.Split(swob.FullPath(r), 2, 4, true)
		if !ok || segs[1] != account || container != "" && segs[2] != container {
			return swob.Answer{Status: http.StatusUnauthorized, Realm: swob.RequestRealm(r)}
		}
		return nil
	}
}

func (f *filter) invalid(w http.ResponseWriter, r *http.Request) {
	f.results.WithLabelValues("invalid").Inc()
	if f.log.Enabled(context.Background(), slog.LevelDebug) {
		f.log.Debug("Temp URL invalid", "path", r.URL.Path)
	}
	pipeline.Answered(r)
	body := "401 Unauthorized: Temp URL invalid\n"
	if r.Method == http.MethodHead {
		body = ""
	}
	swob.Answer{Status: http.StatusUnauthorized, Body: body}.ServeHTTP(w, r)
}
