package paste_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
)

// write makes a file for an example.
func write(text string) (file string, remove func()) {
	dir, err := os.MkdirTemp("", "paste")
	if err != nil {
		panic(err)
	}
	file = filepath.Join(dir, "demo.ini")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		panic(err)
	}
	return file, func() { _ = os.RemoveAll(dir) }
}

func ExampleLoad() {
	file, remove := write(`
[pipeline:main]
pipeline = auth api

[filter:auth]
paste.filter_factory = demo.auth:factory

[app:api]
use = egg:Demo
`)
	defer remove()
	c, err := paste.Load(paste.App, paste.FileURI(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Object, c.Label())
	for _, f := range c.Filters {
		fmt.Println("filter", f.Label(), f.Ref.Text)
	}
	fmt.Println("app", c.Next.Label(), c.Next.Ref.Text)
	// Output:
	// pipeline main
	// filter auth demo.auth:factory
	// app api egg:Demo#main
}

func ExampleAppConfig() {
	file, remove := write(`
[DEFAULT]
data = /srv/demo

[app:main]
use = base
cache = %(data)s/cache

[app:base]
use = egg:Demo
workers = 4
`)
	defer remove()
	conf, err := paste.AppConfig(paste.FileURI(file), paste.GlobalConf(map[string]string{"debug": "yes"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, v := range conf.Local.All() {
		o := v.Origin()
		fmt.Printf("%s = %s, from [%s] line %d\n", name, v.Text, o.Section, o.Pos.Line)
	}
	debug, _ := conf.Global.Get("debug")
	fmt.Println("debug is", debug)
	// Output:
	// workers = 4, from [app:base] line 11
	// cache = /srv/demo/cache, from [app:main] line 7
	// debug is yes
}

func ExampleRegisterFilter() {
	type options struct {
		Header string `paste:"header" help:"name of the header"`
		Value  string `paste:"value,required" help:"its value"`
	}
	paste.RegisterFilter("egg:example#stamp", options{Header: "X-Stamp"},
		func(_ *paste.Build, o options) (alice.Constructor, error) {
			return func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set(o.Header, o.Value)
					next.ServeHTTP(w, r)
				})
			}, nil
		},
		paste.Help("Puts a header on every answer."))

	f, _ := paste.DefaultRegistry.Lookup(paste.Filter, "egg:Example#stamp")
	for _, o := range f.Options() {
		fmt.Printf("%s (%s, default %q): %s\n", o.Name, o.Type, o.Default, o.Help)
	}
	// Output:
	// header (text, default "X-Stamp"): name of the header
	// value (text, default ""): its value
}
