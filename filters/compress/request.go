package compress

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/wheatpaste/wheatpaste/internal/webob"
)

// accepted are the codings of requests, as a 415 names them (RFC 7694).
const accepted = "gzip, zstd, br"

// unpack passes on a request with its body unpacked, as far as the limit goes: a
// bomb costs the application what it reads, and never more than that. A coding
// that is not known gets 415; so do two codings, one in the other, which nobody
// needs but those who build bombs.
func (f *filter) unpack(next http.Handler, w http.ResponseWriter, r *http.Request) {
	name := strings.ToLower(strings.TrimSpace(strings.Join(r.Header["Content-Encoding"], ",")))
	if name == "" || name == "identity" || r.Body == nil || r.Body == http.NoBody {
		next.ServeHTTP(w, r)
		return
	}
	body := &unpacked{packed: r.Body}
	switch name {
	case "gzip", "x-gzip":
		body.open = openGzip
	case "zstd":
		body.open = openZstd
	case "br":
		body.open = func(r io.Reader) (io.Reader, func(), error) { return brotli.NewReader(r), nil, nil }
	default:
		w.Header().Set("Accept-Encoding", accepted)
		webob.Page{Status: http.StatusUnsupportedMediaType, Explanation: "The Content-Encoding of the request is not one of " + accepted + "."}.Write(w, r)
		return
	}
	defer body.release()
	plain := new(*r)
	plain.Body, plain.ContentLength = body, -1
	plain.Header = r.Header.Clone()
	for _, about := range []string{"Content-Encoding", "Content-Length", "Content-Md5", "Content-Digest", "Digest"} {
		plain.Header.Del(about)
	}
	f.limit.Count(next, w, plain)
}

// maxWindow is what a decoder of zstd must be able to hold, and need not exceed
// (RFC 9659).
const maxWindow = 8 << 20

func openZstd(r io.Reader) (io.Reader, func(), error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return d, d.Close, nil
}

func openGzip(r io.Reader) (io.Reader, func(), error) {
	d, err := gzip.NewReader(r)
	return d, nil, err
}

var errDone = errors.New("the request is over")

// unpacked is a body that is unpacked while it is read. The first Read opens it:
// an application that reads nothing answers without waiting for the client.
type unpacked struct {
	packed io.ReadCloser
	open   func(io.Reader) (io.Reader, func(), error)

	mu     sync.Mutex // held while the decoder is in use
	over   atomic.Bool
	reader io.Reader
	free   func()
	err    error
}

// Read may come from a goroutine that outlives the request: the transport of a
// proxy reads so. Then it finds the decoder gone.
func (u *unpacked) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.over.Load() {
		return 0, errDone
	}
	if u.reader == nil && u.err == nil {
		u.reader, u.free, u.err = u.open(u.packed)
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.reader.Read(p)
	u.err = err
	if u.over.Load() {
		u.drop()
	}
	return n, err
}

// Close closes the body beneath.
func (u *unpacked) Close() error { return u.packed.Close() }

// release ends the decoder when the request is over; a Read that runs does it
// itself.
func (u *unpacked) release() {
	u.over.Store(true)
	if u.mu.TryLock() {
		u.drop()
		u.mu.Unlock()
	}
}

func (u *unpacked) drop() {
	if u.free != nil {
		u.free()
		u.free = nil
	}
}
