// Package echo is an application that shows the request as it arrived, after
// all filters before it, as JSON.
package echo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/apps/internal/wsgi"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options are the options of the application.
type Options struct {
	BodyLimit paste.Size `paste:"body_limit" help:"how much of the request body is shown"`
}

func init() {
	paste.RegisterApp("egg:wheatpaste#echo", Options{BodyLimit: 4096}, New,
		paste.Help("Shows the WSGI environ of the request as JSON, with secrets masked: what a pipeline made of a request."),
		paste.Example("[app:main]\nuse = egg:wheatpaste#echo"))
}

// maxBodyLimit keeps an echo from being a way to fill the memory.
const maxBodyLimit = 16 << 20

// New makes an application that shows each request.
func New(_ *paste.Build, o Options) (http.Handler, error) {
	if o.BodyLimit > maxBodyLimit {
		return nil, paste.BadOption("body_limit", "invalid size %d, want at most 16M", o.BodyLimit)
	}
	return &echo{limit: int64(o.BodyLimit)}, nil
}

type echo struct{ limit int64 }

// body is what came as the body of the request.
type body struct {
	Length    int64  `json:"length"`
	Text      string `json:"text"`
	Truncated bool   `json:"truncated"`
}

// identity is who the request comes from.
type identity struct {
	UserID      string   `json:"user_id"`
	UserName    string   `json:"user_name"`
	ProjectID   string   `json:"project_id"`
	ProjectName string   `json:"project_name"`
	DomainID    string   `json:"domain_id"`
	DomainName  string   `json:"domain_name"`
	Roles       []string `json:"roles"`
}

// ServeHTTP shows the request.
func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, err := e.readBody(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, "the request body is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "the request body cannot be read", http.StatusBadRequest)
		return
	}
	text := e.document(r, sent)
	w.Header().Set("Content-Type", "application/json")
	// A page of somebody's headers and body is nothing to be guessed at.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	if r.Method != http.MethodHead {
		w.Write(text) //nolint:errcheck // the client left; net/http knows
	}
}

func (e *echo) document(r *http.Request, sent body) []byte {
	env := pipeline.FromRequest(r)
	doc := map[string]any{}
	for key, value := range wsgi.Environ(r) {
		doc[key] = value
	}
	doc["openstack.request_id"] = env.RequestID()
	doc["openstack.global_request_id"] = env.GlobalRequestID()
	doc["wheatpaste.app"] = env.App()
	doc["wheatpaste.peer"] = r.RemoteAddr
	doc["wheatpaste.identity"] = identity(env.Identity())
	doc["wheatpaste.body"] = sent
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	enc.Encode(doc) //nolint:errcheck // strings and numbers only
	return text.Bytes()
}

// readBody reads the whole body, to know its length, and keeps its beginning.
func (e *echo) readBody(in io.Reader) (body, error) {
	if in == nil {
		return body{}, nil
	}
	kept, err := io.ReadAll(io.LimitReader(in, e.limit))
	if err != nil {
		return body{}, err
	}
	rest, err := io.Copy(io.Discard, in)
	sent := body{Length: int64(len(kept)) + rest, Truncated: rest > 0}
	if sent.Truncated {
		kept = cutRune(kept)
	}
	sent.Text = strings.ToValidUTF8(string(kept), "\ufffd")
	return sent, err
}

// cutRune takes the beginning of a character that was cut in two off the end.
func cutRune(text []byte) []byte {
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if c := text[len(text)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(text[len(text)-i:]) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}
