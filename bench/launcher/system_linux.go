package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sigStop stops a process.
const sigStop = syscall.SIGSTOP

// ownGroup makes a command the leader of a process group.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// sendSignal signals a process, or a group when the number is negative.
func sendSignal(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }

// held is what a process holds.
type held struct {
	files, threads int
	rss            int64
	goroutines     int
	heap           int64
}

// holds asks the system about a process.
func holds(pid int) held {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	files, _ := os.ReadDir(filepath.Join(dir, "fd"))
	threads, _ := os.ReadDir(filepath.Join(dir, "task"))
	h := held{files: len(files), threads: len(threads)}
	if text, err := os.ReadFile(filepath.Join(dir, "statm")); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			h.rss = pages * int64(os.Getpagesize())
		}
	}
	return h
}

// processor is the time that a process has had, without its children's; -1 when
// it is gone.
func processor(pid int) time.Duration {
	threads, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "schedstat"))
	total := time.Duration(0)
	for _, file := range threads {
		text, _ := os.ReadFile(file) // a thread may have ended meanwhile
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			ns, _ := strconv.ParseInt(fields[0], 10, 64)
			total += time.Duration(ns)
		}
	}
	if len(threads) == 0 {
		return -1
	}
	return total
}
