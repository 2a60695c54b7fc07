package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 77 77 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 4 0 100 0"
	for _, tt := range []struct {
		name, text string
		group      int
		cpu        time.Duration
		ok         bool
	}{
		{"plain", "42 (wheatpaste)" + rest, 77, 2 * time.Second, true},
		{"a name with brackets and blanks", "42 (a) R 1 5 (x)" + rest, 77, 2 * time.Second, true},
		{"cut off", "42 (a) S 1 77", 0, 0, false},
		{"empty", "", 0, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			group, cpu, ok := parseStat(tt.text)
			if group != tt.group || cpu != tt.cpu || ok != tt.ok {
				t.Errorf("parseStat() = %d, %s, %v, want %d, %s, %v", group, cpu, ok, tt.group, tt.cpu, tt.ok)
			}
		})
	}
}

func TestProcessesOfAGroup(t *testing.T) {
	for _, p := range processes(syscall.Getpgrp()) {
		if p.pid == os.Getpid() {
			if p.anon == 0 {
				t.Error("no anonymous memory")
			}
			return
		}
	}
	t.Error("this process is not in its group")
}
