package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/bench/http/answer"
)

func TestAsk(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		want string
	}{
		{"the answer", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer.Small) }, ""},
		{"another status", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, answer.Small)
		}, "403 Forbidden with 22 bytes, want 200 with the 22 bytes of the answer"},
		{"a shorter body", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "flour") }, "200 OK with 5 bytes, want 200 with the 22 bytes of the answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(tt.h)
			defer srv.Close()
			size, err := ask(srv.Listener.Addr().String(), loads[0])
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("ask() = %q, want %q", got, tt.want)
			}
			if err == nil && size <= int64(len(answer.Small)) {
				t.Errorf("ask() = %d bytes, want those of the header too", size)
			}
		})
	}
}

func TestIdleConnectionsMustStayOpen(t *testing.T) {
	for _, closes := range []bool{false, true} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if closes {
				w.Header().Set("Connection", "close")
			}
			io.WriteString(w, answer.Small)
		}))
		addr := srv.Listener.Addr().String()
		conns, err := openIdle(addr, 5)
		if err != nil || len(conns) != 5 {
			t.Errorf("openIdle() = %d, %v, want 5", len(conns), err)
		}
		if err := stillOpen(conns, addr); (err != nil) != closes {
			t.Errorf("stillOpen() = %v of a server that closes: %v", err, closes)
		}
		closeAll(conns)
		srv.Close()
	}
}

func TestFill(t *testing.T) {
	got := fill("{{.Dir}}/x {{.Addr}} {{.LargeSize}}", values{Dir: "/d", Addr: "a:1", LargeSize: 7})
	if want := "/d/x a:1 7"; got != want {
		t.Errorf("fill() = %q, want %q", got, want)
	}
	for _, c := range contenders {
		if text := fill(c.args, values{Dir: "/d", Addr: "a:1"}); strings.Contains(text, "{{") {
			t.Errorf("%s: %q", c.name, text)
		}
	}
}
