package sizelimit

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
)

// reader counts a request body while it is read.
type reader struct {
	io.ReadCloser
	left, max int64
	exceeded  atomic.Bool // a proxy reads on another goroutine than it answers
}

// Read gives at most the allowed number of bytes, then the error.
func (b *reader) Read(p []byte) (int, error) {
	if b.exceeded.Load() {
		return 0, b.tooLarge()
	}
	if int64(len(p))-1 > b.left { // one more tells whether there is more
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) <= b.left {
		b.left -= int64(n)
		return n, err
	}
	n = int(b.left)
	b.left = 0
	b.exceeded.Store(true)
	return n, b.tooLarge()
}

func (b *reader) tooLarge() error { return &tooLargeError{b.max} }

// tooLargeError is what a handler gets that reads too much. It is a MaxBytesError
// too, which Go's handlers know.
type tooLargeError struct{ max int64 }

// Error is the explanation that the client reads.
func (e *tooLargeError) Error() string {
	return fmt.Sprintf("Request is too large. Larger than %d.", e.max)
}

// Unwrap gives the error of http.MaxBytesReader.
func (e *tooLargeError) Unwrap() error { return &http.MaxBytesError{Limit: e.max} }
