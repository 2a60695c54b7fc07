// Package versions is the version app of cinder and of manila, which copied it.
package versions

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/services/answer"
	"github.com/wheatpaste/wheatpaste/filters/services/microversion"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of cinder's app.
type Options struct {
	PublicEndpoint string `paste:"public_endpoint" conf:"DEFAULT.public_endpoint" help:"the URL that links begin with; empty for the request's own"`
	Max            string `paste:"max_version" help:"the newest microversion that the application behind serves"`
}

// ManilaOptions are those of manila's.
type ManilaOptions struct {
	Max string `paste:"max_version" help:"the newest microversion that the application behind serves"`
}

func init() {
	paste.RegisterApp("egg:wheatpaste#cinder_versions", Options{Max: "3.70"}, New,
		paste.LooseAlias("cinder.api.versions:Versions.factory"),
		paste.Help("Lists the versions of cinder's API, with the status 300."),
		paste.Example("[app:osvolumeversionapp]\nuse = egg:wheatpaste#cinder_versions"))
	paste.RegisterApp("egg:wheatpaste#manila_versions", ManilaOptions{Max: "2.73"}, NewManila,
		paste.LooseAlias("manila.api.versions:VersionsRouter.factory"),
		paste.Help("Lists the versions of manila's API, with the status 300."),
		paste.Example("[app:osshareversionapp]\nuse = egg:wheatpaste#manila_versions"))
}

type document struct {
	ID         string             `json:"id"`
	Status     string             `json:"status"`
	Version    string             `json:"version"`
	Min        string             `json:"min_version"`
	Updated    string             `json:"updated"`
	Links      []answer.Link      `json:"links"`
	MediaTypes []answer.MediaType `json:"media-types"`
}

type app struct {
	known    []document
	docs     string
	vendor   string // the type that clients may ask for besides application/json; manila has none
	endpoint string
	limits   *microversion.Range // nil for manila, whose list has no version of its own
}

// New makes cinder's app.
func New(_ *paste.Build, o Options) (http.Handler, error) {
	newest, err := microversion.ParseVersion(o.Max)
	if err != nil {
		return nil, paste.BadOption("max_version", "%w", err)
	}
	return &app{
		known: []document{{
			ID: "v3.0", Status: "CURRENT", Version: o.Max, Min: "3.0", Updated: "2022-08-31T00:00:00Z",
			MediaTypes: []answer.MediaType{{Base: "application/json", Type: "application/vnd.openstack.volume+json;version=3"}},
		}},
		docs: "https://docs.openstack.org/", vendor: "application/vnd.openstack.volume+json", endpoint: o.PublicEndpoint,
		limits: &microversion.Range{Service: "volume", Min: microversion.Version{Major: 3}, Max: newest},
	}, nil
}

// NewManila makes manila's app.
func NewManila(_ *paste.Build, o ManilaOptions) (http.Handler, error) {
	if _, err := microversion.ParseVersion(o.Max); err != nil {
		return nil, paste.BadOption("max_version", "%w", err)
	}
	media := []answer.MediaType{{Base: "application/json", Type: "application/vnd.openstack.share+json;version=1"}}
	return &app{
		known: []document{
			{ID: "v1.0", Status: "DEPRECATED", Updated: "2015-08-27T11:33:21Z", MediaTypes: media},
			{ID: "v2.0", Status: "CURRENT", Version: o.Max, Min: "2.0", Updated: "2015-08-27T11:33:21Z", MediaTypes: media},
		},
		docs: "http://docs.openstack.org/",
	}, nil
}

// ServeHTTP answers with the list.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		a.list(w, r)
	case "":
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf8")
		h.Set("Location", answer.Escape(pipeline.FromRequest(r).ScriptName())+"/")
		w.WriteHeader(http.StatusFound)
	default:
		answer.NotFound(w, r)
	}
}

func (a *app) list(w http.ResponseWriter, r *http.Request) {
	if a.limits != nil && !a.agree(w, r) {
		return
	}
	base := strings.TrimRight(a.base(r), "/") + "/"
	docs := slices.Clone(a.known)
	for i := range docs {
		major, _, _ := strings.Cut(docs[i].ID, ".")
		docs[i].Links = []answer.Link{{Rel: "describedby", Type: "text/html", Href: a.docs}, {Rel: "self", Href: base + major + "/"}}
	}
	answer.JSON(w, http.StatusMultipleChoices, a.contentType(r), map[string][]document{"versions": docs})
}

// agree sends the microversion with the answer, and reports whether the list
// is to follow.
func (a *app) agree(w http.ResponseWriter, r *http.Request) bool {
	agreed, problem := a.limits.Agree(r)
	if problem == nil || problem.InRange {
		microversion.Requested.Set(pipeline.FromRequest(r), agreed.String())
		w.Header().Set(microversion.Header, "volume "+agreed.String())
		w.Header().Add("Vary", "OpenStack-API-Version")
	}
	if problem == nil {
		return true
	}
	name := "computeFault"
	if problem.Status == http.StatusBadRequest {
		name = "badRequest"
	}
	answer.JSON(w, problem.Status, "application/json", map[string]any{name: struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{problem.Status, problem.Problem}})
	return false
}

var ownVersion = regexp.MustCompile(`v[1-9]+/?$`)

// base is the URL of the root, also when the app is mounted at a version.
func (a *app) base(r *http.Request) string {
	if a.endpoint != "" {
		return ownVersion.ReplaceAllLiteralString(a.endpoint, "")
	}
	return ownVersion.ReplaceAllLiteralString(answer.BaseURL(r), "")
}

func (a *app) contentType(r *http.Request) string {
	if a.vendor != "" && slices.Contains(r.Header["Accept"], a.vendor) {
		return a.vendor
	}
	return "application/json"
}
