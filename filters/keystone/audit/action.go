package audit

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// action is what a request does, by its method, the end of its path, and the
// map file.
func (a *auditor) action(r *http.Request, path string) string {
	path = strings.TrimSuffix(path, "/")
	end := clean(path[strings.LastIndexByte(path, '/')+1:])
	if custom, ok := a.actions[end+"/"+strings.ToLower(r.Method)]; ok {
		return custom
	}
	if custom, ok := a.actions[end]; ok {
		return custom
	}
	_, known := a.keywords[end]
	switch r.Method {
	case http.MethodPost:
		return postAction(r, end, known)
	case http.MethodGet:
		if known {
			return "read/list"
		}
		return "read"
	case http.MethodHead:
		return "read"
	case http.MethodPut, http.MethodPatch:
		return "update"
	case http.MethodDelete:
		return "delete"
	}
	return unknown
}

func postAction(r *http.Request, end string, known bool) string {
	switch {
	case end == "action":
		if name := firstKey(r); name != "" {
			return "update/" + name
		}
		return "create"
	case known:
		return "create"
	default:
		return "update"
	}
}

// clean takes .json off the end of a segment.
func clean(segment string) string { return strings.TrimSuffix(segment, ".json") }

// How much of a body is looked at, and how long the name of an action gets.
const (
	lookAt  = 64 << 10
	maxName = 255
)

// firstKey is the first key of the object in the body of a request, "" if it
// holds none. The body is put back.
func firstKey(r *http.Request) string {
	if r.Body == nil || r.Body == http.NoBody {
		return ""
	}
	body := r.Body
	start, err := io.ReadAll(io.LimitReader(body, lookAt))
	var rest io.Reader = body
	if err != nil {
		rest = failed{err}
	}
	r.Body = &putBack{io.MultiReader(bytes.NewReader(start), rest), body}
	if err != nil || len(start) < lookAt && !json.Valid(start) {
		return ""
	}
	d := json.NewDecoder(bytes.NewReader(start))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	t, err := d.Token()
	name, ok := t.(string)
	if err != nil || !ok {
		return ""
	}
	if runes := []rune(name); len(runes) > maxName {
		name = string(runes[:maxName])
	}
	return name
}

// putBack is a body of which a part was read.
type putBack struct {
	io.Reader
	io.Closer
}

// failed gives the error again that the body has given.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
