package audit

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// service is one of the catalog in X-Service-Catalog. Its members may be of any
// type: the catalog is what the request says it is.
type service struct {
	Type      any               `json:"type"`
	Name      any               `json:"name"`
	Endpoints []json.RawMessage `json:"endpoints"`
}

type endpoint struct {
	ID       any `json:"id"`
	Admin    any `json:"adminURL"`
	Internal any `json:"internalURL"`
	Public   any `json:"publicURL"`
}

// target is the service that a request is for: the one of the catalog whose
// address the request has, or the one that the map file names.
func (a *auditor) target(r *http.Request, path string) resource {
	none := unknown
	found, e := a.find(r)
	if found == nil {
		return resource{ID: unknown, TypeURI: unknown, Name: &none}
	}
	name, named := found.Name.(string)
	id, ok := e.ID.(string)
	if !ok {
		id = name
	}
	kind, _ := found.Type.(string)
	t := resource{ID: identifier(id), TypeURI: unknown, Addresses: []address{
		{or(e.Admin), "admin"}, {or(e.Internal), "private"}, {or(e.Public), "public"},
	}}
	if named {
		t.Name = &name
	}
	if uri, ok := a.services[kind]; ok && uri != unknown {
		t.TypeURI = uri + a.uri(path)
	}
	return t
}

// or is a text, or the word for none.
func or(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return unknown
}

// find looks through the catalog.
func (a *auditor) find(r *http.Request) (*service, *endpoint) {
	values, ok := r.Header["X-Service-Catalog"]
	if !ok {
		a.log.Warn("the target of a request is not known: there is no service catalog, want auth_token before this filter, with include_service_catalog = true")
		return nil, nil
	}
	var catalog []json.RawMessage
	if err := json.Unmarshal([]byte(strings.Join(values, ",")), &catalog); err != nil {
		a.log.Warn("the target of a request is not known: its service catalog is none")
		return nil, nil
	}
	var fallback *service
	var fallbackEndpoint *endpoint
	here := netlocOf(r)
	for _, raw := range catalog {
		s, e := a.service(raw)
		if s == nil {
			continue
		}
		if here != "" && (here == netloc(e.Admin) || here == netloc(e.Public)) {
			return s, e
		}
		if a.fallback != "" && s.Type == a.fallback {
			fallback, fallbackEndpoint = s, e
		}
	}
	return fallback, fallbackEndpoint
}

// service reads one of the catalog with its first endpoint, nil if it has none.
func (a *auditor) service(raw json.RawMessage) (*service, *endpoint) {
	var s service
	var e endpoint
	if json.Unmarshal(raw, &s) != nil {
		return nil, nil
	}
	if len(s.Endpoints) == 0 {
		a.log.Warn("a service without endpoints is left out", "service", or(s.Name))
		return nil, nil
	}
	if json.Unmarshal(s.Endpoints[0], &e) != nil {
		return nil, nil
	}
	return &s, &e
}

// netlocOf is host and port of a request, "" without a port of its own: then it
// is not known for which of the services behind the usual one it is.
func netlocOf(r *http.Request) string {
	i := strings.LastIndexByte(r.Host, ':')
	if i < 0 || strings.HasSuffix(r.Host, "]") {
		return ""
	}
	port, scheme := r.Host[i+1:], pipeline.FromRequest(r).Scheme()
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return ""
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return ""
	}
	return r.Host
}

// netloc is what stands between // and the path of a URL.
func netloc(v any) string {
	url, _ := v.(string)
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// uri names the kind of resource that a path leads to, by its known segments.
func (a *auditor) uri(path string) string {
	var b strings.Builder
	previous := ""
	for segment := range strings.SplitSeq(path, "/") {
		segment = clean(segment)
		if _, ok := a.keywords[segment]; ok {
			b.WriteString("/" + segment)
		} else if one, ok := a.keywords[previous]; ok {
			b.WriteString("/" + one)
		}
		previous = segment
	}
	return b.String()
}
