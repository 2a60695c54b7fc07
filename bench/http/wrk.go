package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// figures is what wrk has counted; see load.lua.
type figures struct {
	requests, micros, bytes                int64
	connect, read, write, status, timeouts int64
	p50, p99                               float64 // ms
}

var figuresLine = regexp.MustCompile(`(?m)^figures ((?:\d+ ?){10})$`)

func parseFigures(out string) (figures, error) {
	m := figuresLine.FindStringSubmatch(out)
	if m == nil {
		return figures{}, fmt.Errorf("wrk gave no figures: %s", out)
	}
	var n [10]int64
	for i, word := range strings.Fields(m[1]) {
		v, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return figures{}, fmt.Errorf("wrk gave %q: %w", m[0], err)
		}
		n[i] = v
	}
	return figures{
		requests: n[0], micros: n[1], bytes: n[2], connect: n[3], read: n[4], write: n[5], status: n[6], timeouts: n[7],
		p50: float64(n[8]) / 1000, p99: float64(n[9]) / 1000,
	}, nil
}

func (f figures) rate() float64 { return float64(f.requests) / float64(f.micros) * 1e6 }

// check wants every answer to be as the first one was, which was looked at: no
// error, and as many bytes. What was under way at the end is in the bytes alone.
func (f figures) check(size int64, conns int) error {
	switch {
	case f.requests == 0:
		return errors.New("nothing was answered")
	case f.connect+f.read+f.write+f.status+f.timeouts > 0:
		return fmt.Errorf("of %d requests failed: %d connect, %d read, %d write, %d status, %d timeout",
			f.requests, f.connect, f.read, f.write, f.status, f.timeouts)
	case f.bytes < f.requests*size || f.bytes > (f.requests+int64(conns))*size:
		return fmt.Errorf("%d bytes in %d answers, want %d each", f.bytes, f.requests, size)
	}
	return nil
}
