package headers

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// header is one line that is written.
type header struct {
	name  string
	value value
}

// value is a text with placeholders. Without them it is one slice that all
// requests share: its capacity is its length, so that nobody appends into it.
type value struct {
	static []string
	parts  []part
}

// part is a text, or with read a placeholder.
type part struct {
	text string
	read func(*pipeline.Environ, *http.Request) string
}

// reserved are the headers that frame messages or belong to one connection (RFC
// 9110 7.6.1): changing them by an option desynchronises client and server.
var reserved = []string{
	"Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func checkName(option, name string, request bool) (string, error) {
	canonical := textproto.CanonicalMIMEHeaderKey(name)
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return "", paste.BadOption(option, "invalid header name %q, want letters, digits and dashes", name)
	case slices.Contains(reserved, canonical):
		return "", paste.BadOption(option, "%s cannot be changed here, it belongs to the connection", canonical)
	case request && canonical == "Host":
		return "", paste.BadOption(option, "Host cannot be changed here, want preserve_host of the proxy or filter-app prefix")
	}
	return canonical, nil
}

func parseHeader(option, name, text string, request bool) (header, error) {
	canonical, err := checkName(option, name, request)
	if err != nil {
		return header{}, err
	}
	v, err := parseValue(option, text)
	return header{canonical, v}, err
}

// parseValue splits a text at its placeholders; $$ is a dollar sign.
func parseValue(option, text string) (value, error) {
	if !valid(text) {
		return value{}, paste.BadOption(option, "invalid value %q, want one line of printable characters", text)
	}
	var parts []part
	plain := strings.Builder{}
	for text != "" {
		before, rest, found := strings.Cut(text, "$")
		plain.WriteString(before)
		text = rest
		switch {
		case !found:
		case strings.HasPrefix(rest, "$"):
			plain.WriteByte('$')
			text = rest[1:]
		case !strings.HasPrefix(rest, "{"):
			plain.WriteByte('$')
		default:
			name, after, closed := strings.Cut(rest[1:], "}")
			read := placeholder(name)
			if !closed || read == nil {
				return value{}, paste.BadOption(option, "unknown placeholder \"${%s}\", want %s; $$ is a dollar sign", name, known)
			}
			parts = append(parts, part{text: plain.String()}, part{read: read})
			plain.Reset()
			text = after
		}
	}
	if len(parts) == 0 {
		return value{static: []string{plain.String()}}, nil
	}
	return value{parts: append(parts, part{text: plain.String()})}, nil
}

// text gives the value for a request. A placeholder that holds a control
// character, such as the line breaks of a decoded path, makes no header at all.
func (v *value) text(env *pipeline.Environ, r *http.Request) (string, bool) {
	if v.static != nil {
		return v.static[0], true
	}
	var b strings.Builder
	for i := range v.parts {
		if v.parts[i].read == nil {
			b.WriteString(v.parts[i].text)
			continue
		}
		b.WriteString(v.parts[i].read(env, r))
	}
	return b.String(), valid(b.String())
}

// valid reports whether a text can be the value of a header. The tab that HTTP
// allows goes with the other control characters: nobody needs it.
func valid(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] == 0x7f {
			return false
		}
	}
	return true
}

const known = "client, scheme, host, method, path, query, request_id, global_request_id, user_id, user_name, project_id, project_name or header:NAME"

// placeholder gives what a name in braces stands for, nil if there is none.
func placeholder(name string) func(*pipeline.Environ, *http.Request) string {
	if header, ok := strings.CutPrefix(name, "header:"); ok && httpguts.ValidHeaderFieldName(header) {
		header = textproto.CanonicalMIMEHeaderKey(header)
		return func(_ *pipeline.Environ, r *http.Request) string { return r.Header.Get(header) }
	}
	return map[string]func(*pipeline.Environ, *http.Request) string{
		"client":            func(e *pipeline.Environ, _ *http.Request) string { return e.ClientAddr() },
		"scheme":            func(e *pipeline.Environ, _ *http.Request) string { return e.Scheme() },
		"host":              func(_ *pipeline.Environ, r *http.Request) string { return r.Host },
		"method":            func(_ *pipeline.Environ, r *http.Request) string { return r.Method },
		"path":              func(e *pipeline.Environ, r *http.Request) string { return e.ScriptName() + r.URL.Path },
		"query":             func(_ *pipeline.Environ, r *http.Request) string { return r.URL.RawQuery },
		"request_id":        func(e *pipeline.Environ, _ *http.Request) string { return e.RequestID() },
		"global_request_id": func(e *pipeline.Environ, _ *http.Request) string { return e.GlobalRequestID() },
		"user_id":           func(e *pipeline.Environ, _ *http.Request) string { return e.Identity().UserID },
		"user_name":         func(e *pipeline.Environ, _ *http.Request) string { return e.Identity().UserName },
		"project_id":        func(e *pipeline.Environ, _ *http.Request) string { return e.Identity().ProjectID },
		"project_name":      func(e *pipeline.Environ, _ *http.Request) string { return e.Identity().ProjectName },
	}[name]
}

// pattern names headers that are removed.
type pattern struct {
	name   string
	prefix bool
}

func (p pattern) matches(name string) bool {
	return strings.HasPrefix(name, p.name) && !slices.Contains(reserved, name)
}

func parsePatterns(option string, words []string, request bool) ([]pattern, error) {
	var patterns []pattern
	for _, word := range words {
		begin, prefix := strings.CutSuffix(word, "*")
		name, err := checkName(option, begin, request)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, pattern{name, prefix})
	}
	return patterns, nil
}
