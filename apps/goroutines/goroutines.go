// Package goroutines shows what the process is doing, as Paste's watch_threads
// shows the threads of its pool.
package goroutines

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the application, as they are written in its section.
type Options struct {
	AllowKill bool `paste:"allow_kill" help:"without effect: goroutines cannot be killed"`
}

func init() {
	paste.RegisterApp("egg:Paste#watch_threads", Options{}, New,
		paste.Alias("egg:wheatpaste#goroutines", "paste.debug.watchthreads:make_watch_threads"),
		paste.Help("Shows the stacks of all goroutines of the worker that answers. It tells about the inside of the server: never mount it in public."),
		paste.Example("[app:threads]\nuse = egg:Paste#watch_threads"))
}

// New makes the application.
func New(b *paste.Build, o Options) (http.Handler, error) {
	if o.AllowKill {
		b.Warn("allow_kill", "goroutines cannot be killed")
	}
	b.Warn("", "shows the inside of the server to everybody who reaches it")
	return http.HandlerFunc(serve), nil
}

func serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "want GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	var page bytes.Buffer
	fmt.Fprintf(&page, "%d goroutines\n\n", runtime.NumGoroutine())
	if err := pprof.Lookup("goroutine").WriteTo(&page, 1); err != nil { // a buffer takes all
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes()) // the client may have gone
}
