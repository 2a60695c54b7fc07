package pipeline

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

func TestEndingTellsRequests(t *testing.T) {
	ctx, ending := WithEnding(t.Context())
	e, _, _ := Begin(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	if e.Draining() || isClosed(e.Ending()) {
		t.Error("a server that has not ended tells so")
	}
	ending.Drain()
	if !e.Draining() || isClosed(e.Ending()) {
		t.Error("after Drain: want Draining alone")
	}
	ending.End()
	ending.End()
	if !isClosed(e.Ending()) {
		t.Error("after End the channel is open")
	}
}

func TestEndingOutsideOfAServer(t *testing.T) {
	e := FromRequest(httptest.NewRequest("GET", "/", nil))
	if e.Draining() || e.Ending() != nil {
		t.Errorf("Draining() = %v, Ending() = %v, want false and nil", e.Draining(), e.Ending())
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestServerPortIsFoundWhenAsked(t *testing.T) {
	tests := []struct {
		name string
		addr net.Addr
		tls  bool
		want string
	}{
		{"TCP", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8774}, false, "8774"},
		{"a unix socket", &net.UnixAddr{Name: "/run/x.sock"}, false, "80"},
		{"TLS on a unix socket", &net.UnixAddr{Name: "/run/x.sock"}, true, "443"},
		{"nothing", nil, false, "80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := "http://h/"
			if tt.tls {
				url = "https://h/"
			}
			r := httptest.NewRequest("GET", url, nil)
			if tt.addr != nil {
				r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tt.addr))
			}
			e, _, r := Begin(httptest.NewRecorder(), r)
			if got := forkEnviron(e, r).ServerPort(); got != tt.want {
				t.Errorf("a fork's ServerPort() = %q, want %q", got, tt.want)
			}
			if got := e.ServerPort(); got != tt.want {
				t.Errorf("ServerPort() = %q, want %q", got, tt.want)
			}
			e.SetServerPort("1")
			if got := e.ServerPort(); got != "1" {
				t.Errorf("ServerPort() = %q after SetServerPort, want 1", got)
			}
		})
	}
}

func TestPosition(t *testing.T) {
	where := func(r *http.Request) [2]string {
		pipeline, filter := FromRequest(r).Position()
		return [2]string{pipeline, filter}
	}
	var outside, inFirst, inSecond, inApp, back [2]string
	filter := func(before, after *[2]string) alice.Constructor {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				*before = where(r)
				next.ServeHTTP(w, r)
				*after = where(r)
			})
		}
	}
	var ignored [2]string
	c := newChain("api", []string{"first", "second"}, []alice.Constructor{filter(&inFirst, &back), filter(&inSecond, &ignored)},
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inApp = where(r) }), 0, newMetrics(scoreboard.New().Master(), 1))
	_, w, r := Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	outside = where(r)
	c.ServeHTTP(w, r)
	got := [][2]string{outside, inFirst, inSecond, inApp, back}
	want := [][2]string{{}, {"api", "first"}, {"api", "second"}, {"api", ""}, {"api", "first"}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("position %d is %q, want %q", i, got[i], want[i])
		}
	}
}
