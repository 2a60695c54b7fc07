package protocol

import (
	"net/http"
	"strconv"

	"github.com/wheatpaste/wheatpaste/internal/webob"
)

const refusal = `{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}`

// Refuse answers a request without a good token.
func (p *Protocol) Refuse(w http.ResponseWriter) {
	p.challenge(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(refusal)))
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(refusal)) // the client may have gone
}

// Pass lets the stage below answer. When that refuses the request, too, the
// client is told where tokens are to be had.
func (p *Protocol) Pass(w http.ResponseWriter, r *http.Request, next http.Handler) {
	ww := webob.Response(w, r, func(status int) bool {
		if status == http.StatusUnauthorized {
			p.challenge(w.Header())
		}
		return false
	})
	next.ServeHTTP(ww, r)
	ww.Finish()
}

func (p *Protocol) challenge(h http.Header) {
	h.Add("Www-Authenticate", `Keystone uri="`+p.URI+`"`)
}

// Unavailable answers a request whose token nobody can check.
func Unavailable(w http.ResponseWriter, r *http.Request) {
	webob.Page{
		Status:      http.StatusServiceUnavailable,
		Explanation: "The server is currently unavailable. Please try again at a later time.",
		Detail:      "The Keystone service is temporarily unavailable.",
	}.Write(w, r)
}
