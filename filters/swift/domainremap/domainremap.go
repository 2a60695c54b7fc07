// Package domainremap is Swift's domain_remap: container and account come from
// the host name.
package domainremap

import (
	"net/http"
	"slices"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	StorageDomain string `paste:"storage_domain,global" help:"comma-separated domains below which accounts are"`
	PathRoot      string `paste:"path_root,global" help:"first segment of the path that is made"`
	Prefixes      string `paste:"reseller_prefixes,global" help:"comma-separated: beginnings of account names, to which case does not matter in a host name"`
	Default       string `paste:"default_reseller_prefix,global" help:"beginning of an account name that has none of these; without it such a request passes unchanged"`
	Mangle        bool   `paste:"mangle_client_paths,global" help:"take path_root off the path that came"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_domain_remap", Options{StorageDomain: "example.com", PathRoot: "v1", Prefixes: "AUTH"}, New,
		paste.LooseAlias("egg:swift#domain_remap", "swift.common.middleware.domain_remap:filter_factory"),
		paste.Help("Turns CONTAINER.ACCOUNT.storage.domain/OBJECT into /v1/ACCOUNT/CONTAINER/OBJECT."),
		paste.Example("[filter:domain_remap]\nuse = egg:swift#domain_remap\nstorage_domain = storage.example.com\ndefault_reseller_prefix = AUTH"),
	)
}

type filter struct {
	domains  []string // with a dot in front
	root     string   // without slashes
	prefixes []string
	fallback string
	mangle   bool
}

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{root: strings.Trim(o.PathRoot, "/"), prefixes: swob.List(o.Prefixes), fallback: o.Default, mangle: o.Mangle}
	domains := swob.List(o.StorageDomain)
	for _, dotted := range []bool{false, true} { // those without a dot go first, as in Swift
		for _, d := range domains {
			if strings.HasPrefix(d, ".") == dotted {
				f.domains = append(f.domains, "."+strings.TrimPrefix(d, "."))
			}
		}
	}
	return f.wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if at := strings.LastIndexByte(host, ':'); at >= 0 {
			host = host[:at]
		}
		at := slices.IndexFunc(f.domains, func(d string) bool { return strings.HasSuffix(host, d) })
		if at < 0 {
			next.ServeHTTP(w, r)
			return
		}
		labels := strings.Split(strings.Trim(strings.TrimSuffix(host, f.domains[at]), "."), ".")
		if len(labels) > 2 {
			swob.Answer{Status: http.StatusBadRequest, Body: "Bad domain in host header", Type: "text/plain"}.ServeHTTP(w, r)
			return
		}
		account, ok := f.account(labels[len(labels)-1])
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		container := ""
		if len(labels) == 2 {
			container = labels[0]
		}
		f.remap(next, w, r, account, container)
	})
}

// account finds the name of an account for a label, which has no case and no
// underscore.
func (f *filter) account(label string) (string, bool) {
	if len(f.prefixes) == 0 {
		return label, true
	}
	if !strings.Contains(label, "_") {
		label = strings.Replace(label, "-", "_", 1)
	}
	head, _, _ := strings.Cut(label, "_")
	for _, prefix := range f.prefixes {
		if !strings.EqualFold(head, prefix) {
			continue
		}
		if !strings.HasPrefix(label, prefix) {
			label = prefix + label[len(prefix):]
		}
		return label, true
	}
	if f.fallback == "" {
		return "", false
	}
	return f.fallback + "_" + label, true
}

func (f *filter) remap(next http.Handler, w http.ResponseWriter, r *http.Request, account, container string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if f.mangle {
		if strings.HasPrefix(path+"/", f.root+"/") {
			path = path[min(len(f.root)+1, len(path)):]
		}
	}
	made := "/" + f.root + "/" + account
	if container != "" {
		made += "/" + container
	}
	made += "/" + path
	asked, told := swob.Quote(r.URL.Path), swob.Quote(made)
	ww := webob.NewWriter(w, func(int) bool {
		for _, name := range []string{"Location", "Content-Location"} {
			for i, value := range w.Header()[name] {
				w.Header()[name][i] = back(value, told, asked)
			}
		}
		return false
	})
	next.ServeHTTP(ww, pipeline.Rebase(r, pipeline.FromRequest(r).ScriptName(), made))
	ww.Finish()
}

// back puts what the client asked for in the place of what the app was told, in
// an absolute URL.
func back(value, told, asked string) string {
	scheme, rest, ok := strings.Cut(value, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return value
	}
	host, path, ok := strings.Cut(rest, "/")
	if !ok || host == "" || strings.ContainsAny(path, "\n") {
		return value
	}
	tail, ok := strings.CutPrefix("/"+path, told)
	if !ok {
		return value
	}
	return scheme + "://" + host + asked + tail
}
