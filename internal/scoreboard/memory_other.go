//go:build !linux

package scoreboard

import "errors"

var errNotShared = errors.New("only Linux shares scoreboards between processes")

// Create makes a board as New does: there are no workers to share it with.
func Create() (*Board, error) { return New(), nil }

// Open is for workers, which only Linux has.
func Open(int) (*Board, error) { return nil, errNotShared }

func mapWords(int, int64, int) (words, error) { return nil, errNotShared }

func closeFD(int) error { return nil }
