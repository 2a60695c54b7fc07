package main

import (
	"fmt"
	"strings"
	"testing"
)

const trace = `init internal/bytealg @0.008 ms, 0 ms clock, 0 bytes, 0 allocs
a line of the program's own
init github.com/wheatpaste/wheatpaste/paste @36 ms, 1.5 ms clock, %d bytes, 240 allocs
`

func TestParseTakesTheLeast(t *testing.T) {
	found := map[string]*figures{}
	for _, size := range []int{900, 700, 800} {
		if err := parse(fmt.Sprintf(trace, size), found); err != nil {
			t.Fatal(err)
		}
	}
	own := found["github.com/wheatpaste/wheatpaste/paste"]
	if len(found) != 2 || own == nil || own.bytes != 700 || len(own.ms) != 3 || own.time() != 1.5 || !own.ours() {
		t.Errorf("parse() = %+v", own)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "no trace: ",
		"init x something": `"init x something": input does not match format`,
	} {
		if err := parse(text, map[string]*figures{}); err == nil || err.Error() != want {
			t.Errorf("parse(%q) = %v, want %s", text, err, want)
		}
	}
}

func TestReportFailsForAHeavyPackageOfOurs(t *testing.T) {
	for _, tt := range []struct {
		size int
		want string
	}{
		{mostBytes, ""},
		{mostBytes + 1, "github.com/wheatpaste/wheatpaste/paste allocates 131073 bytes before main, want at most 131072"},
	} {
		found := map[string]*figures{}
		if err := parse(fmt.Sprintf(trace, tt.size), found); err != nil {
			t.Fatal(err)
		}
		text, err := report(found)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || !strings.Contains(text, fmt.Sprint(tt.size)) {
			t.Errorf("report() = %s, %q, want %q", text, got, tt.want)
		}
	}
}
