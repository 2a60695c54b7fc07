package proxy

import (
	"io"
	"net/http"
	"sync/atomic"
)

// budget bounds retries by the number of requests, so that upstreams in need do
// not get twice the load. It begins with a few, for services with little traffic.
type budget struct {
	percent int64
	left    atomic.Int64 // in hundredths
}

// reserve is how many retries there are at first, and at most.
const reserve = 10

func newBudget(percent int) *budget {
	b := &budget{percent: int64(percent)}
	if percent > 0 {
		b.left.Store(reserve * 100)
	}
	return b
}

func (b *budget) earn() {
	if b.left.Load() < reserve*100 {
		b.left.Add(b.percent)
	}
}

func (b *budget) spend() bool {
	if b.left.Add(-100) >= 0 {
		return true
	}
	b.left.Add(100)
	return false
}

// heldBody keeps a request body open from one upstream to the next: a transport
// closes the body of a request that it could not send.
type heldBody struct {
	io.ReadCloser
	read, done atomic.Bool
}

// hold gives nil for a request without a body.
func hold(r *http.Request) *heldBody {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	return &heldBody{ReadCloser: r.Body}
}

// Read notes that something was taken, which no other upstream can get.
func (b *heldBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.ReadCloser.Read(p)
}

// Close waits for the last upstream.
func (b *heldBody) Close() error {
	if b.done.Load() {
		return b.ReadCloser.Close()
	}
	return nil
}

func (b *heldBody) wasRead() bool { return b != nil && b.read.Load() }

// release lets the transport close the body from now on. ReverseProxy closes it
// in any case.
func (b *heldBody) release() {
	if b != nil {
		b.done.Store(true)
	}
}
