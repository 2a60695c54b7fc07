package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Run checks all groups, listens for all servers, and only when every address is
// open serves all of them, until the context ends or one fails. It returns when
// all have drained; see ExitCode for what it returns.
func Run(ctx context.Context, servers ...*Server) error {
	if err := checkAll(servers); err != nil {
		return err
	}
	opened, err := listenAll(ctx, servers)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() {
			errs[i] = s.Serve(ctx, opened[i]...)
			if errs[i] != nil && ExitCode(errs[i]) == ExitError {
				stop()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// checkAll finds what is wrong with files, before a port is open.
func checkAll(servers []*Server) error {
	var errs []error
	for _, s := range servers {
		if err := s.Group.Check(); err != nil {
			errs = append(errs, fmt.Errorf("server %s: %w", s.Group.Name, err))
		}
	}
	return errors.Join(errs...)
}

// listenAll opens all listeners or, with all errors, none.
func listenAll(ctx context.Context, servers []*Server) ([][]net.Listener, error) {
	opened := make([][]net.Listener, len(servers))
	var errs []error
	for i, s := range servers {
		var err error
		if opened[i], err = Listen(ctx, s.Group); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return opened, nil
	}
	for _, list := range opened {
		for _, l := range list {
			_ = l.Close()
		}
	}
	return nil, errors.Join(errs...)
}
