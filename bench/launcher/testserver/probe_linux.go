package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
)

// probe lets the long runs ask a process how many goroutines and how much live
// memory it has: a connection to an abstract socket that is named after its pid
// gets one line. The status verb and /metrics cannot say that of a master.
func probe() {
	prefix := os.Getenv("WHEATPASTE_SOAK_PROBE")
	if prefix == "" {
		return
	}
	l, err := net.Listen("unix", "@"+prefix+strconv.Itoa(os.Getpid())) //nolint:noctx // no context yet
	if err != nil {
		fmt.Fprintln(os.Stderr, "testserver:", err)
		return
	}
	go answerProbes(l)
}

func answerProbes(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		var memory runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&memory)
		fmt.Fprintln(conn, runtime.NumGoroutine(), memory.HeapAlloc)
		conn.Close() //nolint:errcheck // a line is written
	}
}
