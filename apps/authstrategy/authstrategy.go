// Package authstrategy chooses one of several pipelines by the configured way
// of authentication.
package authstrategy

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the composite, as they are written in its section.
type Options struct {
	AuthStrategy string      `paste:"auth_strategy,global" help:"which pipeline to take; without it [api] auth_strategy of a configuration file, then keystone"`
	APIRateLimit bool        `paste:"api_rate_limit,global" help:"false prefers the pipeline NAME_nolimit"`
	Pipelines    *paste.Conf `paste:",rest" help:"a pipeline under the name of its strategy: filters, then an application"`
}

// HeatOptions are those of heat's composite.
type HeatOptions struct {
	Flavor    string      `paste:"flavor,global" help:"which pipeline to take, [paste_deploy] flavor of heat.conf"`
	Pipelines *paste.Conf `paste:",rest" help:"a pipeline under the name of its flavor: filters, then an application"`
}

func init() {
	paste.RegisterComposite("nova.api.auth:pipeline_factory_v21", Options{APIRateLimit: true}, New,
		paste.LooseAlias("egg:wheatpaste#authstrategy",
			"cinder.api.middleware.auth:pipeline_factory",
			"congress.auth:pipeline_factory",
			"designate.api.middleware:auth_pipeline_factory",
			"ec2api.api.auth:pipeline_factory",
			"gceapi.auth:pipeline_factory",
			"karbor.api.middleware.auth:pipeline_factory",
			"manila.api.middleware.auth:pipeline_factory",
			"masakari.api.auth:pipeline_factory_v1",
			"meteos.api.middleware.auth:pipeline_factory",
			"moniker.api.auth:pipeline_factory",
			"neutron.auth:pipeline_factory",
			"nova.api.auth:pipeline_factory",
			"quantum.auth:pipeline_factory",
			"rack.api.auth:pipeline_factory",
			"smaug.api.middleware.auth:pipeline_factory",
			"tacker.auth:pipeline_factory",
			"traffic.api.auth:pipeline_factory"),
		paste.Help("Builds the pipeline that is written under the name of the auth strategy, and only that one. "+
			"Its filters and its application do not get what the composite sets."),
		paste.Example(`
[composite:openstack_compute_api_v21]
use = egg:wheatpaste#authstrategy
auth_strategy = keystone
noauth2 = request_id sizelimit noauth2 compute
keystone = request_id sizelimit authtoken compute
`))
	paste.RegisterComposite("heat.api:pipeline_factory", HeatOptions{}, NewHeat,
		paste.Help("Builds the pipeline that is written under the name of the flavor, without one that of default."),
		paste.Example(`
[composite:api]
paste.composite_factory = heat.api:pipeline_factory
default = request_id authtoken heat
standalone = request_id authpassword heat
`))
}

// New builds the pipeline of the auth strategy (OSP-01, OSP-02).
func New(b *paste.Build, o Options) (http.Handler, error) {
	strategy := cmp.Or(o.AuthStrategy, b.AuthStrategy(), "keystone")
	found, ok := find(o.Pipelines, strategy)
	if !ok {
		return nil, paste.BadOption(strategy, "missing, the auth strategy is %q, %s", strategy, has(o.Pipelines))
	}
	if found != strategy {
		b.Warn(found, fmt.Sprintf("there is no pipeline for the auth strategy %q, this one takes its place", strategy))
	}
	if nolimit := found + "_nolimit"; !o.APIRateLimit && o.Pipelines.Has(nolimit) {
		found = nolimit
	}
	return build(b, o.Pipelines, found)
}

// NewHeat builds the pipeline of the flavor.
func NewHeat(b *paste.Build, o HeatOptions) (http.Handler, error) {
	flavor := cmp.Or(o.Flavor, "default")
	if !o.Pipelines.Has(flavor) {
		return nil, paste.BadOption(flavor, "missing, the flavor is %q, %s", flavor, has(o.Pipelines))
	}
	return build(b, o.Pipelines, flavor)
}

// otherNames are strategies that newer and older releases name differently.
var otherNames = map[string]string{"noauth": "noauth2", "noauth2": "noauth"}

// find gives the name under which the pipeline of a strategy is written.
func find(pipelines *paste.Conf, strategy string) (string, bool) {
	if pipelines.Has(strategy) {
		return strategy, true
	}
	other := otherNames[strategy]
	return other, other != "" && pipelines.Has(other)
}

// has says which pipelines there are.
func has(pipelines *paste.Conf) string {
	if pipelines.Len() == 0 {
		return "the section has no pipeline"
	}
	keys := pipelines.Keys()
	slices.Sort(keys)
	return "the section has " + strings.Join(keys, ", ")
}

// build builds one pipeline. What it names does not get the composite's globals
// (LDR-04).
func build(b *paste.Build, pipelines *paste.Conf, name string) (http.Handler, error) {
	text, _ := pipelines.Get(name)
	words := paste.Words(text)
	if len(words) == 0 {
		return nil, paste.BadOption(name, "the pipeline is empty, want filters and an application")
	}
	return b.Pipeline(words, nil)
}
