// Package versions lists the versions of neutron's API.
package versions

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/services/answer"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of the application.
type Options struct {
	LinkPrefix string `paste:"network_link_prefix" conf:"DEFAULT.network_link_prefix" help:"the URL that links begin with; empty for the request's own"`
}

func init() {
	paste.RegisterApp("egg:wheatpaste#neutron_versions", Options{}, New,
		paste.LooseAlias("neutron.pecan_wsgi.app:versions_factory", "neutron.api.versions:Versions.factory",
			"quantum.api.versions:Versions.factory"),
		paste.Help("Lists the versions of neutron's API."),
		paste.Example("[app:neutronversions]\nuse = egg:wheatpaste#neutron_versions"))
}

type app struct{ prefix *url.URL }

// New makes the application.
func New(_ *paste.Build, o Options) (http.Handler, error) {
	if o.LinkPrefix == "" {
		return &app{}, nil
	}
	u, err := url.Parse(o.LinkPrefix)
	if err != nil || u.Host == "" {
		return nil, paste.BadOption("network_link_prefix", "invalid URL %q, want one such as https://api.example.org", o.LinkPrefix)
	}
	return &app{u}, nil
}

type document struct {
	ID     string        `json:"id"`
	Status string        `json:"status"`
	Links  []answer.Link `json:"links"`
}

// ServeHTTP answers with the list.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "":
		redirect(w, r)
	case r.URL.Path != "/":
		answer.NotFound(w, r)
	case r.Method == http.MethodHead || r.Method == http.MethodPost || r.Method == http.MethodPatch ||
		r.Method == http.MethodPut || r.Method == http.MethodDelete:
		webob.Page{Status: http.StatusMethodNotAllowed,
			Explanation: "The method " + r.Method + " is not allowed for this resource."}.Write(w, r)
	default:
		answer.JSON(w, http.StatusOK, "application/json", map[string][]document{"versions": {{
			"v2.0", "CURRENT", []answer.Link{{Rel: "self", Href: strings.TrimRight(a.base(r), "/") + "/v2.0/"}},
		}}})
	}
}

// redirect leads to the root with its slash.
func redirect(w http.ResponseWriter, r *http.Request) {
	to := answer.BaseURL(r) + "/"
	w.Header().Set("Location", to)
	webob.Page{Status: http.StatusFound, Explanation: "The resource was found at " + to + "; you should be redirected automatically."}.Write(w, r)
}

func (a *app) base(r *http.Request) string {
	if a.prefix == nil {
		return answer.BaseURL(r)
	}
	u := *a.prefix
	u.Path += pipeline.FromRequest(r).ScriptName()
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}
