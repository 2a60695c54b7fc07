// Command bare is what the others are measured by: a bare net/http handler. It
// shares its port (SO_REUSEPORT), so that several of it may be started for one
// address.
//
//	bare ADDRESS
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/wheatpaste/wheatpaste/bench/http/answer"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments, want ADDRESS", len(args))
	}
	config := net.ListenConfig{Control: shared}
	l, err := config.Listen(context.Background(), "tcp", args[0])
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(answer.SmallPath, fixed(answer.Small))
	mux.Handle(answer.LargePath, fixed(answer.Large()))
	return http.Serve(l, mux) //nolint:gosec // bare: without limits
}

// fixed gives one answer to all requests.
func fixed(body string) http.Handler {
	text := []byte(body) // net/http would send a string in pieces
	length := []string{strconv.Itoa(len(body))}
	kind := []string{"text/plain"}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Content-Length"] = kind, length
		_, _ = w.Write(text) // the client may be gone
	})
}
