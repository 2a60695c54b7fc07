// Package xprofile is Swift's xprofile with Go's profiler: it serves pprof
// below its path.
package xprofile

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Path           string `paste:"path,global" help:"where the profiles are; slashes in it do not count"`
	Module         string `paste:"profile_module,global" help:"accepted and without effect: the profiler is Go's own"`
	Prefix         string `paste:"log_filename_prefix,global" help:"accepted and without effect: no file is written"`
	DumpInterval   string `paste:"dump_interval,global" help:"accepted and without effect"`
	DumpTimestamp  string `paste:"dump_timestamp,global" help:"accepted and without effect"`
	FlushAtClose   string `paste:"flush_at_shutdown,global" help:"accepted and without effect"`
	UnwindIterator string `paste:"unwind,global" help:"accepted and without effect"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_xprofile", Options{Path: "__profile__"}, New,
		paste.LooseAlias("egg:swift#xprofile", "swift.common.middleware.xprofile:filter_factory"),
		paste.Help("Serves Go's profiles (pprof) below a path."),
		paste.Example("[filter:xprofile]\nuse = egg:swift#xprofile\npath = /__profile__"),
	)
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	path := strings.ReplaceAll(o.Path, "/", "")
	if path == "" {
		return nil, paste.BadOption("path", "invalid path %q, want one such as /__profile__", o.Path)
	}
	for name, value := range map[string]string{"profile_module": o.Module, "log_filename_prefix": o.Prefix, "dump_interval": o.DumpInterval,
		"dump_timestamp": o.DumpTimestamp, "flush_at_shutdown": o.FlushAtClose, "unwind": o.UnwindIterator} {
		if value != "" && b.LocalConf().Has(name) {
			b.Warn(name, "without effect: the profiles are those of Go, see /"+path+"/")
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
			switch first {
			case path:
				profile(w, r, path, rest)
			case "favicon.ico": // browsers ask for it, and it says nothing about the app
				w.Header().Set("Content-Length", "0")
				w.WriteHeader(http.StatusOK)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}, nil
}

// profile serves one profile, or the list of them.
func profile(w http.ResponseWriter, r *http.Request, path, name string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	switch name {
	case "":
		if !strings.HasSuffix(r.URL.Path, "/") { // the links of the list are relative
			http.Redirect(w, r, pipeline.FromRequest(r).ScriptName()+"/"+path+"/", http.StatusFound) //nolint:gosec // the script name is the mount's
			return
		}
		moved := r.Clone(r.Context())
		moved.URL.Path = "/debug/pprof/"
		pprof.Index(w, moved)
	case "cmdline":
		pprof.Cmdline(w, r)
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Handler(name).ServeHTTP(w, r)
	}
}
