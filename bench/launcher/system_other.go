//go:build !linux

package main

import (
	"errors"
	"syscall"
	"time"
)

// errLinux is what the long runs say elsewhere.
var errLinux = errors.New("the long runs need Linux")

const sigStop = syscall.SIGTERM

func ownGroup() *syscall.SysProcAttr { return nil }

func sendSignal(int, syscall.Signal) error { return errLinux }

type held struct {
	files, threads int
	rss            int64
	goroutines     int
	heap           int64
}

func holds(int) held { return held{} }

func processor(int) time.Duration { return -1 }
