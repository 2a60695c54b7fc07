// Package load is the application of the long runs: short, long, echoed, slow
// and endless answers, each with the process that gave it.
package load

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Plain is the body of the answer to what has no path of its own.
const Plain = "flour, water, and time\n"

// streamed is how often Stream's piece is sent.
const streamed = 16

// Stream is the body of /stream; it is sent in pieces, without a length.
var Stream = strings.Repeat(piece, streamed)

var piece = strings.Repeat("0123456789abcdef", 32)

// Headers of all answers: the process, and the id that the client sent.
const (
	WorkerHeader = "X-Worker"
	IDHeader     = "X-Load-Id"
)

// Options are the options of the application: none.
type Options struct{}

func init() {
	paste.RegisterApp("egg:wheatpaste-soak#load", Options{}, New,
		paste.Help("Answers the clients of the long runs."))
}

// New makes the application. Its paths:
//
//	/echo         the request's body
//	/stream       8 KB in 16 pieces, without a length
//	/sleep?ms=N   an answer after N milliseconds, whether or not the client is there
//	/never        none before the request is cancelled
//	/block        none: the processor is blocked
//	others        one short line
func New(*paste.Build, Options) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/stream", stream)
	mux.HandleFunc("/sleep", sleep)
	mux.HandleFunc("/never", never)
	mux.HandleFunc("/block", block)
	mux.HandleFunc("/", plain)
	pid := strconv.Itoa(os.Getpid())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(WorkerHeader, pid)
		if id := r.Header.Get(IDHeader); id != "" {
			w.Header().Set(IDHeader, id)
		}
		mux.ServeHTTP(w, r)
	}), nil
}

func plain(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", strconv.Itoa(len(Plain)))
	io.WriteString(w, Plain) //nolint:errcheck // the client counts it
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) //nolint:errcheck // the client counts it
}

func stream(w http.ResponseWriter, _ *http.Request) {
	out := http.NewResponseController(w)
	for range streamed {
		io.WriteString(w, piece) //nolint:errcheck // the client counts it
		if out.Flush() != nil {
			return
		}
	}
}

// sleep ignores that the request is cancelled, as a handler in a database
// driver does.
func sleep(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.FormValue("ms"))
	if err != nil || ms < 0 || ms > 600_000 {
		http.Error(w, "invalid ms, want 0 to 600000", http.StatusBadRequest)
		return
	}
	<-time.After(time.Duration(ms) * time.Millisecond)
	plain(w, r)
}

func never(_ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
}
