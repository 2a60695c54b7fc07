// Package versions lists the versions of glance's API.
package versions

import (
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/services/answer"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options are what the list depends on.
type Options struct {
	PublicEndpoint string `paste:"public_endpoint" conf:"DEFAULT.public_endpoint" help:"the URL that links begin with; empty for the request's own"`
	CacheDir       string `paste:"image_cache_dir" conf:"DEFAULT.image_cache_dir" help:"set, the API of the image cache is there: 2.14 and 2.16"`
	Backends       string `paste:"enabled_backends" conf:"DEFAULT.enabled_backends" help:"set, the API of several stores is there: 2.8 and 2.10 to 2.13"`
}

func init() {
	paste.RegisterApp("egg:wheatpaste#glance_versions", Options{}, New,
		paste.LooseAlias("glance.api.versions:create_resource"),
		paste.Help("Lists the versions of glance's API, with the status 300."),
		paste.Example("[app:apiversions]\nuse = egg:wheatpaste#glance_versions"))
}

// New makes the application.
func New(_ *paste.Build, o Options) (http.Handler, error) {
	list := NewList(o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list.Send(w, r, http.StatusMultipleChoices)
	}), nil
}

// List is the list of versions.
type List struct {
	endpoint string
	numbers  []string
}

// NewList makes the list that the options describe, newest first.
func NewList(o Options) *List {
	l := &List{endpoint: o.PublicEndpoint}
	if o.CacheDir != "" {
		l.numbers = append(l.numbers, "2.16", "2.15", "2.14")
	} else {
		l.numbers = append(l.numbers, "2.15")
	}
	if o.Backends != "" {
		l.numbers = append(l.numbers, "2.13", "2.12", "2.11", "2.10", "2.9", "2.8")
	} else {
		l.numbers = append(l.numbers, "2.9")
	}
	l.numbers = append(l.numbers, "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0")
	return l
}

// Has reports whether a version such as v2.7 is in the list; v2 always is.
func (l *List) Has(version string) bool {
	for _, n := range l.numbers {
		if len(version) == len(n)+1 && version[0] == 'v' && version[1:] == n {
			return true
		}
	}
	return version == "v2"
}

type document struct {
	ID     string        `json:"id"`
	Status string        `json:"status"`
	Links  []answer.Link `json:"links"`
}

// Send answers with the list.
func (l *List) Send(w http.ResponseWriter, r *http.Request, status int) {
	base := l.endpoint
	if base == "" {
		base = answer.BaseURL(r)
	}
	links := []answer.Link{{Rel: "self", Href: strings.TrimRight(base, "/") + "/v2/"}}
	docs := make([]document, len(l.numbers))
	for i, n := range l.numbers {
		docs[i] = document{"v" + n, "SUPPORTED", links}
	}
	docs[0].Status = "CURRENT"
	answer.JSON(w, status, "application/json", map[string][]document{"versions": docs})
}
