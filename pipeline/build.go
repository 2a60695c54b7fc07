package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/paste"
)

// builder turns contexts into handlers. It goes on after an error, so that all
// of them are found in one run.
type builder struct {
	factories *paste.Registry
	missing   Missing
	logger    *slog.Logger
	registry  *prometheus.Registry
	metrics   *metrics
	strategy  string
	conf      func(paste.ConfSource) (paste.ConfFiles, error)
	life      *lifecycle
	notes     paste.Errors
	late      paste.Errors // of factories that are called when a filter wraps
	built     int
}

// place is where in the tree something is built.
type place struct {
	level int // chains that lie outside
	trail []*paste.Context

	asker *paste.Context // the last composite that asked for an application
	asked string         // and by what name
}

// below is the place inside one more chain.
func (p place) below() place {
	p.level++
	return p
}

func (p place) askedBy(c *paste.Context, name string) place {
	p.asker, p.asked = c, name
	return p
}

// maxBuilt bounds what one application is made of: composites that mount each
// other several times grow exponentially.
const maxBuilt = 200_000

func (b *builder) result(err error) error {
	if err == nil && len(b.late) == 0 {
		return nil
	}
	return paste.AllErrors(append(paste.AllErrors(err), b.late...))
}

func (b *builder) warn(e *paste.Error) { b.notes = append(b.notes, e) }

// enter goes one object deeper.
func (b *builder) enter(c *paste.Context, p place) (place, error) {
	if b.built++; b.built > maxBuilt {
		return p, c.Errorf("", "the application is made of more than %d objects", maxBuilt)
	}
	if len(p.trail) > maxLevels {
		return p, c.Errorf("", "more than %d applications lie inside each other", maxLevels)
	}
	if c.Section() == "" {
		return p, nil
	}
	for i, outer := range p.trail {
		if outer.SameAs(c) {
			return p, paste.CircleOf(p.asker, p.asked, append(slices.Clip(p.trail[i:]), c))
		}
	}
	p.trail = append(slices.Clip(p.trail), c)
	return p, nil
}

// app builds an application.
func (b *builder) app(c *paste.Context, p place) (http.Handler, error) {
	p, err := b.enter(c, p)
	if err != nil {
		return nil, err
	}
	if err := b.checkRequired(c); err != nil {
		return nil, err
	}
	switch c.Object {
	case paste.Pipeline:
		return b.pipeline(c, p)
	case paste.FilterApp, paste.FilterWith:
		return b.filtered(c, p)
	}
	made, err := b.create(c, p, nil)
	if err != nil {
		return nil, err
	}
	return made.(http.Handler), nil
}

// checkRequired is GLB-12 for a registry: a distribution is there when one of
// its factories is.
func (b *builder) checkRequired(c *paste.Context) error {
	for _, r := range c.Requires {
		if b.factories.HasDist(r.Dist) {
			continue
		}
		e := r.Error("no Go factory of the distribution "+r.Dist+" is registered", "remove the line, or import the plugin")
		if b.missing != MissingStub {
			return paste.Errors{e}
		}
		b.warn(e)
	}
	return nil
}

// pipeline builds the app, then the filters from left to right (FAC-13).
func (b *builder) pipeline(c *paste.Context, p place) (http.Handler, error) {
	inner := p.below()
	app, err := b.app(c.Next, inner)
	errs := paste.AllErrors(err)
	var filters []alice.Constructor
	for _, f := range c.Filters {
		filter, err := b.filter(f, p)
		errs = append(errs, paste.AllErrors(err)...)
		filters = append(filters, filter)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return b.chain(c.Label(), c.Items[:len(c.Items)-1], filters, app, p)
}

func (b *builder) chain(name string, items []string, filters []alice.Constructor, app http.Handler, p place) (http.Handler, error) {
	if p.level >= maxLevels {
		return nil, paste.Errors{{Problem: fmt.Sprintf("more than %d pipelines lie inside each other", maxLevels), Kind: paste.ErrReference}}
	}
	return newChain(name, numbered(items), filters, app, p.level, b.metrics), nil
}

// numbered tells repeated filters apart: cors, cors#2, cors#3.
func numbered(items []string) []string {
	seen := map[string]int{}
	out := make([]string, len(items))
	for i, item := range items {
		seen[item]++
		out[i] = item
		if n := seen[item]; n > 1 {
			out[i] = fmt.Sprintf("%s#%d", item, n)
		}
	}
	return out
}

// filtered builds filter-app and filter-with, which are pipelines of one filter.
// The order in which the two parts are built is FAC-13's.
func (b *builder) filtered(c *paste.Context, p place) (http.Handler, error) {
	var app http.Handler
	var filter alice.Constructor
	var appErr, filterErr error
	makeApp := func() { app, appErr = b.app(c.Next, p.below()) }
	if c.Object == paste.FilterApp {
		makeApp()
	}
	filter, filterErr = b.filter(c.Filter, p)
	if c.Object == paste.FilterWith {
		makeApp()
	}
	if errs := append(paste.AllErrors(appErr), paste.AllErrors(filterErr)...); len(errs) > 0 {
		return nil, errs
	}
	return b.chain(c.Label(), []string{c.FilterItem()}, []alice.Constructor{filter}, app, p)
}

// filter builds a filter; one that has filter-with lies inside that one
// (FWITH-02).
func (b *builder) filter(c *paste.Context, p place) (alice.Constructor, error) {
	if err := b.checkRequired(c); err != nil {
		return nil, err
	}
	if c.Object == paste.FilterWith {
		outer, err := b.filter(c.Filter, p)
		inner, innerErr := b.filter(c.Next, p)
		if errs := append(paste.AllErrors(err), paste.AllErrors(innerErr)...); len(errs) > 0 {
			return nil, errs
		}
		return func(next http.Handler) http.Handler { return outer(inner(next)) }, nil
	}
	f, err := b.factory(c)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return func(next http.Handler) http.Handler { return next }, nil
	}
	if f.Kind == paste.KindFilterApp {
		return b.filterApp(c, f, p)
	}
	made, err := f.Create(b.build(c, p), nil)
	if err != nil {
		return nil, err
	}
	return made.(alice.Constructor), nil
}

// filterApp makes a constructor of a factory that is called at the time of the
// wrapping (FAC-04).
func (b *builder) filterApp(c *paste.Context, f *paste.Factory, p place) (alice.Constructor, error) {
	build := b.build(c, p)
	if err := f.Check(build); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		made, err := f.Create(build, next)
		if err != nil {
			b.late = append(b.late, paste.AllErrors(err)...)
			return unbuilt
		}
		return made.(http.Handler)
	}, nil
}

// create calls the factory of a context.
func (b *builder) create(c *paste.Context, p place, next http.Handler) (any, error) {
	f, err := b.factory(c)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return b.stubApp(c, p)
	}
	return f.Create(b.build(c, p), next)
}

// factory finds the factory of a context; nil for a missing one that is to be
// a stub.
func (b *builder) factory(c *paste.Context) (*paste.Factory, error) {
	f, err := b.factories.Find(c)
	if err == nil || b.missing != MissingStub || c.Object == paste.ServerObject {
		return f, err
	}
	for _, e := range paste.AllErrors(err) {
		note := *e
		note.Hint = map[paste.Object]string{paste.App: "a stub answers 501", paste.Filter: "a stub passes the requests through"}[c.Object]
		b.warn(&note)
	}
	return nil, nil
}

// build is what the factory of a context gets to know.
func (b *builder) build(c *paste.Context, p place) *paste.Build {
	section := c.Section()
	if section == "" {
		section = c.Label()
	}
	return paste.NewBuild(c, paste.BuildConfig{
		Logger:       b.logger.With("section", section),
		Registerer:   prometheus.WrapRegistererWith(prometheus.Labels{"section": section}, b.registry),
		Gatherer:     b.registry,
		Warn:         b.warn,
		AuthStrategy: b.strategy,
		Conf:         b.conf,
		OnStart:      func(hook func(context.Context) error) { b.life.start = append(b.life.start, hook) },
		OnClose:      func(hook func(context.Context) error) { b.life.close = append(b.life.close, hook) },
		Go:           func(run func(context.Context)) { b.life.run = append(b.life.run, run) },
		App: func(name string, global *paste.Conf) (http.Handler, error) {
			return b.childApp(c, name, global, p)
		},
		Filter: func(name string, global *paste.Conf) (alice.Constructor, error) {
			child, err := c.Child(paste.Filter, name, global)
			if err != nil {
				return nil, err
			}
			return b.filter(child, p)
		},
		Pipeline: func(items []string, global *paste.Conf) (http.Handler, error) {
			return b.childPipeline(c, items, global, p)
		},
	})
}

// childApp builds what a composite asks for and marks it as the composite's
// choice.
func (b *builder) childApp(c *paste.Context, name string, global *paste.Conf, p place) (http.Handler, error) {
	child, err := c.Child(paste.App, name, global)
	if err != nil {
		return nil, err
	}
	app, err := b.app(child, p.askedBy(c, name))
	if err != nil {
		return nil, err
	}
	return &chosen{b.metrics.app(child.Label()), app}, nil
}

// childPipeline builds a pipeline of names on behalf of a composite: filters
// first, then the app (OSP-01).
func (b *builder) childPipeline(c *paste.Context, items []string, global *paste.Conf, p place) (http.Handler, error) {
	if len(items) == 0 {
		return nil, c.Errorf("", "the pipeline is empty, want FILTER ... APP")
	}
	var errs paste.Errors
	var filters []alice.Constructor
	last := len(items) - 1
	for _, name := range items[:last] {
		child, err := c.Child(paste.Filter, name, global)
		if err != nil {
			errs = append(errs, paste.AllErrors(err)...)
			continue
		}
		filter, err := b.filter(child, p)
		errs = append(errs, paste.AllErrors(err)...)
		filters = append(filters, filter)
	}
	var app http.Handler
	child, err := c.Child(paste.App, items[last], global)
	if err == nil {
		app, err = b.app(child, p.below().askedBy(c, items[last]))
	}
	errs = append(errs, paste.AllErrors(err)...)
	if len(errs) > 0 {
		return nil, errs
	}
	return b.chain(c.Label(), items[:last], filters, app, p)
}
