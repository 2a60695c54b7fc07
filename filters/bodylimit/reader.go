package bodylimit

import (
	"io"
	"net/http"
	"sync/atomic"
)

// reader counts a body while it is read.
type reader struct {
	io.ReadCloser
	left, limit int64
	exceeded    atomic.Bool // a proxy reads on another goroutine than it answers
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

func (b *reader) tooLarge() error { return &http.MaxBytesError{Limit: b.limit} }
