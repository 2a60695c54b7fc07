// Package testslow is Paste's test_slow: it reads uploads slowly, to see what
// servers and proxies in front make of that.
package testslow

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the application, as they are written in its section.
type Options struct {
	ChunkSize int           `paste:"chunk_size" help:"how many bytes are read at a time"`
	Delay     time.Duration `paste:"delay" help:"how long it waits between two parts"`
	Progress  bool          `paste:"progress" help:"log what is left, for each part"`
}

func init() {
	paste.RegisterApp("egg:Paste#test_slow", Options{ChunkSize: 4096, Delay: time.Second, Progress: true}, New,
		paste.Alias("egg:wheatpaste#test_slow", "paste.debug.debugapp:make_slow_app"),
		paste.Help("Reads uploads slowly and says how long they were; without a body it shows a form."),
		paste.Example("[app:slow]\nuse = egg:Paste#test_slow\nchunk_size = 1024\ndelay = 0.1"))
}

// form is what a browser gets to upload something.
const form = "<html><body>\n<form method=\"post\" enctype=\"multipart/form-data\">\n" +
	"<input type=\"file\" name=\"file\">\n<input type=\"submit\" >\n</form></body></html>\n"

// New makes the application.
func New(b *paste.Build, o Options) (http.Handler, error) {
	if o.ChunkSize < 1 || o.ChunkSize > 1<<20 {
		return nil, paste.BadOption("chunk_size", "invalid size %d, want 1 to 1048576", o.ChunkSize)
	}
	log := b.Logger()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := form
		if r.ContentLength != 0 {
			size, err := o.read(r, func(size int64) {
				if o.Progress {
					log.Info("slow upload", "read", size, "of", r.ContentLength, "request_id", pipeline.FromRequest(r).RequestID())
				}
			})
			if err != nil { // the client left, or the server ends
				panic(http.ErrAbortHandler)
			}
			body = fmt.Sprintf("<html><body>%d bytes</body></html>", size)
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = io.WriteString(w, body) // the client may have gone
	}), nil
}

// read reads the body, as slowly as it is told.
func (o Options) read(r *http.Request, progress func(int64)) (int64, error) {
	var size int64
	chunk := make([]byte, o.ChunkSize)
	for {
		n, err := io.ReadFull(r.Body, chunk)
		size += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
		progress(size)
		select {
		case <-time.After(o.Delay):
		case <-pipeline.FromRequest(r).Ending():
			return size, io.ErrClosedPipe
		case <-r.Context().Done():
			return size, r.Context().Err()
		}
	}
}
