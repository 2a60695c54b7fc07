package paste

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/justinas/alice"
)

// FactoryKind is the protocol of a factory, as in Paste (FAC-01 to FAC-06).
type FactoryKind string

// The kinds of factory.
const (
	KindApp       FactoryKind = "app"        // makes a handler
	KindComposite FactoryKind = "composite"  // makes a handler of other apps
	KindFilter    FactoryKind = "filter"     // makes a constructor
	KindFilterApp FactoryKind = "filter-app" // wraps one app
	KindServer    FactoryKind = "server"     // makes a server
)

// object is what a section has to be for a factory of this kind to fit.
func (k FactoryKind) object() Object {
	switch k {
	case KindFilter, KindFilterApp:
		return Filter
	case KindServer:
		return ServerObject
	default:
		return App
	}
}

// Server serves an application until the context ends; then it drains and
// returns. It is what a factory of kind server makes.
type Server interface {
	Serve(ctx context.Context, app http.Handler) error
}

// Factory is one registered factory: its names, its options, its text for
// describe.
type Factory struct {
	Kind    FactoryKind
	Name    string   // the canonical name, as registered
	Aliases []string // the other names, as registered
	Help    string   // one or two sentences
	Example string   // an ini section
	Refusal string   // why this original cannot exist in Go; "" if it does

	loose    map[string]bool // normalised names under which unknown options are but warned about
	defaults reflect.Value   // of the options struct
	spec     *optionSpec
	caller   [1]uintptr // where it was registered
	// create calls the factory; next is nil but for KindFilterApp.
	create func(b *Build, options any, next http.Handler) (any, error)
}

// Place is the source file and line at which the factory was registered.
func (f *Factory) Place() string {
	at, _ := runtime.CallersFrames(f.caller[:]).Next()
	if at.PC == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", at.File, at.Line)
}

// RegisterOption adds something to a registration.
type RegisterOption func(*registration)

type registration struct {
	*Factory
	registry *Registry
}

// Alias adds names: egg:Dist#entry, or module:attr as it stands in
// paste.filter_factory and after call:.
func Alias(names ...string) RegisterOption {
	return func(r *registration) { r.Aliases = append(r.Aliases, names...) }
}

// LooseAlias adds names of originals that take any option: an option that ours
// does not know is a warning there, not an error.
func LooseAlias(names ...string) RegisterOption {
	return func(r *registration) {
		r.Aliases = append(r.Aliases, names...)
		for _, n := range names {
			r.loose[normalizeRef(n)] = true
		}
	}
}

// Help says in one or two sentences what the factory makes.
func Help(text string) RegisterOption {
	return func(r *registration) { r.Help = text }
}

// Example gives an ini section that shows the use of the factory.
func Example(ini string) RegisterOption {
	return func(r *registration) { r.Example = strings.TrimSpace(ini) + "\n" }
}

// In registers in another registry than the default one, for tests.
func In(reg *Registry) RegisterOption {
	return func(r *registration) { r.registry = reg }
}

// RegisterApp registers a factory of applications. Like the other Register
// functions it takes the canonical name (egg:Dist#entry or module:attr), the
// default options, which also declare the names and types of all options (see
// the package documentation), and the factory. It is called from init; a name
// that is taken, or an options struct that cannot be read, is a mistake of the
// program and panics.
func RegisterApp[O any](name string, defaults O, factory func(*Build, O) (http.Handler, error), opts ...RegisterOption) {
	register(KindApp, name, defaults, func(b *Build, o any, _ http.Handler) (any, error) {
		return checkHandler(factory(b, o.(O)))
	}, opts)
}

// RegisterComposite registers a factory of applications that are made of other
// applications, which it loads by Build.App, Build.Filter and Build.Pipeline.
func RegisterComposite[O any](name string, defaults O, factory func(*Build, O) (http.Handler, error), opts ...RegisterOption) {
	register(KindComposite, name, defaults, func(b *Build, o any, _ http.Handler) (any, error) {
		return checkHandler(factory(b, o.(O)))
	}, opts)
}

// RegisterFilter registers a factory of filters.
func RegisterFilter[O any](name string, defaults O, factory func(*Build, O) (alice.Constructor, error), opts ...RegisterOption) {
	register(KindFilter, name, defaults, func(b *Build, o any, _ http.Handler) (any, error) {
		c, err := factory(b, o.(O))
		if err == nil && c == nil {
			err = errNothing
		}
		return c, err
	}, opts)
}

// RegisterFilterApp registers a filter whose factory is called with the
// application it wraps, once for each (FAC-04).
func RegisterFilterApp[O any](name string, defaults O, factory func(*Build, http.Handler, O) (http.Handler, error), opts ...RegisterOption) {
	register(KindFilterApp, name, defaults, func(b *Build, o any, next http.Handler) (any, error) {
		return checkHandler(factory(b, next, o.(O)))
	}, opts)
}

// RegisterServer registers a factory of servers.
func RegisterServer[O any](name string, defaults O, factory func(*Build, O) (Server, error), opts ...RegisterOption) {
	register(KindServer, name, defaults, func(b *Build, o any, _ http.Handler) (any, error) {
		s, err := factory(b, o.(O))
		if err == nil && s == nil {
			err = errNothing
		}
		return s, err
	}, opts)
}

// Refuse registers names whose original cannot exist in Go: a section that uses
// one of them fails with the reason, which should name the alternative.
func Refuse(kind FactoryKind, reason, name string, opts ...RegisterOption) {
	register(kind, name, struct{}{}, nil, append(opts, func(r *registration) { r.Refusal = reason }))
}

var errNothing = errors.New("the factory returned nothing (a defect of the plugin)")

func checkHandler(h http.Handler, err error) (any, error) {
	if err == nil && h == nil {
		err = errNothing
	}
	return h, err
}

func register(kind FactoryKind, name string, defaults any, create func(*Build, any, http.Handler) (any, error), opts []RegisterOption) {
	f := &Factory{Kind: kind, Name: name, loose: map[string]bool{}, create: create, defaults: reflect.ValueOf(defaults)}
	runtime.Callers(3, f.caller[:]) // what it means is looked up when somebody asks
	r := &registration{Factory: f, registry: DefaultRegistry}
	for _, opt := range opts {
		opt(r)
	}
	f.spec = newOptionSpec(name, f.defaults.Type())
	r.registry.add(f)
}

// Registry finds factories by kind and name. The zero Registry is empty and
// ready to use; it is safe for concurrent use.
type Registry struct {
	mu        sync.RWMutex
	byName    map[registryKey]*Factory
	factories []*Factory
}

type registryKey struct {
	object Object
	ref    string
}

// DefaultRegistry is where the Register functions register.
var DefaultRegistry = &Registry{byName: make(map[registryKey]*Factory, 1024)} // it is filled at each start

func (r *Registry) add(f *Factory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byName == nil {
		r.byName = map[registryKey]*Factory{}
	}
	for _, name := range append([]string{f.Name}, f.Aliases...) {
		key := registryKey{f.Kind.object(), normalizeRef(name)}
		if old, ok := r.byName[key]; ok {
			panic(fmt.Sprintf("paste: %s %q (registered at %s) conflicts with %q (registered at %s)",
				f.Kind, name, f.Place(), old.Name, old.Place()))
		}
		r.byName[key] = f
	}
	r.factories = append(r.factories, f)
}

// Lookup finds the factory that an object of a section refers to by name:
// egg:Dist#entry, call:module:attr or module:attr. Distributions compare as
// pip compares them (EGG-05).
func (r *Registry) Lookup(object Object, name string) (*Factory, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	f, ok := r.byName[registryKey{object, normalizeRef(name)}]
	return f, ok
}

// Factories lists all registrations by kind and name.
func (r *Registry) Factories() []*Factory {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := slices.Clone(r.factories)
	slices.SortFunc(list, func(a, b *Factory) int {
		if c := strings.Compare(string(a.Kind), string(b.Kind)); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// names lists every name and alias that fits an object.
func (r *Registry) names(object Object) []string {
	var names []string
	for _, f := range r.Factories() {
		if f.Kind.object() == object {
			names = append(append(names, f.Name), f.Aliases...)
		}
	}
	return names
}

// normalizeRef brings the spellings of one reference to one form: the
// distribution as pip does (EGG-05), #main added (USE-03), white space round
// the colon of an entry point removed (FAC-10), call: cut off.
func normalizeRef(name string) string {
	if rest, ok := strings.CutPrefix(name, "egg:"); ok {
		dist, entry, found := strings.Cut(rest, "#")
		if !found {
			entry = "main"
		}
		return "egg:" + normalizeDist(dist) + "#" + entry
	}
	module, attr, ok := strings.Cut(strings.TrimPrefix(name, "call:"), ":")
	if !ok {
		return strip(name)
	}
	return strip(module) + ":" + strip(attr)
}

// normalizeDist writes each run of separators as one dash, and small letters. It
// is called for each name of each factory at each start.
func normalizeDist(dist string) string {
	b := make([]byte, 0, len(dist))
	for i := range len(dist) {
		switch c := dist[i]; {
		case c != '-' && c != '_' && c != '.':
			b = append(b, c)
		case i == 0 || !strings.ContainsRune("-_.", rune(dist[i-1])):
			b = append(b, '-')
		}
	}
	return strings.ToLower(string(b))
}
