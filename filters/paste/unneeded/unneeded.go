// Package unneeded has the filters that only serve Python's own needs: they are
// accepted, pass requests through and say so.
package unneeded

import (
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filters: they have none.
type Options struct{}

func init() {
	register("egg:Paste#recursive", "forwards inside are made by egg:Paste#errordocument itself; remove it",
		"paste.recursive:RecursiveMiddleware")
	register("egg:Paste#registry", "Go needs no registry of a request's objects; remove it",
		"paste.registry:make_registry_manager", "egg:Pylons#registry")
	register("egg:wheatpaste#barbican_simple", "it is barbican's example of a filter and does nothing; remove it",
		"barbican.api.middleware.simple:SimpleFilter.factory")
}

func register(name, notice string, aliases ...string) {
	paste.RegisterFilter(name, Options{}, func(b *paste.Build, _ Options) (alice.Constructor, error) {
		b.Warn("", "passes requests through: "+notice)
		return pass, nil
	},
		paste.LooseAlias(aliases...),
		paste.Help("Passes requests through: "+notice+"."),
		paste.Example("[filter:f]\nuse = "+name))
}

// pass adds no stage at all.
func pass(next http.Handler) http.Handler { return next }
