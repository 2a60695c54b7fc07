// Package osprofiler takes part in the traces of osprofiler: it checks the
// signature of the trace headers and hands the trace to the application.
package osprofiler

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the signature that osprofiler defines
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// The headers of a trace, as net/http writes them.
const (
	InfoHeader = "X-Trace-Info"
	HMACHeader = "X-Trace-Hmac"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Keys    paste.CommaList `paste:"hmac_keys,secret" conf:"profiler.hmac_keys" help:"the keys one of which must have signed a trace"`
	Enabled bool            `paste:"enabled" conf:"profiler.enabled,profiler.profiler_enabled" help:"take part in traces"`
}

func init() {
	paste.RegisterFilter("egg:osprofiler#osprofiler", Options{}, New,
		paste.Alias("egg:wheatpaste#osprofiler"),
		paste.LooseAlias("osprofiler.web:WsgiMiddleware.factory", "nova.profiler:WsgiMiddleware.factory",
			"aodh.profiler:WsgiMiddleware.factory", "designate.common.profiler:WsgiMiddleware.factory",
			"magnum.common.profiler:WsgiMiddleware.factory"),
		paste.Help("Takes part in a trace that is signed with one of its keys: logs begin and end of the request and lets the application pass the trace on."),
		paste.Example("[filter:osprofiler]\nuse = egg:osprofiler#osprofiler\nenabled = yes\nhmac_keys = SECRET_KEY"))
}

// Trace is a trace that the request belongs to.
type Trace struct {
	Base, Parent, ID string
	key              string
}

// Current is the trace of a request, for applications that call others. The
// filter sets it.
var Current = pipeline.NewKey[Trace]("osprofiler trace")

// Sign writes the headers that carry the trace to the next service.
func (t Trace) Sign(h http.Header) {
	doc, err := json.Marshal(struct {
		Base   string `json:"base_id"`
		Parent string `json:"parent_id"`
	}{t.Base, t.ID})
	if err != nil { // two texts
		panic(err)
	}
	info := base64.URLEncoding.EncodeToString(doc)
	h.Set(InfoHeader, info)
	h.Set(HMACHeader, sign(info, t.key))
}

func sign(info, key string) string {
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(info))
	return hex.EncodeToString(mac.Sum(nil))
}

type filter struct {
	keys []string
	log  *slog.Logger
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if !o.Enabled {
		return func(next http.Handler) http.Handler { return next }, nil
	}
	if len(o.Keys) == 0 {
		b.Warn("enabled", "no hmac_keys, so that no trace is ever taken")
	}
	return (&filter{o.Keys, b.Logger()}).wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace, ok := f.trace(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		env := pipeline.FromRequest(r)
		Current.Set(env, trace)
		ids := []any{"base_id", trace.Base, "parent_id", trace.Parent, "trace_id", trace.ID}
		f.log.Info("wsgi-start", append(ids, "method", r.Method, "path", env.ScriptName()+r.URL.Path, "scheme", env.Scheme())...)
		start := time.Now()
		defer func() {
			f.log.Info("wsgi-stop", append(ids, "seconds", time.Since(start).Seconds(), "status", env.Status())...)
		}()
		next.ServeHTTP(w, r)
	})
}

// trace reads the headers, if one of the keys has signed them.
func (f *filter) trace(r *http.Request) (Trace, bool) {
	info, mac := r.Header[InfoHeader], r.Header[HMACHeader]
	if len(info) != 1 || len(mac) != 1 {
		return Trace{}, false
	}
	given := strings.TrimSpace(mac[0])
	for _, key := range f.keys {
		if hmac.Equal([]byte(given), []byte(sign(info[0], key))) {
			return read(info[0], key)
		}
	}
	return Trace{}, false
}

// read takes the ids out of a header that is signed. Unknown ones make it
// worthless, as in the original.
func read(info, key string) (Trace, bool) {
	text, err := base64.URLEncoding.DecodeString(info)
	if err != nil {
		return Trace{}, false
	}
	var ids map[string]any
	if json.Unmarshal(text, &ids) != nil {
		return Trace{}, false
	}
	t := Trace{ID: uuid.NewString(), key: key}
	for name, value := range ids {
		id, isText := value.(string)
		switch name {
		case "base_id":
			t.Base = id
		case "parent_id":
			t.Parent = id
		case "hmac_key": // of the sender; the key that fits counts
			isText = true
		default:
			return Trace{}, false
		}
		if !isText && value != nil {
			return Trace{}, false
		}
	}
	if t.Parent == "" {
		t.Parent = t.Base
	}
	return t, t.Base != ""
}
