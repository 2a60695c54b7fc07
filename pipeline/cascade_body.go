package pipeline

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
)

// bodyInMemory is the length up to which a request body is kept in memory
// (CAS-04).
const bodyInMemory = 4096

var errTruncated = errors.New("request body truncated")

// keptBody is a request body that can be read more than once. When reading it
// failed, each reader fails at the same place in the same way.
type keptBody struct {
	content io.ReaderAt
	size    int64
	err     error    // what reading the request's body ended with
	file    *os.File // nil in memory
	named   bool     // the file still has a name
}

// keepBody reads the whole body of a request. The error is for what cannot go
// on: a long body that ended early, or no room for it.
func keepBody(r *http.Request) (*keptBody, error) {
	start, err := io.ReadAll(io.LimitReader(r.Body, bodyInMemory+1))
	b := &keptBody{content: bytes.NewReader(start), size: int64(len(start)), err: err}
	if err == nil && len(start) > bodyInMemory {
		if err := b.spill(start, r.Body); err != nil {
			b.close()
			return nil, err
		}
	}
	if r.ContentLength > bodyInMemory && errors.Is(b.err, io.ErrUnexpectedEOF) {
		b.close()
		return nil, errTruncated
	}
	return b, nil
}

// spill moves the body to a temporary file, which loses its name at once where
// the system allows that, so that nothing can leave it behind.
func (b *keptBody) spill(start []byte, rest io.Reader) error {
	file, err := os.CreateTemp("", "wheatpaste-body-*")
	if err != nil {
		return err
	}
	b.file, b.content = file, file
	b.named = os.Remove(file.Name()) != nil
	if _, err := file.Write(start); err != nil {
		return err
	}
	source := &errorKeeper{Reader: rest}
	n, err := io.Copy(file, source)
	b.size += n
	b.err = source.err
	if source.err != nil {
		return nil
	}
	return err
}

// errorKeeper notes the error of the reader, to tell it from that of the
// writer.
type errorKeeper struct {
	io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	if err != nil && err != io.EOF {
		k.err = err
	}
	return n, err
}

func (b *keptBody) close() {
	if b.file == nil {
		return
	}
	_ = b.file.Close()
	if b.named {
		_ = os.Remove(b.file.Name())
	}
}

// reader starts at the beginning of the body. A reader per application keeps a
// goroutine that one left behind from reading for the next.
func (b *keptBody) reader() io.ReadCloser {
	return &bodyReader{io.NewSectionReader(b.content, 0, b.size), b.err}
}

type bodyReader struct {
	content io.Reader
	err     error // instead of io.EOF
}

func (r *bodyReader) Read(p []byte) (int, error) {
	n, err := r.content.Read(p)
	if err == io.EOF && r.err != nil {
		err = r.err
	}
	return n, err
}

// Close does nothing: the body is closed at the end of the cascade.
func (r *bodyReader) Close() error { return nil }
