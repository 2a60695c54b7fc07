// Package jsonbody refuses bodies that are no JSON objects, as keystone's
// JsonBodyMiddleware did.
package jsonbody

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/answer"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Max paste.Size `paste:"max_request_body_size" conf:"oslo_middleware.max_request_body_size" help:"the largest body that is looked at; larger ones get 413"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#json_body", Options{Max: 114688}, New,
		paste.LooseAlias("egg:keystone#json_body", "keystone.middleware:JsonBodyMiddleware.factory",
			"keystone.middleware.core:JsonBodyMiddleware.factory", "wormhole.wsgi:JsonBodyMiddleware.factory"),
		paste.Help("Answers 400 to requests whose body is neither empty nor a JSON object."),
		paste.Example("[filter:json_body]\nuse = egg:wheatpaste#json_body"))
}

type filter struct{ max int64 }

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	if o.Max < 1 {
		return nil, paste.BadOption("max_request_body_size", "invalid size %d, want 1 or more", int64(o.Max))
	}
	return (&filter{int64(o.Max)}).wrap, nil
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, f.max))
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			refuse(w, http.StatusRequestEntityTooLarge, "the body is too large to be looked at")
		case err != nil:
			refuse(w, http.StatusBadRequest, "the body could not be read")
		case len(body) > 0 && !isJSON(r.Header.Get("Content-Type")):
			refuse(w, http.StatusBadRequest, "Expecting to find application/json in Content-Type header. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.")
		case len(bytes.TrimSpace(body)) > 0 && !isObject(body):
			refuse(w, http.StatusBadRequest, "Expecting to find valid JSON in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.")
		default:
			r2 := new(http.Request)
			*r2 = *r
			r2.Body, r2.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			next.ServeHTTP(w, r2)
		}
	})
}

// isJSON reports whether a type is application/json; without one it is taken
// for that, as keystone does.
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

func isObject(body []byte) bool {
	trimmed := bytes.TrimSpace(body)
	return trimmed[0] == '{' && json.Valid(trimmed)
}

type problem struct {
	Code    int    `json:"code"`
	Title   string `json:"title"`
	Message string `json:"message"`
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Vary", "X-Auth-Token")
	answer.JSON(w, status, "application/json", map[string]problem{"error": {status, http.StatusText(status), message}})
}
