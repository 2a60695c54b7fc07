package stats

import (
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// namer makes the names of timers.
type namer struct {
	name        string
	uuid, short bool // are left out
	strict      bool // as the original does it
}

// append writes NAME.METHOD.path.with.dots.
func (n namer) append(b []byte, r *http.Request) []byte {
	path := r.URL.Path
	if script := pipeline.FromRequest(r).ScriptName(); script != "" {
		path = script + path
	}
	path = strings.TrimLeft(withoutVersionDot(quoted(path)), "/")
	if n.strict {
		return append(b, n.strictly(r.Method, path)...)
	}
	b = appendWord(append(append(b, n.name...), '.'), r.Method)
	for path != "" {
		segment, rest, more := strings.Cut(path, "/")
		if (!n.short || len(segment) != 32 || !isHex(segment)) && (!n.uuid || !isUUID(segment)) {
			b = appendWord(append(b, '.'), segment)
		}
		if path = rest; more && rest == "" { // the original's names end so, too
			b = append(b, '.')
		}
	}
	return b
}

// appendWord keeps what separates the parts of a packet out of names.
func appendWord(b []byte, word string) []byte {
	at := len(b)
	b = append(b, word...)
	for i := at; i < len(b); i++ {
		if b[i] == ':' || b[i] == '|' {
			b[i] = '_'
		}
	}
	return b
}

// The original's expressions. The last letter of the first one, which asks for
// an a somewhere behind, is a slip of its authors.
var (
	strictUUID  = pattern.Lazy(`(?is)^[^\n]*(\.[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})[^\n]*a`)
	strictShort = pattern.Lazy(`^[^\n]*(\.[0-9a-fA-F]{32})`)
)

// strictly is the original's way: it takes out the text of the last match,
// wherever it stands, be it a part of something longer.
func (n namer) strictly(method, path string) string {
	stat := n.name + "." + method
	if path != "" {
		stat += "." + strings.ReplaceAll(path, "/", ".")
	}
	if n.short {
		if m := strictShort().FindStringSubmatch(stat); m != nil {
			stat = strings.ReplaceAll(stat, m[1], "")
		}
	}
	if n.uuid {
		if m := strictUUID().FindStringSubmatch(stat); m != nil {
			stat = strings.ReplaceAll(stat, m[1], "")
		}
	}
	return stat
}

// withoutVersionDot makes v20 of the v2.0 that a path begins with, and of all
// others like it.
func withoutVersionDot(path string) string {
	const form = "/v0.0"
	if len(path) < len(form) || path[:2] != "/v" || path[3] != '.' || !isDigit(path[2]) || !isDigit(path[4]) {
		return path
	}
	return strings.ReplaceAll(path, path[1:5], path[1:3]+path[4:5])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(text string) bool {
	for i := range len(text) {
		if c := text[i] | 0x20; !isDigit(text[i]) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// isUUID reports 8-4-4-4-12.
func isUUID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		isHex(s[:8]) && isHex(s[9:13]) && isHex(s[14:18]) && isHex(s[19:23]) && isHex(s[24:])
}

// quoted is the path as WebOb gives it: percent-encoded but for these.
func quoted(path string) string {
	plain := func(c byte) bool {
		return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("_.-~/!$&'()*+,;=:@", c) >= 0
	}
	at := 0
	for at < len(path) && plain(path[at]) {
		at++
	}
	if at == len(path) {
		return path
	}
	const hex = "0123456789ABCDEF"
	b := []byte(path[:at])
	for _, c := range []byte(path[at:]) {
		if plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&0xf])
		}
	}
	return string(b)
}
