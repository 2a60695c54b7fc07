package service

import (
	"errors"
	"io"
	"maps"
	"net/http"
)

// guardedBody is a request's body that can be taken away.
type guardedBody struct {
	io.ReadCloser
	d              *deadline
	theirs, copied http.Header // trailers: net/http's, and the application's
}

// guardBody gives the application a body, and a map of trailers, of its own:
// net/http fills its own one also when the application is left behind.
func (d *deadline) guardBody(r *http.Request) *http.Request {
	b := &guardedBody{ReadCloser: r.Body, d: d, theirs: r.Trailer}
	own := *r
	if len(r.Trailer) > 0 {
		b.copied = maps.Clone(r.Trailer)
		own.Trailer = b.copied
	}
	own.Body = b
	return &own
}

func (b *guardedBody) Read(p []byte) (int, error) {
	if !b.d.enter() {
		return 0, http.ErrHandlerTimeout
	}
	defer b.d.alive.RUnlock()
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && b.copied != nil {
		maps.Copy(b.copied, b.theirs)
	}
	return n, err
}

func (b *guardedBody) Close() error {
	return b.d.do(b.ReadCloser.Close)
}
