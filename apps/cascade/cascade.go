// Package cascade asks applications one after the other until one has an
// answer.
package cascade

import (
	"net/http"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the composite, as they are written in its section.
type Options struct {
	Catch string      `paste:"catch" help:"statuses on which the next application is asked"`
	Apps  *paste.Conf `paste:",rest" help:"app1, app2 and so on: the applications, asked in the order of these names as text"`
}

func init() {
	paste.RegisterComposite("egg:Paste#cascade", Options{Catch: "404"}, New,
		paste.Alias("egg:wheatpaste#cascade", "paste.cascade:make_cascade"),
		paste.Help("Asks its applications one after the other until one answers with a status that is not caught. "+
			"The answer of the last one stands, whatever it is."),
		paste.Example(`
[composite:main]
use = egg:wheatpaste#cascade
app1 = static
app2 = site
catch = 404 405
`))
}

// New makes a cascade.
func New(b *paste.Build, o Options) (http.Handler, error) {
	return pipeline.LoadCascade(b, o.Catch, o.Apps)
}
