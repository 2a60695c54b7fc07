//go:build !linux

package service

import "errors"

// become is for workers, which are Linux's alone.
func (id *Identity) become() error { return errors.ErrUnsupported }

func setUmask(int) {}
