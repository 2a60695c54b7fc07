package authfile

import (
	"net/http"
	"strings"
)

const explanation = "This server could not verify that you are authorized to\r\n" +
	"access the document you requested.  Either you supplied the\r\n" +
	"wrong credentials (e.g., bad password), or your browser\r\n" +
	"does not understand how to supply the credentials required.\r\n"

// Refuse answers 401 as Paste does; challenge is the header WWW-Authenticate.
func Refuse(w http.ResponseWriter, r *http.Request, challenge string) {
	accept := strings.Join(r.Header["Accept"], ",")
	kind, body := "text/plain; charset=utf8", "401 Unauthorized\r\n"+explanation+"\r\n\r\n\r\n"
	if strings.Contains(accept, "html") || strings.Contains(accept, "*/*") {
		kind = "text/html; charset=utf8"
		body = strings.Join([]string{
			"<html>", "  <head><title>Unauthorized</title></head>", "  <body>", "    <h1>Unauthorized</h1>",
			"    <p>" + explanation, "<br/>", "<!--  --></p>", "    <hr noshade>",
			`    <div align="right">WSGI Server</div>`, "  </body>", "</html>", "",
		}, "\r\n")
	}
	h := w.Header()
	h.Set("WWW-Authenticate", challenge)
	h.Set("Content-Type", kind)
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(body)) // the client may have gone
}
