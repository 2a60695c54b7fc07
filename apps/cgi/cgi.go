// Package cgi runs a CGI script for each request, as Paste's cgi app does.
package cgi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	netcgi "net/http/cgi" //nolint:gosec // Go has closed CVE-2016-5386 long ago, and the header Proxy is taken out here, too
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the application, as they are written in its section.
type Options struct {
	Script     string  `paste:"script,required" help:"the program; ?QUERY behind it is added to each query"`
	Path       *string `paste:"path,global" help:"the folders in which a program without a slash is looked for; without it PATH"`
	OSEnviron  bool    `paste:"include_os_environ" help:"give the script the environment of the server"`
	Query      *string `paste:"query_string" help:"added to each query"`
	Concurrent int     `paste:"max_processes" help:"how many scripts run at once; further requests get 503"`
}

func init() {
	paste.RegisterApp("egg:Paste#cgi", Options{OSEnviron: true, Concurrent: 16}, New,
		paste.Alias("egg:wheatpaste#cgi", "paste.cgiapp:make_cgi_application"),
		paste.Help("Runs a CGI script for each request."),
		paste.Example("[app:legacy]\nuse = egg:Paste#cgi\nscript = /usr/lib/cgi-bin/legacy.cgi\ninclude_os_environ = false"))
}

type app struct {
	script  string
	query   string
	environ []string // of the server, to be inherited
	log     *slog.Logger
	slots   chan struct{}
}

// New makes the application.
func New(b *paste.Build, o Options) (http.Handler, error) {
	script, query, both := strings.Cut(o.Script, "?")
	if o.Query != nil {
		if both {
			return nil, paste.BadOption("query_string", "script has a query already, want one of the two")
		}
		query = *o.Query
	}
	if o.Concurrent < 1 {
		return nil, paste.BadOption("max_processes", "invalid number %d, want 1 or more", o.Concurrent)
	}
	a := &app{script: script, query: query, log: b.Logger(), slots: make(chan struct{}, o.Concurrent)}
	b.OnStart(func(context.Context) error {
		found, err := find(script, o.Path)
		if err != nil {
			return paste.BadOption("script", "%w", err)
		}
		a.script = found
		if o.OSEnviron {
			a.environ = inherited(os.Environ())
		}
		return nil
	})
	return a, nil
}

// find looks for a program as Paste does.
func find(script string, path *string) (string, error) {
	if filepath.IsAbs(script) {
		_, err := os.Stat(script)
		return script, err
	}
	if path == nil {
		return exec.LookPath(script)
	}
	for _, dir := range filepath.SplitList(*path) {
		if candidate := filepath.Join(dir, script); isFile(candidate) {
			return filepath.Abs(candidate)
		}
	}
	return "", errors.New("script " + script + " is not found in path " + *path)
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// inherited gives the names of the variables that a script may see: those of a
// launcher, such as its sockets, are none of its business.
func inherited(environ []string) []string {
	var names []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if name != "" && name != "HTTP_PROXY" && !strings.HasPrefix(name, "WHEATPASTE_") && !strings.HasPrefix(name, "LISTEN_") && name != "NOTIFY_SOCKET" {
			names = append(names, name)
		}
	}
	return names
}

// ServeHTTP runs the script.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many scripts run already", http.StatusServiceUnavailable)
		return
	}
	env := pipeline.FromRequest(r)
	r2 := r.Clone(r.Context())
	r2.URL.Path = env.ScriptName() + r.URL.Path
	if a.query != "" {
		if r2.URL.RawQuery != "" {
			r2.URL.RawQuery += "&"
		}
		r2.URL.RawQuery += a.query
	}
	h := &netcgi.Handler{
		Path: a.script, Dir: filepath.Dir(a.script), Root: rootOf(env.ScriptName()), InheritEnv: a.environ,
		Env:    []string{"SCRIPT_FILENAME=" + a.script, "REMOTE_USER=" + env.Identity().UserName, "REMOTE_ADDR=" + env.ClientAddr()},
		Stderr: &lines{log: a.log}, Logger: slog.NewLogLogger(a.log.Handler(), slog.LevelError),
	}
	h.ServeHTTP(w, r2)
}

// rootOf is the mount, which net/http/cgi wants without a slash at its end.
func rootOf(script string) string {
	if script == "" {
		return "/"
	}
	return script
}

// lines logs what a script writes to its standard error.
type lines struct {
	log *slog.Logger
}

// Write logs a part.
func (l *lines) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		if text := strings.TrimSpace(line); text != "" {
			l.log.Warn("the script says", "stderr", text)
		}
	}
	return len(p), nil
}
