package protocol

import (
	"errors"
	"testing"
	"time"
)

func TestPathMatches(t *testing.T) {
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"/v2.1/servers", "/v2.1/servers", true},
		{"/v2.1/servers", "/v2x1/servers", false},
		{"/v2.1/servers", "/v2.1/servers/", false},
		{"/v2.1/servers/*", "/v2.1/servers/1", true},
		{"/v2.1/servers/*", "/v2.1/servers/", false},
		{"/v2.1/servers/*", "/v2.1/servers/1/2", false},
		{"/v2.1/s*s", "/v2.1/servers", true},
		{"/v2.1/{project}/x", "/v2.1/p/x", true},
		{"/v2.1/{project}/x", "/v2.1/p/q/x", false},
		{"/v2.1/**", "/v2.1/a/b", true},
		{"/v2.1/**", "/v2.1/", true},
		{"/v2.1/**", "/v2.1", false},
		{"/**/x", "/a/b/x", true},
		{"/**/x", "/x", false},
		{"/***", "/a", true},
		{"/***", "/", false},
		{"/a{b", "/ab", true},
		{"", "", true},
		{"(", "(", true},
	}
	for _, tt := range tests {
		if got := pathMatches(tt.pattern, tt.path); got != tt.want {
			t.Errorf("pathMatches(%q, %q) = %t, want %t", tt.pattern, tt.path, got, tt.want)
		}
	}
}

func TestBreaker(t *testing.T) {
	var b breaker
	down := errors.New("down")
	now := time.Unix(0, 0)
	try := func(want error) {
		t.Helper()
		if got := b.enter(now, time.Minute); !errors.Is(got, want) {
			t.Fatalf("at %v: %v, want %v", now.Sub(time.Unix(0, 0)), got, want)
		}
	}
	leave := func(failure error, first, back bool) {
		t.Helper()
		if f, bk := b.leave(now, failure); f != first || bk != back {
			t.Fatalf("first %t, back %t, want %t, %t", f, bk, first, back)
		}
	}
	try(nil)
	try(nil)
	leave(down, true, false)
	leave(down, false, false) // of the same time: counts once
	try(down)
	now = now.Add(firstRest)
	try(nil)
	try(down) // one tries
	leave(down, false, false)
	now = now.Add(firstRest)
	try(down)
	now = now.Add(firstRest)
	try(nil)
	now = now.Add(time.Minute) // the one that tried never came back
	try(nil)
	leave(nil, false, true)
	try(nil)
	for range 10 {
		now = now.Add(time.Hour)
		try(nil)
		b.leave(now, down)
	}
	now = now.Add(longRest - 1)
	try(down)
	now = now.Add(1)
	try(nil)
}
