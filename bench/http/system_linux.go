package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on Linux.
const tick = 10 * time.Millisecond

// inGroup puts a command into a process group; 0 is a new one.
func inGroup(group int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: group}
}

func killGroup(group int) error { return syscall.Kill(-group, syscall.SIGKILL) }

// process is what the system says of one.
type process struct {
	pid  int
	cpu  time.Duration // of the user's and the system's
	anon int64         // bytes of memory that belong to nothing else
}

// processes lists a process group.
func processes(group int) []process {
	var list []process
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // it has ended
		}
		if of, cpu, ok := parseStat(string(text)); ok && of == group {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			list = append(list, process{pid, cpu, anonymous(dir)})
		}
	}
	return list
}

// parseStat reads the process group and the processor time of a line of
// /proc/PID/stat. The name in brackets may hold anything.
func parseStat(text string) (group int, cpu time.Duration, ok bool) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, false
	}
	var numbers [3]int64
	for i, at := range []int{2, 11, 12} { // pgrp, utime, stime
		n, err := strconv.ParseInt(fields[at], 10, 64)
		if err != nil {
			return 0, 0, false
		}
		numbers[i] = n
	}
	return int(numbers[0]), time.Duration(numbers[1]+numbers[2]) * tick, true
}

func anonymous(dir string) int64 {
	text, _ := os.ReadFile(filepath.Join(dir, "status"))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(text)); len(fields) > 0 {
		return fields[0]
	}
	return "?"
}
