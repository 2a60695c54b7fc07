// Package urlmap sends requests to applications by path, and negotiates the
// version of the API and the type of the answer as nova does.
package urlmap

import (
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// BestContentType is the type that the answer should have (NMAP-01). The map
// sets it for the application that it chooses.
var BestContentType = pipeline.NewKey[string]("nova.best_content_type")

// Options of the composite, as they are written in its section.
type Options struct {
	NotFoundApp string      `paste:"not_found_app,global" help:"application for what no mount takes"`
	Mounts      *paste.Conf `paste:",rest" help:"a mount: /path, /path/+, or domain D [port P] [/path]; the value is an application"`
}

func init() {
	paste.RegisterComposite("nova.api.openstack.urlmap:urlmap_factory", Options{}, New,
		paste.Alias("egg:wheatpaste#nova_urlmap", "nova.api.openstack.v2.urlmap:urlmap_factory"),
		paste.Help("A urlmap that also finds the version of the API in the Content-Type and Accept headers "+
			"and the wanted type of the answer in the path and in Accept."),
		paste.Example(`
[composite:osapi_compute]
use = call:nova.api.openstack.urlmap:urlmap_factory
/: oscomputeversions
/v2.1: oscomputeversion_v2
/v2.1/+: openstack_compute_api_v21
`))
	paste.RegisterComposite("masakari.api.urlmap:urlmap_factory", Options{}, NewMasakari,
		paste.Help("Nova's urlmap with masakari's own type, and without wildcards."),
		paste.Example(`
[composite:masakari_api]
use = call:masakari.api.urlmap:urlmap_factory
/: apiversions
/v1: masakari_api_v1
`))
}

// New makes nova's map.
func New(b *paste.Build, o Options) (http.Handler, error) {
	return load(b, o, "application/vnd.openstack.compute+json", true)
}

// NewMasakari makes masakari's map.
func NewMasakari(b *paste.Build, o Options) (http.Handler, error) {
	return load(b, o, "application/vnd.openstack.masakari+json", false)
}

func load(b *paste.Build, o Options, vendorType string, wildcards bool) (http.Handler, error) {
	urls, err := pipeline.LoadURLMap(b, o.Mounts, o.NotFoundApp, wildcards)
	if err != nil {
		return nil, err
	}
	types := []string{jsonType, vendorType, atomType}
	return &handler{urls: urls, types: types[:2], indexTypes: types}, nil
}

const (
	jsonType = "application/json"
	atomType = "application/atom+xml"
)

// handler chooses by path, Content-Type and Accept.
type handler struct {
	urls       *pipeline.URLMap
	types      []string // that can be negotiated (NMAP-04)
	indexTypes []string // the same at the root of an API
}

// target is an application and what it gets to see of the path.
type target struct {
	app          http.Handler
	script, path string
}

// ServeHTTP answers a request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	env, w, r := pipeline.Begin(w, r)
	path, ok := pipeline.CollapsePath(r.URL.Path)
	if !ok {
		h.urls.ServeHTTP(w, r) // MAP-16: it refuses the path
		return
	}
	to, mime, err := h.negotiate(r, path)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case to.app == nil:
		h.urls.NotFound(w, r)
	default:
		BestContentType.Set(env, mime)
		to.app.ServeHTTP(w, pipeline.Descend(r, to.script, to.path))
	}
}

// negotiate finds the application (NMAP-05) and the type of the answer
// (NMAP-03).
func (h *handler) negotiate(r *http.Request, path string) (target, string, error) {
	app, script := h.urls.Match(r, path)
	byPath := target{app, script, path[len(script):]}
	mime := h.suffixType(path)
	var to target
	if script != "" {
		to = byPath
	} else {
		var err error
		if to, err = h.byContentType(r); err != nil {
			return target{}, "", err
		}
	}
	if mime == "" || to.app == nil { // NMAP-10
		best, err := bestMatch(r.Header.Values("Accept"), h.typesAt(path, script))
		if err != nil {
			return target{}, "", err
		}
		if mime == "" {
			mime = best.mime
		}
		if to.app == nil && best.version.set {
			to = h.byVersion(r, best.version.text)
		}
	}
	if mime == "" {
		mime = jsonType
	}
	if to.app == nil {
		to = byPath
	}
	return to, mime, nil
}

// suffixType is the type that the end of the path names, "" if it names none.
func (h *handler) suffixType(path string) string {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 {
		return ""
	}
	for _, t := range h.types {
		if suffix, ok := strings.CutPrefix(t, "application/"); ok && suffix == path[dot+1:] {
			return t
		}
	}
	return ""
}

// typesAt lists the types at a path: more at the root of the map and at that of
// an API, which script is the path of.
func (h *handler) typesAt(path, script string) []string {
	if path == "/" || script != "" && path[len(script):] == "/" {
		return h.indexTypes
	}
	return h.types
}

// byContentType finds the application by the version in Content-Type.
func (h *handler) byContentType(r *http.Request) (target, error) {
	value := r.Header.Get("Content-Type")
	if value == "" {
		return target{}, nil
	}
	media, err := parseMedia(value)
	if err != nil {
		return target{}, err
	}
	if !media.version.set {
		return target{}, nil
	}
	if !media.version.hasText {
		return target{}, errNoVersion
	}
	return h.byVersion(r, media.version.text), nil
}

// byVersion finds the application of a version. The path stays whole (NMAP-06).
func (h *handler) byVersion(r *http.Request, version string) target {
	app, script := h.urls.Match(r, "/v"+version)
	return target{app, script, r.URL.Path}
}

// bestMatch finds the type that the client likes best (NMAP-07). The zero match
// means that it likes none.
func bestMatch(accept, types []string) (match, error) {
	items, err := parseAccept(accept)
	if err != nil {
		return match{}, err
	}
	best := match{quality: -1, stars: 2}
	for _, t := range types {
		for _, item := range items {
			if item.beats(best) && item.accepts(t) {
				best = match{mime: t, quality: item.quality, stars: item.stars, version: item.version}
			}
		}
	}
	if best.version.set && !best.version.hasText {
		return match{}, errNoVersion
	}
	return best, nil
}

// match is what bestMatch found so far.
type match struct {
	mime    string
	quality float64
	stars   int
	version parameter
}

// beats compares as nova does, in this order of comparisons, since the quality
// can be NaN.
func (m *media) beats(best match) bool {
	if m.skip || m.quality < best.quality {
		return false
	}
	return m.quality != best.quality || m.stars < best.stars
}

// accepts reports whether the mask fits a type (NMAP-08).
func (m *media) accepts(mime string) bool {
	switch {
	case m.stars == 0:
		return m.mask == mime
	case m.mask == "*/*":
		return true
	}
	major, _, _ := strings.Cut(mime, "/")
	return m.mask[:max(len(m.mask)-2, 0)] == major
}
