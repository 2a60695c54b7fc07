// Package gzip is Paste's gzip filter: it compresses texts for clients that
// take them compressed.
package gzip

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Level int `paste:"compress_level" help:"from 1 (fastest) to 9 (smallest); 0 stores, -1 is the library's default"`
}

func init() {
	paste.RegisterFilter("egg:Paste#gzip", Options{Level: 6}, New,
		paste.Alias("egg:wheatpaste#gzip", "paste.gzipper:make_gzip_middleware"),
		paste.LooseAlias("glance.api.middleware.gzip:GzipMiddleware.factory", "subject.api.middleware.gzip:GzipMiddleware.factory"),
		paste.Help("Compresses answers of the types text/* and application/* for clients that accept gzip."),
		paste.Example(`
[filter:gzip]
use = egg:Paste#gzip
compress_level = 6
`))
}

// New compresses answers as they are written. It buffers no more than the
// compressor does, and a flush goes through.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	if o.Level < gzip.DefaultCompression || o.Level > gzip.BestCompression {
		return nil, paste.BadOption("compress_level", "invalid level %d, want a number from %d to %d",
			o.Level, gzip.DefaultCompression, gzip.BestCompression)
	}
	pool := &sync.Pool{New: func() any {
		gz, _ := gzip.NewWriterLevel(io.Discard, o.Level) // the level was checked
		return gz
	}}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			gw := &writer{ResponseWriter: w, request: r, pool: pool, accepted: accepts(r.Header["Accept-Encoding"])}
			next.ServeHTTP(gw, r)
			// Not deferred: an answer that a panic cuts short must not look
			// complete.
			gw.finish()
		})
	}, nil
}

// accepts reports whether gzip is among the codings with a weight above 0 (RFC
// 9110 12.5.3). As in the original it has to be named: * is not enough.
func accepts(values []string) bool {
	for _, value := range values {
		for coding := range strings.SplitSeq(value, ",") {
			name, params, _ := strings.Cut(coding, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if (name == "gzip" || name == "x-gzip") && weight(params) > 0 {
				return true
			}
		}
	}
	return false
}

// weight reads q=0.5; 1 without it, 0 if it cannot be read.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// compressible reports whether a type is one that the original compresses
// (EP-27). An answer without a type is none.
func compressible(contentType string) bool {
	t := strings.ToLower(contentType)
	return (strings.HasPrefix(t, "text/") || strings.HasPrefix(t, "application/")) && !strings.Contains(t, "zip")
}
