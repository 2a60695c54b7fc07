// Package negotiation finds the version of the API that a request is for, in
// its path or its Accept header, as the filters of glance and heat do.
package negotiation

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/apps/glance/versions"
	"github.com/wheatpaste/wheatpaste/filters/services/answer"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// None are the options of heat's filter.
type None struct{}

func init() {
	paste.RegisterFilter("egg:wheatpaste#glance_version_negotiation", versions.Options{}, NewGlance,
		paste.LooseAlias("glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory"),
		paste.Help("Brings every version of glance's API that a request asks for to the path /v2; unknown ones get the list of versions."),
		paste.Example("[filter:versionnegotiation]\nuse = egg:wheatpaste#glance_version_negotiation"))
	paste.RegisterFilter("egg:wheatpaste#heat_version_negotiation", None{}, newHeat,
		paste.LooseAlias("heat.api.openstack:version_negotiation_filter", "heat.api.cfn:version_negotiation_filter",
			"heat.api.middleware.version_negotiation:VersionNegotiationFilter", "bilean.api.openstack:version_negotiation_filter"),
		paste.Help("Takes heat's version v1 off the path, or out of the Accept header; unknown ones get the list of versions."),
		paste.Example("[filter:versionnegotiation]\nuse = egg:wheatpaste#heat_version_negotiation"))
}

// NewGlance makes glance's filter.
func NewGlance(_ *paste.Build, o versions.Options) (alice.Constructor, error) {
	list := versions.NewList(o)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			first, rest := segment(r.URL.Path)
			if first == "versions" {
				list.Send(w, r, http.StatusOK)
				return
			}
			asked := first
			if version, ok := strings.CutPrefix(accept(r), "application/vnd.openstack.images-"); ok {
				asked, rest = version, r.URL.Path
			}
			if !list.Has(asked) {
				list.Send(w, r, http.StatusMultipleChoices)
				return
			}
			ww := webob.Response(w, r, nil)
			next.ServeHTTP(ww, pipeline.Rebase(r, pipeline.FromRequest(r).ScriptName(), "/v2"+rest))
			ww.Finish()
		})
	}, nil
}

// accept is the Accept header, its lines joined.
func accept(r *http.Request) string {
	if values := r.Header["Accept"]; len(values) == 1 {
		return values[0]
	}
	return strings.Join(r.Header["Accept"], ", ")
}

// segment cuts the first word off a path, with all slashes before it.
func segment(path string) (first, rest string) {
	path = strings.TrimLeft(path, "/")
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

func newHeat(*paste.Build, None) (alice.Constructor, error) { return Heat, nil }

// Heat is heat's filter, for heat's own way to name it.
func Heat(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, rest := segment(r.URL.Path)
		if first == "" || first == "versions" {
			heatVersions(w, r)
			return
		}
		script := pipeline.FromRequest(r).ScriptName()
		known, ok := heatVersion(first)
		switch {
		case ok && known: // the slashes before the word move with it
			r = pipeline.Rebase(r, script+strings.TrimSuffix(r.URL.Path, rest), rest)
		case ok:
			heatVersions(w, r)
			return
		default:
			asked, vendor := strings.CutPrefix(accept(r), "application/vnd.openstack.orchestration-")
			if !vendor {
				answer.NotFound(w, r)
				return
			}
			if known, ok := heatVersion(asked); ok && !known {
				heatVersions(w, r)
				return
			}
		}
		ww := webob.Response(w, r, nil)
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

// heatVersion reports whether a text begins as a version does, and whether it is
// v1 or v1.0.
func heatVersion(text string) (known, ok bool) {
	if !strings.HasPrefix(text, "v") {
		return false, false
	}
	major, rest := digits(text[1:])
	if major == "" {
		return false, false
	}
	minor, _ := digits(strings.TrimPrefix(rest, "."))
	return number(major) == 1 && number(minor) == 0, true
}

func digits(text string) (number, rest string) {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return text[:n], text[n:]
}

// number is -1 for what is too large to be a version.
func number(text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

type document struct {
	ID     string        `json:"id"`
	Status string        `json:"status"`
	Links  []answer.Link `json:"links"`
}

func heatVersions(w http.ResponseWriter, r *http.Request) {
	answer.JSON(w, http.StatusMultipleChoices, "application/json", map[string][]document{"versions": {{
		"v1.0", "CURRENT", []answer.Link{{Rel: "self", Href: answer.BaseURL(r) + "/v1/"}},
	}}})
}
