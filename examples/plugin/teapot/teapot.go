// Package teapot is an app that brews no coffee.
package teapot

import (
	"fmt"
	"net/http"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of the app.
type Options struct {
	Kind    string        `paste:"kind" help:"what is in the pot"`
	Steep   time.Duration `paste:"steep" help:"how long the tea steeps"`
	Refills int           `paste:"refills" help:"how often the pot may be filled again"`
}

func init() {
	paste.RegisterApp("egg:teaserver#teapot", Options{Kind: "Assam", Steep: 3 * time.Minute}, New,
		paste.Help("Says what is in the pot, with status 418."))
}

// New makes the app.
func New(b *paste.Build, o Options) (http.Handler, error) {
	if o.Refills < 0 {
		return nil, paste.BadOption("refills", "invalid number %d, want 0 or more", o.Refills)
	}
	logger := b.Logger()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r) // what the filters and composites know
		logger.Debug("a cup", "path", r.URL.Path, "mounted at", env.ScriptName())
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s, steeped for %v, %d refills\n", o.Kind, o.Steep, o.Refills)
	}), nil
}
