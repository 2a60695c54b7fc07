// Package metrics is the application that shows the metrics of the process to
// Prometheus.
package metrics

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options are the options of the application.
type Options struct {
	Timeout     time.Duration `paste:"timeout" help:"answer 503 when gathering takes longer; 0 waits for ever"`
	Compression bool          `paste:"compression" help:"compress the answer for clients that accept it"`
}

func init() {
	paste.RegisterApp("egg:wheatpaste#metrics", Options{Compression: true}, New,
		paste.Help("Shows all metrics in the text format of Prometheus, or as OpenMetrics to those who ask for it."),
		paste.Example(`
[app:metrics]
use = egg:wheatpaste#metrics
`))
}

// New makes an application that shows what b.Gatherer gathers.
func New(b *paste.Build, o Options) (http.Handler, error) {
	gatherer := b.Gatherer()
	if gatherer == nil {
		return nil, errors.New("nothing gathers metrics here, want a Gatherer in the loader's options")
	}
	show := promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
		ErrorLog:           slog.NewLogLogger(b.Logger().Handler(), slog.LevelError),
		ErrorHandling:      promhttp.ContinueOnError, // a plugin's broken collector must not hide the rest
		EnableOpenMetrics:  true,
		DisableCompression: !o.Compression,
		Timeout:            o.Timeout,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		show.ServeHTTP(w, r)
	}), nil
}
