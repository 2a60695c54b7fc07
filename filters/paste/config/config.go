// Package config is the config filter of Paste Deploy and Paste: it hands the
// configuration to the application with each request.
package config

import (
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Key finds the configuration of a request, WSGI's paste.config: the global
// options overlaid by those of the filter's section. The config filter sets it;
// whoever reads it has a copy of his own, which he may change.
var Key = pipeline.NewKey[*paste.Conf]("paste.config")

// Options of the filter: all that stand in its section.
type Options struct {
	All *paste.Conf `paste:",rest" help:"any option; the application finds it in its configuration"`
}

func init() {
	// Paste's own variant, egg:Paste#config, differs in nothing that Go has.
	paste.RegisterFilter("egg:PasteDeploy#config", Options{}, New,
		paste.Alias("egg:Paste#config", "egg:wheatpaste#config",
			"paste.deploy.config:make_config_filter", "paste.config:make_config_filter"),
		paste.Help("Hands the global options and those of its section to the application with each request."),
		paste.Example(`
[filter:config]
use = egg:PasteDeploy#config
greeting = hello
`))
}

// New sets Key for what lies below (CFG-01).
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	conf := b.GlobalConf()
	conf.Update(o.All)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			env := pipeline.FromRequest(r)
			if outer, ok := Key.Get(env); ok {
				defer Key.Set(env, outer) // nested: put back, whatever happens
			}
			Key.Set(env, conf.Clone())
			next.ServeHTTP(w, r)
		})
	}, nil
}
