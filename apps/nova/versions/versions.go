// Package versions is nova's two version apps: the list of all versions at the
// root of the API, and the document of one version.
package versions

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/apps/nova/urlmap"
	"github.com/wheatpaste/wheatpaste/filters/services/answer"
	"github.com/wheatpaste/wheatpaste/filters/services/microversion"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of both apps.
type Options struct {
	LinkPrefix string `paste:"compute_link_prefix" conf:"api.compute_link_prefix,DEFAULT.osapi_compute_link_prefix" help:"the URL that links begin with; empty for the request's own"`
	Max        string `paste:"max_version" help:"the newest microversion that the application behind serves"`
}

// newest is what Debian 12's nova serves.
const newest = "2.93"

func init() {
	paste.RegisterApp("egg:wheatpaste#nova_versions", Options{Max: newest}, New,
		paste.LooseAlias("nova.api.openstack.compute.versions:Versions.factory"),
		paste.Help("Lists the versions of nova's API; paths of no version get 300 and the same path in each version."),
		paste.Example("[app:oscomputeversionapp]\nuse = egg:wheatpaste#nova_versions"))
	paste.RegisterApp("egg:wheatpaste#nova_version", Options{Max: newest}, NewOne,
		paste.LooseAlias("nova.api.openstack.compute.versions:VersionsV2.factory"),
		paste.Help("Shows the document of nova's API v2.1, or that of v2.0 behind legacy_v2_compatible."),
		paste.Example("[app:oscomputeversionapp_v2]\nuse = egg:wheatpaste#nova_version"))
}

type version struct {
	id, path, status, updated, mediaType string
	microversions                        bool
}

var known = []version{
	{"v2.0", "v2", "SUPPORTED", "2011-01-21T11:33:21Z", "application/vnd.openstack.compute+json;version=2", false},
	{"v2.1", "v2.1", "CURRENT", "2013-07-23T11:33:21Z", "application/vnd.openstack.compute+json;version=2.1", true},
}

// The documents.
type (
	document struct {
		ID         string             `json:"id"`
		Status     string             `json:"status"`
		Version    string             `json:"version"`
		Min        string             `json:"min_version"`
		Updated    string             `json:"updated"`
		Links      []answer.Link      `json:"links"`
		MediaTypes []answer.MediaType `json:"media-types,omitempty"`
	}
	choice struct {
		ID         string             `json:"id"`
		Status     string             `json:"status"`
		Links      []answer.Link      `json:"links"`
		MediaTypes []answer.MediaType `json:"media-types"`
	}
)

type app struct {
	prefix *url.URL
	limits microversion.Range
}

func newApp(o Options) (*app, error) {
	a := &app{limits: microversion.Range{Service: "compute", Own: microversion.NovaHeader, Min: microversion.Version{Major: 2, Minor: 1}}}
	var err error
	if a.limits.Max, err = microversion.ParseVersion(o.Max); err != nil {
		return nil, paste.BadOption("max_version", "%w", err)
	}
	if o.LinkPrefix == "" {
		return a, nil
	}
	if a.prefix, err = url.Parse(o.LinkPrefix); err != nil || a.prefix.Host == "" {
		return nil, paste.BadOption("compute_link_prefix", "invalid URL %q, want one such as https://api.example.org", o.LinkPrefix)
	}
	return a, nil
}

// New makes the list of versions.
func New(_ *paste.Build, o Options) (http.Handler, error) {
	a, err := newApp(o)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(a.list), nil
}

// NewOne makes the document of one version.
func NewOne(_ *paste.Build, o Options) (http.Handler, error) {
	a, err := newApp(o)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(a.one), nil
}

func (a *app) list(w http.ResponseWriter, r *http.Request) {
	base := a.base(r)
	if r.URL.Path == "/" {
		docs := make([]document, len(known))
		for i, v := range known {
			docs[i] = a.document(v)
			docs[i].Links = []answer.Link{{Rel: "self", Href: base + "/" + v.path + "/"}}
		}
		answer.JSON(w, http.StatusOK, contentType(r), map[string][]document{"versions": docs})
		return
	}
	rest := strings.Trim(answer.Escape(pipeline.FromRequest(r).ScriptName()+r.URL.Path), "/")
	choices := make([]choice, len(known))
	for i, v := range known {
		choices[i] = choice{v.id, v.status, []answer.Link{{Rel: "self", Href: base + "/" + v.path + "/" + rest}}, mediaTypes(v)}
	}
	answer.JSON(w, http.StatusMultipleChoices, contentType(r), map[string][]choice{"choices": choices})
}

func (a *app) document(v version) document {
	d := document{ID: v.id, Status: v.status, Updated: v.updated}
	if v.microversions {
		d.Version, d.Min = a.limits.Max.String(), a.limits.Min.String()
	}
	return d
}

func mediaTypes(v version) []answer.MediaType {
	return []answer.MediaType{{Base: "application/json", Type: v.mediaType}}
}

func (a *app) one(w http.ResponseWriter, r *http.Request) {
	env := pipeline.FromRequest(r)
	agreed, problem := a.limits.Agree(r)
	if problem == nil || problem.InRange {
		microversion.Requested.Set(env, agreed.String())
		h := w.Header()
		h.Set(microversion.Header, "compute "+agreed.String())
		h.Set(microversion.NovaHeader, agreed.String())
		h.Add("Vary", "OpenStack-API-Version")
		h.Add("Vary", "X-OpenStack-Nova-API-Version")
	}
	if problem != nil {
		name := map[int]string{http.StatusBadRequest: "badRequest"}[problem.Status]
		if name == "" {
			name = "computeFault"
		}
		answer.JSON(w, problem.Status, "application/json; charset=UTF-8", map[string]any{name: struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		}{problem.Status, problem.Problem}})
		return
	}
	v := known[1]
	if legacy, _ := microversion.LegacyV2.Get(env); legacy {
		v = known[0]
	}
	d := a.document(v)
	d.Links = []answer.Link{{Rel: "self", Href: a.base(r) + "/"}, {Rel: "describedby", Type: "text/html", Href: "http://docs.openstack.org/"}}
	d.MediaTypes = mediaTypes(v)
	answer.JSON(w, http.StatusOK, contentType(r), map[string]document{"version": d})
}

// base is what links begin with, without a slash at its end.
func (a *app) base(r *http.Request) string {
	if a.prefix == nil {
		return strings.TrimRight(answer.BaseURL(r), "/")
	}
	u := *a.prefix
	u.Path += pipeline.FromRequest(r).ScriptName()
	u.RawQuery, u.Fragment = "", ""
	return strings.TrimRight(u.String(), "/")
}

// contentType is the type that the client wants; nova's urlmap knows it.
func contentType(r *http.Request) string {
	const plain, vendor = "application/json", "application/vnd.openstack.compute+json"
	best, ok := urlmap.BestContentType.Get(pipeline.FromRequest(r))
	switch {
	case ok && (best == plain || best == vendor):
		return best
	case !ok && slices.Contains(r.Header["Accept"], vendor):
		return vendor
	}
	return plain
}
