package token

import "net/http"

// reserved are the headers, in lower case and with dashes, that say who a
// request is from: only filters may set them.
var reserved = reservedHeaders()

// tokens carry tokens: with underscores in place of dashes they would reach an
// application behind a CGI-like interface without having been checked.
var tokens = map[string]bool{"x-auth-token": true, "x-storage-token": true, "x-service-token": true}

func reservedHeaders() map[string]bool {
	set := map[string]bool{}
	for _, h := range identityHeaders {
		set[folded("X-"+h.name)] = true
		set[folded("X-Service-"+h.name)] = true
	}
	for _, h := range oldHeaders {
		set[folded(h.old)] = true
	}
	for _, name := range []string{Status, ServiceStatus, SystemScopeHeader, catalogHeader, adminHeader} {
		set[folded(name)] = true
	}
	return set
}

func folded(name string) string {
	var buf [maxReserved]byte
	n, _, _ := fold(&buf, name)
	return string(buf[:n])
}

// maxReserved is longer than every name that is reserved.
const maxReserved = 40

// fold writes a name in lower case and with dashes; ok is false for one that is
// too long to be reserved.
func fold(buf *[maxReserved]byte, name string) (n int, underscores, ok bool) {
	if len(name) > maxReserved {
		return 0, false, false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c, underscores = '-', true
		}
		buf[i] = c
	}
	return len(name), underscores, true
}

// Strip removes what only a filter may say from the headers of a request, in
// every spelling that an application could take for it. The names are those of
// the original and OpenStack-System-Scope, which it lets pass.
func Strip(h http.Header) {
	var buf [maxReserved]byte
	for name := range h {
		n, underscores, ok := fold(&buf, name)
		if ok && (reserved[string(buf[:n])] || underscores && tokens[string(buf[:n])]) {
			delete(h, name)
		}
	}
}
