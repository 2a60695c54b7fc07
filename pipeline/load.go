package pipeline

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Missing says what to do about a factory that is not registered.
type Missing string

// What to do about missing factories.
const (
	MissingError Missing = "error" // refuse to build; the default
	MissingStub  Missing = "stub"  // an app answers 501, a filter passes through
)

// Loader builds what paste files describe. Its zero value takes the factories
// of paste.DefaultRegistry, logs to slog's default logger and keeps its metrics
// in a registry of its own.
type Loader struct {
	Factories *paste.Registry
	Missing   Missing
	Logger    *slog.Logger
	// Metrics takes the series of everything that is built. Two loaders with
	// one registry keep the same series.
	Metrics *prometheus.Registry
	// Region is where the series of design.md 9 are counted, so that they
	// outlive the process. Without one it is the first region of a board of
	// the loader's own. Metrics shows all regions of its board.
	Region *scoreboard.Region
	// MetricsSample times one request in so many; 0 is 64, 1 times all. It
	// counts for what is built after it was set.
	MetricsSample int
	// AuthStrategy is [api] auth_strategy of the oslo-style conf files.
	AuthStrategy string
	// Conf opens the oslo-style conf files that a section means. Without one
	// oslo_config_project and oslo_config_file of sections are read from disk at
	// each load, and the process has no files of its own.
	Conf func(paste.ConfSource) (paste.ConfFiles, error)

	once    sync.Once
	metrics *metrics
}

// Registry is where the factories come from.
func (l *Loader) Registry() *paste.Registry {
	if l.Factories == nil {
		return paste.DefaultRegistry
	}
	return l.Factories
}

// Gatherer gives the metrics of everything that is built.
func (l *Loader) Gatherer() prometheus.Gatherer {
	l.setUp()
	return l.Metrics
}

// setUp makes, once, the series that all applications of the loader share.
func (l *Loader) setUp() {
	l.once.Do(func() {
		if l.Metrics == nil {
			l.Metrics = prometheus.NewRegistry()
		}
		if l.Region == nil {
			l.Region = registered(l.Metrics, scoreboard.New()).Master()
		} else {
			registered(l.Metrics, l.Region.Board())
		}
		l.metrics = newMetrics(l.Region, defaultSample)
	})
}

// defaultSample is the sample without metrics_sample.
const defaultSample = 64

// LoadApp builds the application that a URI names, such as
// "config:/etc/nova/api-paste.ini#osapi_compute", with the default Loader. The
// error holds all problems that were found, as paste.Errors.
func LoadApp(uri string, opts ...paste.LoadOption) (*App, error) {
	return (&Loader{}).LoadApp(uri, opts...)
}

// LoadFilter builds the filter that a URI names, with the default Loader.
func LoadFilter(uri string, opts ...paste.LoadOption) (*LoadedFilter, error) {
	return (&Loader{}).LoadFilter(uri, opts...)
}

// LoadServer builds the server that a URI names, with the default Loader.
func LoadServer(uri string, opts ...paste.LoadOption) (*LoadedServer, error) {
	return (&Loader{}).LoadServer(uri, opts...)
}

// LoadedFilter is a filter with a beginning and an end, as an App has them.
type LoadedFilter struct {
	*lifecycle
	Wrap alice.Constructor
}

// LoadedServer is a server with a beginning and an end, as an App has them.
type LoadedServer struct {
	*lifecycle
	paste.Server
	Context *paste.Context
	// Warnings are what works but is probably not meant.
	Warnings paste.Errors
}

// LoadApp builds an application.
func (l *Loader) LoadApp(uri string, opts ...paste.LoadOption) (*App, error) {
	c, err := paste.Load(paste.App, uri, opts...)
	if err != nil {
		return nil, err
	}
	return l.BuildApp(c)
}

// BuildApp builds an application that is resolved already.
func (l *Loader) BuildApp(c *paste.Context) (*App, error) {
	b := l.builder()
	a := &App{lifecycle: b.life, Context: c, logger: b.logger}
	a.series = b.metrics.app(c.Label())
	handler, err := b.app(c, place{})
	if err = b.result(err); err != nil {
		return nil, b.discard(err)
	}
	a.handler = handler
	a.notes = append(c.Warnings(), b.notes...)
	return a, nil
}

// LoadFilter builds a filter.
func (l *Loader) LoadFilter(uri string, opts ...paste.LoadOption) (*LoadedFilter, error) {
	c, err := paste.Load(paste.Filter, uri, opts...)
	if err != nil {
		return nil, err
	}
	b := l.builder()
	wrap, err := b.filter(c, place{})
	if err = b.result(err); err != nil {
		return nil, b.discard(err)
	}
	return &LoadedFilter{b.life, wrap}, nil
}

// LoadServer builds a server.
func (l *Loader) LoadServer(uri string, opts ...paste.LoadOption) (*LoadedServer, error) {
	c, err := paste.Load(paste.ServerObject, uri, opts...)
	if err != nil {
		return nil, err
	}
	return l.BuildServer(c)
}

// BuildServer builds a server that is resolved already.
func (l *Loader) BuildServer(c *paste.Context) (*LoadedServer, error) {
	b := l.builder()
	made, err := b.create(c, place{}, nil)
	if err = b.result(err); err != nil {
		return nil, b.discard(err)
	}
	return &LoadedServer{b.life, made.(paste.Server), c, paste.AllErrors(append(c.Warnings(), b.notes...))}, nil
}

func (l *Loader) builder() *builder {
	l.setUp()
	b := &builder{
		factories: l.Registry(), missing: l.Missing, logger: l.Logger,
		registry: l.Metrics, metrics: l.metrics, strategy: l.AuthStrategy, conf: l.Conf, life: &lifecycle{},
	}
	if b.conf == nil {
		b.conf = osloconf.NewLookup(new(snapshot.Files), nil).Open
	}
	if l.MetricsSample > 0 {
		l.metrics.sample = uint32(l.MetricsSample)
	}
	if b.logger == nil {
		b.logger = slog.Default()
	}
	return b
}

// discard ends what the factories began before one of them failed. Nothing was
// started, so that there is nothing to wait for.
func (b *builder) discard(err error) error {
	_ = b.life.Close(context.Background())
	return err
}

// unbuilt is used where a handler cannot be built: the error is kept and
// the load fails.
var unbuilt = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
})
