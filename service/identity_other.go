//go:build !linux

package service

import "errors"

// become is for workers, which are Linux's alone.
func (id *Identity) become() error { return errors.ErrUnsupported }

func setUmask(int) {}

func (id *Identity) confine() error { return nil }

// Confined calls start: there are no workers here.
func (id *Identity) Confined(start func()) error {
	start()
	return nil
}
