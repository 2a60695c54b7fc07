// Package compress compresses answers by gzip, zstd or brotli, whichever the
// client prefers, and unpacks the bodies of requests.
package compress

import (
	"net/http"
	"slices"
	"strings"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/bodylimit"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Encodings   []string   `paste:"encodings" help:"codings that are offered: zstd br gzip; the first wins where the client has no preference"`
	MinSize     paste.Size `paste:"min_size" help:"shorter answers are left as they are"`
	Types       []string   `paste:"types" help:"media types that are compressed; text/* stands for all texts, +json for all that end so"`
	GzipLevel   int        `paste:"gzip_level" help:"1 (fastest) to 9 (smallest)"`
	ZstdLevel   int        `paste:"zstd_level" help:"1 (fastest) to 4 (smallest)"`
	BrotliLevel int        `paste:"brotli_level" help:"0 (fastest) to 11 (smallest)"`
	Requests    bool       `paste:"requests" help:"unpack the bodies of requests with a Content-Encoding"`
	RequestMax  paste.Size `paste:"request_max_size" help:"how long an unpacked body may be, longer ones get 413"`
}

func defaults() Options {
	return Options{
		Encodings: []string{"zstd", "br", "gzip"}, MinSize: 1024,
		Types: []string{
			"text/*", "application/json", "application/xml", "application/javascript", "application/x-javascript", "application/wasm",
			"application/manifest+json", "application/x-ndjson", "application/yaml", "image/svg+xml", "font/ttf", "font/otf", "+json", "+xml",
		},
		GzipLevel: 5, ZstdLevel: 2, BrotliLevel: 4, RequestMax: 10 << 20,
	}
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#compress", defaults(), New,
		paste.Help("Compresses answers by zstd, brotli or gzip as the client prefers, streams included; unpacks request bodies if told so."),
		paste.Example(`
[filter:compress]
use = egg:wheatpaste#compress
encodings = zstd gzip
min_size = 2k
`))
}

type filter struct {
	offered  []*coding // in the order of preference
	minSize  int
	types    types
	requests bool
	limit    *bodylimit.Limit
	answers  *prometheus.CounterVec
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	f := &filter{minSize: int(o.MinSize), requests: o.Requests, limit: &bodylimit.Limit{
		Max: int64(o.RequestMax), Text: "The body of the request is too large when it is unpacked.",
	}}
	for _, name := range o.Encodings {
		c, err := newCoding(name, o)
		if err != nil {
			return nil, err
		}
		f.offered = append(f.offered, c)
	}
	var err error
	if f.types, err = parseTypes(o.Types); err != nil {
		return nil, err
	}
	f.answers, err = series.CounterVec(b.Registerer(), "wheatpaste_compress_answers_total",
		"Answers that were compressed, by coding.", "coding", o.Encodings...)
	if err != nil {
		return nil, err
	}
	for _, c := range f.offered {
		c.answers = f.answers.WithLabelValues(c.name)
	}
	f.limit.Refused, err = series.Counter(b.Registerer(), "wheatpaste_compress_refused_requests_total",
		"Requests whose body was too large when it was unpacked.")
	return f.wrap, err
}

func (o *Options) check() error {
	switch {
	case len(o.Encodings) == 0:
		return paste.BadOption("encodings", "none given, want some of zstd, br and gzip")
	case o.GzipLevel < 1 || o.GzipLevel > 9:
		return paste.BadOption("gzip_level", "invalid level %d, want 1 to 9", o.GzipLevel)
	case o.ZstdLevel < 1 || o.ZstdLevel > 4:
		return paste.BadOption("zstd_level", "invalid level %d, want 1 to 4", o.ZstdLevel)
	case o.BrotliLevel < 0 || o.BrotliLevel > 11:
		return paste.BadOption("brotli_level", "invalid level %d, want 0 to 11", o.BrotliLevel)
	case o.MinSize > 1<<20:
		return paste.BadOption("min_size", "invalid size %d, want at most 1m: so much of each answer is held back", int64(o.MinSize))
	}
	return nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	answered := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cw := &writer{ResponseWriter: w, f: f, r: r, coding: f.choose(r)}
		next.ServeHTTP(cw, r)
		// Not deferred: an answer that a panic cuts short must not look complete.
		cw.finish()
	})
	if !f.requests {
		return answered
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.unpack(answered, w, r) })
}

// types says which media types are compressed.
type types struct {
	exact            map[string]bool
	families, suffix []string
}

func parseTypes(words []string) (types, error) {
	t := types{exact: map[string]bool{}}
	for _, word := range words {
		word = strings.ToLower(word)
		family, all := strings.CutSuffix(word, "/*")
		switch {
		case all && family != "" && !strings.ContainsAny(family, "/*"):
			t.families = append(t.families, family+"/")
		case len(word) > 1 && word[0] == '+' && !strings.ContainsAny(word, "/*"):
			t.suffix = append(t.suffix, word)
		case strings.Count(word, "/") == 1 && !strings.ContainsAny(word, "*;"):
			t.exact[word] = true
		default:
			return t, paste.BadOption("types", "invalid media type %q, want application/json, text/* or +json", word)
		}
	}
	return t, nil
}

// match reports whether an answer of this Content-Type is to be compressed.
func (t *types) match(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType)) // no copy when it is lower case already
	return t.exact[mediaType] ||
		slices.ContainsFunc(t.families, func(f string) bool { return strings.HasPrefix(mediaType, f) }) ||
		slices.ContainsFunc(t.suffix, func(s string) bool { return strings.HasSuffix(mediaType, s) })
}
