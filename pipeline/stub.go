package pipeline

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// stubApp stands for an application whose factory is not registered. A
// composite whose options look like those of a known kind is built as that
// kind, so that its applications can be reached.
func (b *builder) stubApp(c *paste.Context, p place) (http.Handler, error) {
	if name := likeness(c); name != "" {
		if f, ok := b.factories.Lookup(paste.App, name); ok {
			made, err := f.Create(b.build(c, p), nil)
			if err != nil {
				return nil, err
			}
			return made.(http.Handler), nil
		}
	}
	body, err := json.Marshal(map[string]any{"error": map[string]any{
		"code": http.StatusNotImplemented, "title": "Not Implemented",
		"message": "no Go factory is registered for this application",
		"factory": c.Ref.Text, "app": c.Label(),
	}})
	if err != nil {
		return nil, err
	}
	body = append(body, '\n')
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotImplemented)
		_, _ = w.Write(body)
	}), nil
}

// likeness names the factory that an unknown composite is most like; "" for an
// application of its own.
func likeness(c *paste.Context) string {
	if c.Protocol != paste.CompositeFactory && c.Protocol != paste.CompositFactory {
		return ""
	}
	ref := strings.ToLower(c.Ref.Text)
	switch {
	case strings.Contains(ref, "pipeline_factory"):
		return "egg:wheatpaste#authstrategy"
	case strings.Contains(ref, "cascade"):
		return "egg:Paste#cascade"
	}
	for key := range c.Local.All() {
		if strings.HasPrefix(key, "/") {
			return "egg:Paste#urlmap"
		}
	}
	return ""
}
