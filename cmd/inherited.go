package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/wheatpaste/wheatpaste/service"
)

// inheritedFD names a socket that systemd has passed, over a reload with
// workers = 0.
func inheritedFD(fd int) string { return "inherited-" + strconv.Itoa(fd) }

// takeInherited takes the sockets that systemd has passed, or a former self has
// passed on, and gives the admin address its own.
func (r *runner) takeInherited() (err error) {
	if r.inherited, err = service.TakeInherited(); err != nil {
		return err
	}
	for _, fd := range r.inherited.FDs() {
		r.former.FD(inheritedFD(fd)) // it stays open
		r.handed.FD(inheritedFD(fd))
	}
	if r.admin, err = r.inherited.Resolve(r.admin); err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	return nil
}

// resolve gives the servers of a plan the sockets that systemd has passed.
func (r *runner) resolve(groups []*service.Group) error {
	var errs []error
	for _, g := range groups {
		list, err := r.inherited.Resolve(g.Listen)
		if err != nil {
			errs = append(errs, fmt.Errorf("server %s: %w", g.Name, err))
			continue
		}
		g.Listen = list
	}
	return errors.Join(errs...)
}

// warnUnused names the sockets that nobody listens on: who connects to them
// waits for ever.
func (r *runner) warnUnused() {
	used := r.admin
	for _, g := range r.groups {
		used = append(slices.Clip(used), g.Listen...)
	}
	for _, socket := range r.inherited.Unused(used) {
		r.logs.own.Warn("a socket that was passed to this process is not used", "socket", socket)
	}
}
