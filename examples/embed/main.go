// Command embed is a host program with a server of its own, which mounts a
// Paste Deploy application and puts a new one in its place at a reload, without
// losing a request. docs/embedding.md explains it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

const endTime = 10 * time.Second // for requests in flight, and for the hooks

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: embed config:/PATH/FILE#APP HOST:PORT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves until SIGTERM or SIGINT; SIGHUP loads the application anew.
func run(uri, address string) error {
	apps := &mounted{uri: uri}
	if err := apps.reload(); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", pipeline.Mount("/api", apps))
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: endTime}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	for {
		select {
		case err := <-failed:
			return errors.Join(err, apps.close())
		case s := <-signals:
			if s != syscall.SIGHUP {
				return errors.Join(stop(server), apps.close())
			}
			if err := apps.reload(); err != nil { // the old one goes on
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
}

// stop answers what is in flight.
func stop(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	return server.Shutdown(ctx)
}
