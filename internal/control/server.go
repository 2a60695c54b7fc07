package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Limits on clients: a broken one must not hold up the master.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	maxHeader    = 8 << 10
	maxBody      = 4 << 10
	maxClients   = 64 // more wait to be accepted
	lastAnswers  = 2 * time.Second
)

// protocolHeader tells our sockets from others that the verbs find.
const (
	protocolHeader  = "Wheatpaste-Control"
	protocolVersion = "1"
)

// Serve answers on the socket until Finish, or until ctx ends, which breaks the
// connections: ctx should outlive a stop.
func (l *Listener) Serve(ctx context.Context, m Master) error {
	first := false
	l.serving.Do(func() { first = true })
	if !first {
		select {
		case <-l.finished: // before it began
			return nil
		default:
			return errors.New("control: Serve is called once")
		}
	}
	defer close(l.served)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &http.Server{
		Handler: l.handler(ctx, m), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(l.logger().Handler(), slog.LevelDebug),
	}
	s.SetKeepAlivesEnabled(false)
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(newGate(l)) }()
	var err error
	select {
	case <-ctx.Done():
		err = ctx.Err()
	case err = <-failed:
		failed <- err
		err = fmt.Errorf("control socket %q: %w", l.path, err)
	case <-l.finished:
		last, stop := context.WithTimeout(ctx, lastAnswers)
		_ = s.Shutdown(last) // what is late is cut next
		stop()
	}
	cancel()
	l.removePath()
	_ = s.Close() // nothing is left to lose
	l.logger().Debug("control socket closed", "end", <-failed)
	return err
}

// Finish is the last that a master does: it takes the path away, tells the exit
// code to the clients that wait for the end, and closes the socket. It takes
// two seconds at most, however slow they are.
func (l *Listener) Finish(code int) {
	l.finish.Do(func() {
		l.code = code
		l.removePath()
		close(l.finished)
	})
	l.serving.Do(func() { close(l.served) }) // nobody serves
	select {
	case <-l.served:
	case <-time.After(2 * lastAnswers):
	}
	_ = l.Close() // it may be closed already
}

func (l *Listener) logger() *slog.Logger {
	if l.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l.Logger
}
