package paste

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"
)

// Build is what the factory of one section gets to know. A factory parses and
// wires and has no side effect: files, sockets and goroutines wait for OnStart
// and Go, so that check, tree and the rehearsal of a reload are always safe.
type Build struct {
	cfg     BuildConfig
	context *Context

	conf       ConfFiles // of the section; nil without any, and before confFiles
	confErr    error
	confOpened bool
}

// BuildConfig is what the pipeline package gives to each Build.
type BuildConfig struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
	// Warn takes the warnings about a section.
	Warn func(*Error)
	// App, Filter and Pipeline load other objects on behalf of a composite.
	App      func(name string, global *Conf) (http.Handler, error)
	Filter   func(name string, global *Conf) (alice.Constructor, error)
	Pipeline func(items []string, global *Conf) (http.Handler, error)
	// OnStart, OnClose and Go take the hooks.
	OnStart func(func(context.Context) error)
	OnClose func(func(context.Context) error)
	Go      func(func(context.Context))
	// AuthStrategy is [api] auth_strategy of the conf files, "" without.
	AuthStrategy string
	// Conf opens the oslo-style conf files that a section means; nil, or a nil
	// ConfFiles, for none. It reads each file once.
	Conf func(ConfSource) (ConfFiles, error)
}

// NewBuild makes the Build of a context. It is for the pipeline package and for
// tests of factories.
func NewBuild(c *Context, cfg BuildConfig) *Build {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Build{cfg: cfg, context: c}
}

// Context is the resolved section.
func (b *Build) Context() *Context { return b.context }

// Name is the name of the section without its kind; for an object that was
// named by a URI, the URI.
func (b *Build) Name() string { return b.context.Label() }

// Section is the section as written, such as "filter:cors"; "" for an object
// that was named by a URI.
func (b *Build) Section() string { return b.context.Section() }

// Pos is where the section stands.
func (b *Build) Pos() Pos { return b.context.Pos() }

// GlobalConf is the section's own copy of the global configuration (GO-12).
func (b *Build) GlobalConf() *Conf { return b.context.Global.Clone() }

// LocalConf is a copy of the options of the section, as they came to the
// factory.
func (b *Build) LocalConf() *Conf { return b.context.Local.Clone() }

// Logger is labelled with the section.
func (b *Build) Logger() *slog.Logger { return b.cfg.Logger }

// Registerer takes the metrics of the section, labelled with it.
func (b *Build) Registerer() prometheus.Registerer { return b.cfg.Registerer }

// Gatherer gives all metrics of the process.
func (b *Build) Gatherer() prometheus.Gatherer { return b.cfg.Gatherer }

// AuthStrategy is [api] auth_strategy of the oslo-style configuration files,
// "" when there is none.
func (b *Build) AuthStrategy() string { return b.cfg.AuthStrategy }

// Warn reports something about an option (or about the section, with option
// "") that works but is probably not meant.
func (b *Build) Warn(option, problem string) {
	if b.cfg.Warn != nil {
		b.cfg.Warn(b.context.optionError(option, problem, ErrOption))
	}
}

// App loads an application by section name or URI, as a composite's loader does
// (LDR-01): with the global configuration to pass on, or nil for none (LDR-04).
func (b *Build) App(name string, global *Conf) (http.Handler, error) {
	return b.cfg.App(name, global)
}

// Filter loads a filter by section name or URI.
func (b *Build) Filter(name string, global *Conf) (alice.Constructor, error) {
	return b.cfg.Filter(name, global)
}

// Pipeline loads filters and, as the last item, an application, and chains them
// under this section's name, as a [pipeline:] section does.
func (b *Build) Pipeline(items []string, global *Conf) (http.Handler, error) {
	return b.cfg.Pipeline(items, global)
}

// OnStart registers what is to happen before the first request: opening files,
// sockets, clients. Hooks run in the order of their registration.
func (b *Build) OnStart(hook func(context.Context) error) { b.cfg.OnStart(hook) }

// OnClose registers what is to happen after the last request. Hooks run in
// reverse order, also when a start failed half way.
func (b *Build) OnClose(hook func(context.Context) error) { b.cfg.OnClose(hook) }

// Go starts a goroutine after all OnStart hooks; its context ends before the
// OnClose hooks, which wait for it.
func (b *Build) Go(run func(context.Context)) { b.cfg.Go(run) }
