// Package versions is an application that lists the versions of an API, as
// OpenStack services do at their root.
package versions

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/apps/internal/wsgi"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of the application.
type Options struct {
	Versions       *paste.Conf `paste:"version *" help:"a version: status= path= version= min_version= updated= docs= media_type="`
	Status         int         `paste:"status" help:"the status of the list, 200 or 300"`
	Other          int         `paste:"other" help:"the status of unknown paths: 404, or 300 with the same path in each version"`
	Single         string      `paste:"single" help:"answer with this version's document alone, for a mount at the version's own path"`
	PublicEndpoint string      `paste:"public_endpoint" help:"the URL that links begin with; empty for the request's own"`
}

func init() {
	paste.RegisterApp("egg:wheatpaste#versions", Options{Status: http.StatusOK, Other: http.StatusNotFound}, New,
		paste.Help("Lists the versions of an API as OpenStack services do, with links made of the request's own URL."),
		paste.Example(`
[app:versions]
use = egg:wheatpaste#versions
version v2.0 = status=SUPPORTED path=/v2/ updated=2011-01-21T11:33:21Z
version v2.1 = status=CURRENT path=/v2.1/ min_version=2.1 version=2.90
`))
}

// New makes an application that shows the versions in Options.
func New(_ *paste.Build, o Options) (http.Handler, error) {
	h := &handler{status: o.Status, other: o.Other}
	errs := []error{h.addVersions(o.Versions)}
	if o.Status != http.StatusOK && o.Status != http.StatusMultipleChoices {
		errs = append(errs, paste.BadOption("status", "invalid status %d, want 200 or 300", o.Status))
	}
	if o.Other != http.StatusNotFound && o.Other != http.StatusMultipleChoices {
		errs = append(errs, paste.BadOption("other", "invalid status %d, want 404 or 300", o.Other))
	}
	if o.Other == http.StatusMultipleChoices && o.Single != "" {
		errs = append(errs, paste.BadOption("other", "300 leads to versions below this application, want 404 together with single"))
	}
	errs = append(errs, h.setSingle(o.Single), h.setEndpoint(o.PublicEndpoint))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return h, nil
}

type handler struct {
	versions      []version
	status, other int
	single        *version
	endpoint      string // "" for the request's own URL
}

func (h *handler) addVersions(conf *paste.Conf) error {
	if conf.Len() == 0 {
		return paste.BadOption("version", "missing, want at least one such as version v1 = status=CURRENT path=/v1/")
	}
	var errs []error
	paths := map[string]string{}
	for id, text := range conf.All() {
		v, err := parseVersion(id, text.Text)
		place := strings.TrimRight(v.path, "/")
		if other, taken := paths[place]; err == nil && taken {
			err = paste.BadOption("version "+id, "path %q is the one of version %s, want another", v.path, other)
		}
		paths[place] = id
		errs = append(errs, err)
		h.versions = append(h.versions, v)
	}
	return errors.Join(errs...)
}

func (h *handler) setSingle(id string) error {
	if id == "" {
		return nil
	}
	known := make([]string, len(h.versions))
	for i := range h.versions {
		if known[i] = h.versions[i].ID; known[i] == id {
			h.single = &h.versions[i]
			return nil
		}
	}
	return paste.BadOption("single", "unknown version %q, want one of %s", id, strings.Join(known, ", "))
}

func (h *handler) setEndpoint(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || !isWeb(u) || u.RawQuery != "" || u.Fragment != "" {
		return paste.BadOption("public_endpoint", "invalid URL %q, want one such as https://api.example.org/compute", text)
	}
	h.endpoint = strings.TrimRight(text, "/")
	return nil
}

func isWeb(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// The documents, in the words of the services.
type (
	document struct {
		ID         string      `json:"id"`
		Status     string      `json:"status"`
		Version    string      `json:"version,omitempty"`
		MinVersion string      `json:"min_version,omitempty"`
		Updated    string      `json:"updated,omitempty"`
		Links      []link      `json:"links"`
		MediaTypes []mediaType `json:"media-types,omitempty"`
	}
	link struct {
		Rel  string `json:"rel"`
		Type string `json:"type,omitempty"`
		Href string `json:"href"`
	}
	mediaType struct {
		Base string `json:"base"`
		Type string `json:"type"`
	}
	problem struct {
		Code    int    `json:"code"`
		Title   string `json:"title"`
		Message string `json:"message"`
	}
)

// ServeHTTP answers with the list, with one version or with the choices.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base := h.base(r)
	root := strings.Trim(r.URL.Path, "/") == ""
	switch v := h.find(r.URL.Path); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		sendProblem(w, r, http.StatusMethodNotAllowed, "want GET or HEAD")
	case root && h.single != nil:
		send(w, r, http.StatusOK, map[string]any{"version": h.single.at(base + "/")})
	case root:
		send(w, r, h.status, map[string]any{"versions": h.documents(base, "")})
	case v != nil:
		send(w, r, http.StatusOK, map[string]any{"version": v.at(base + wsgi.EscapePath(v.path))})
	case h.other == http.StatusMultipleChoices:
		send(w, r, h.other, map[string]any{"choices": h.documents(base, strings.TrimLeft(r.URL.Path, "/"))})
	default:
		sendProblem(w, r, http.StatusNotFound, "there is no version at "+r.URL.Path)
	}
}

func (h *handler) base(r *http.Request) string {
	if h.endpoint != "" {
		return h.endpoint + wsgi.EscapePath(pipeline.FromRequest(r).ScriptName())
	}
	return wsgi.BaseURL(r)
}

// find gives the version that has its document at a path, or nil; below a
// single one there are no others.
func (h *handler) find(path string) *version {
	if h.single != nil {
		return nil
	}
	for i := range h.versions {
		if strings.TrimRight(h.versions[i].path, "/") == strings.TrimRight(path, "/") {
			return &h.versions[i]
		}
	}
	return nil
}

// documents lists the versions; the links lead to rest in each.
func (h *handler) documents(base, rest string) []document {
	list := make([]document, len(h.versions))
	for i := range h.versions {
		v := &h.versions[i]
		href := base + wsgi.EscapePath(v.path)
		if rest != "" {
			href = strings.TrimRight(href, "/") + "/" + wsgi.EscapePath(rest)
		}
		list[i] = v.at(href)
	}
	return list
}

func send(w http.ResponseWriter, r *http.Request, status int, doc any) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.Encode(doc) //nolint:errcheck // strings and numbers only
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(text.Bytes()) //nolint:errcheck // the client left; net/http knows
	}
}

func sendProblem(w http.ResponseWriter, r *http.Request, status int, message string) {
	send(w, r, status, map[string]problem{"error": {status, http.StatusText(status), message}})
}
