package pipeline

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// writeNotFound is Paste's answer when no mount takes a request (MAP-20 to
// MAP-22), without the list of the mounts that Paste puts into a comment, and
// with the path alone when there is no Host header (MAP-23).
func writeNotFound(w http.ResponseWriter, r *http.Request) {
	writeErrorPage(w, r, http.StatusNotFound, "The resource could not be found.", r.URL.Path)
}

// writeBadPath answers a request whose path does not start with a slash, on
// which Paste fails (MAP-16).
func writeBadPath(w http.ResponseWriter, r *http.Request) {
	writeErrorPage(w, r, http.StatusInternalServerError, "The path must start with a slash.", r.URL.Path)
}

// writeErrorPage writes an answer in the shape that all of Paste's errors have
// (MAP-24).
func writeErrorPage(w http.ResponseWriter, r *http.Request, status int, explanation, detail string) {
	title := http.StatusText(status)
	detail = strings.ToValidUTF8(detail, "\uFFFD")
	accept := strings.Join(r.Header.Values("Accept"), ",")
	kind, body := "text/plain", fmt.Sprintf("%d %s\r\n%s\r\n%s\r\n\r\n", status, title, explanation, detail)
	if strings.Contains(accept, "html") || strings.Contains(accept, "*/*") {
		kind, body = "text/html", errorHTML(title, explanation, detail)
	}
	w.Header().Set("Content-Type", kind+"; charset=utf8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // escaped in HTML; the client may be gone
}

// escapeHTML escapes as Python does, which spells the quotes otherwise than Go.
var escapeHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;")

func errorHTML(title, explanation, detail string) string {
	return strings.Join([]string{
		"<html>",
		"  <head><title>" + title + "</title></head>",
		"  <body>",
		"    <h1>" + title + "</h1>",
		"    <p>" + explanation,
		"<br/>" + escapeHTML.Replace(detail) + "</p>",
		"    <hr noshade>",
		`    <div align="right">WSGI Server</div>`,
		"  </body>",
		"</html>",
		"",
	}, "\r\n")
}
