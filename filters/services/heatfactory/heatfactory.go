// Package heatfactory is heat's own way to name a filter: one factory for
// paste, and the filter itself in a second option.
package heatfactory

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/fault"
	"github.com/wheatpaste/wheatpaste/filters/services/keystonecontext"
	"github.com/wheatpaste/wheatpaste/filters/services/negotiation"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options name the filter.
type Options struct {
	Factories *paste.Conf `paste:",rest" help:"heat.filter_factory, or the option of the same end of another service: the filter"`
}

func init() {
	paste.RegisterFilter("heat.common.wsgi:filter_factory", Options{}, New,
		paste.Alias("senlin.api.common.wsgi:filter_factory", "bilean.common.wsgi:filter_factory",
			"rushstack.openstack.common.wsgi:filter_factory"),
		paste.Help("Makes the filter of heat that the option heat.filter_factory names: the fault wrapper, version negotiation or the context."),
		paste.Example("[filter:faultwrap]\npaste.filter_factory = heat.common.wsgi:filter_factory\nheat.filter_factory = heat.api.openstack:faultwrap_filter"))
}

// made are the filters that exist, by what follows the name of the service.
var made = map[string]func(*paste.Build) alice.Constructor{
	"faultwrap_filter":           fault.NewHeat,
	"fault_filter":               fault.NewHeat,
	"version_negotiation_filter": plain(negotiation.Heat),
	"version_filter":             plain(negotiation.Heat),
	"VersionNegotiationFilter":   plain(negotiation.Heat),
	"ContextMiddleware":          plain(keystonecontext.Heat),
	"context_filter":             plain(keystonecontext.Heat),
	"contextmiddleware_filter":   plain(keystonecontext.Heat),
}

func plain(c alice.Constructor) func(*paste.Build) alice.Constructor {
	return func(*paste.Build) alice.Constructor { return c }
}

// refused are the others, with the reason.
var refused = map[string]string{
	"sslmiddleware_filter":      "use egg:wheatpaste#http_proxy_to_wsgi",
	"CacheFilter":               "it serves glance's cache of images, which only glance's own Python has",
	"CacheManageFilter":         "it serves glance's cache of images, which only glance's own Python has",
	"KeystoneContextMiddleware": "use egg:keystonemiddleware#auth_token and egg:wheatpaste#heat_context",
	"webhook_filter":            "it asks senlin's engine, which only senlin's own Python can",
	"trust_filter":              "it asks senlin's engine, which only senlin's own Python can",
}

// New makes the filter that the section names. A section that names none, as
// Debian's cwversionnegotiation, passes requests through.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	for option, v := range o.Factories.All() {
		if !strings.HasSuffix(option, ".filter_factory") {
			b.Warn(option, "is not used")
			continue
		}
		_, name, ok := strings.Cut(v.Text, ":")
		if !ok {
			return nil, paste.BadOption(option, "invalid factory %q, want one such as heat.api.openstack:faultwrap_filter", v.Text)
		}
		if factory, ok := made[name]; ok {
			return factory(b), nil
		}
		if why, ok := refused[name]; ok {
			return nil, paste.BadOption(option, "%s cannot be served by Go: %s", v.Text, why)
		}
		return nil, paste.BadOption(option, "%w", unknown(v.Text))
	}
	b.Warn("", "no heat.filter_factory, the filter passes requests through")
	return func(next http.Handler) http.Handler { return next }, nil
}

func unknown(text string) error {
	names := slices.Sorted(maps.Keys(made))
	return fmt.Errorf("no Go factory is registered for %s, want one whose name ends in %s", text, strings.Join(names, ", "))
}
