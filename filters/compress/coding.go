package compress

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/paste"
)

// encoder is what the three libraries have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// coding is one content coding with its idle encoders.
type coding struct {
	name    string
	value   []string // of Content-Encoding, shared by all answers
	pool    sync.Pool
	answers prometheus.Counter
}

// The windows are small: a server holds one for each answer on its way, and RFC
// 9659 bounds that of zstd.
const (
	zstdWindow   = 512 << 10
	brotliWindow = 19 // 512 KiB
)

func newCoding(name string, o Options) (*coding, error) {
	c := &coding{name: name, value: []string{name}}
	switch name {
	case "gzip":
		c.pool.New = func() any {
			z, _ := gzip.NewWriterLevel(io.Discard, o.GzipLevel) // the level was checked
			return z
		}
	case "br":
		c.pool.New = func() any {
			return brotli.NewWriterOptions(io.Discard, brotli.WriterOptions{Quality: o.BrotliLevel, LGWin: brotliWindow})
		}
	case "zstd":
		c.pool.New = func() any {
			// With a concurrency of 1 it has no goroutines.
			z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
				zstd.WithEncoderLevel(zstd.EncoderLevel(o.ZstdLevel)), zstd.WithWindowSize(zstdWindow))
			if err != nil {
				panic(err) // the options are ours
			}
			return z
		}
	default:
		return nil, paste.BadOption("encodings", "unknown coding %q, want some of zstd, br and gzip", name)
	}
	return c, nil
}

func (c *coding) get(w io.Writer) encoder {
	e := c.pool.Get().(encoder)
	e.Reset(w)
	return e
}

// put takes an encoder back, without the writer that it had.
func (c *coding) put(e encoder) {
	e.Reset(io.Discard)
	c.pool.Put(e)
}
