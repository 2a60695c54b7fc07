// Package httpexceptions stands for Paste's httpexceptions filter, which has
// nothing to do in Go.
package httpexceptions

import (
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	WarningLevel string `paste:"warning_level" help:"a status from 100 to 599; without effect, as in the original"`
}

func init() {
	paste.RegisterFilter("egg:Paste#httpexceptions", Options{}, New,
		paste.Alias("egg:wheatpaste#httpexceptions", "paste.httpexceptions:make_middleware"),
		paste.Help("Passes requests through. In Python it makes answers of exceptions, in Go there are none to raise."),
		paste.Example(`
[filter:httpexceptions]
use = egg:Paste#httpexceptions
`))
}

// New passes requests through and says so.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if o.WarningLevel != "" {
		n, err := paste.AsInt(o.WarningLevel)
		if err != nil || n < 100 || n > 599 {
			return nil, paste.BadOption("warning_level", "invalid status %q, want one from 100 to 599", o.WarningLevel)
		}
	}
	b.Warn("", "egg:Paste#httpexceptions does nothing here: a Go application answers with a status instead of raising it; the filter may be taken out")
	return func(next http.Handler) http.Handler { return next }, nil
}
