package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const hostIni = `
[composite:main]
use = egg:Paste#urlmap
/ = hello
/teapot = teapot

[app:hello]
use = egg:wheatpaste#respond
body = hello

[app:teapot]
use = egg:wheatpaste#respond
body = short and stout
`

// A program that has a server of its own mounts an application in a few lines
// (EMB-06): it loads it, starts it, and closes it after the last request. Nothing
// here takes a signal, ends the process or touches what is global.
func ExampleLoadApp() {
	app, err := pipeline.LoadApp("config:" + iniFile(hostIni))
	if err != nil {
		panic(err) // it holds every problem of the file, one a line
	}
	if err := app.Start(context.Background()); err != nil {
		panic(err)
	}
	defer func() { _ = app.Close(context.Background()) }()

	mux := http.NewServeMux()
	mux.Handle("/api/", pipeline.Mount("/api", app))
	host := httptest.NewServer(mux) // or the host's own http.Server
	defer host.Close()

	fmt.Println(fetch(host.URL + "/api/"))
	fmt.Println(fetch(host.URL + "/api/teapot"))
	// Output:
	// hello
	// short and stout
}

// iniFile stands for /etc/nova/api-paste.ini.
func iniFile(text string) string {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	path := filepath.Join(dir, "paste.ini")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err)
	}
	return path
}

func fetch(url string) string {
	r, err := http.Get(url) //nolint:noctx // an example
	if err != nil {
		panic(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	return string(body)
}
