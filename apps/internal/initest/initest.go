// Package initest checks what whole paste files say, in tests of apps.
package initest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// Case is a paste file with an application main.
type Case struct {
	Name     string
	INI      string
	Error    string // all errors, as the operator sees them; "" for none
	Warnings string // of a file that loads: "option: problem", one a line
}

func init() {
	paste.RegisterApp("egg:initest#last", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.NotFoundHandler(), nil
	})
}

// Run loads each file and compares what it says.
func Run(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			app, err := pipelinetest.Try(t, c.INI)
			if err != nil {
				if err.Error() != c.Error {
					t.Errorf("error %s\nwant  %s", err, c.Error)
				}
				return
			}
			if c.Error != "" {
				t.Errorf("it loads, want the error %s", c.Error)
			}
			var warnings []string
			for _, w := range app.Warnings() {
				warnings = append(warnings, w.Option+": "+w.Problem)
			}
			if got := strings.Join(warnings, "\n"); got != c.Warnings {
				t.Errorf("warnings %s\nwant     %s", got, c.Warnings)
			}
		})
	}
}

// Examples loads the examples of registered factories, which must work as they
// stand: those of apps as they are, those of filters before a small app.
func Examples(t *testing.T, object paste.Object, names ...string) {
	t.Helper()
	for _, name := range names {
		f, ok := paste.DefaultRegistry.Lookup(object, name)
		if !ok {
			t.Errorf("no %s %s", object, name)
			continue
		}
		header, _, _ := strings.Cut(f.Example, "]")
		kind, section, _ := strings.Cut(strings.TrimPrefix(header, "["), ":")
		ini := f.Example
		switch {
		case kind == "filter":
			ini += "\n[pipeline:main]\npipeline = " + section + " last\n[app:last]\nuse = egg:initest#last\n"
		case section != "main":
			ini += "\n[app:main]\nuse = " + section + "\n"
		}
		if _, err := pipelinetest.Try(t, ini); err != nil {
			t.Errorf("the example of %s: %v\n%s", name, err, ini)
		}
	}
}
