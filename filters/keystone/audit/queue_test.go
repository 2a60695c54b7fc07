package audit

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wheatpaste/wheatpaste/paste"
)

func testRabbit(t *testing.T, url string) (*rabbit, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	b := paste.NewBuild(&paste.Context{}, paste.BuildConfig{
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: prometheus.NewRegistry(),
	})
	br := broker{rabbitOptions: rabbitOptions{Interval: time.Millisecond, Longest: time.Millisecond, Login: "PLAIN"}}
	if err := br.parse(url); err != nil {
		t.Fatal(err)
	}
	r, err := newRabbit(b, br, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	return r, &log
}

func TestQueueIsBounded(t *testing.T) {
	tests := []struct {
		name                string
		size, take, dropped int
	}{
		{"by the number of messages", 10, queueLength, 7},
		{"by their size", queueBytes / 4, 4, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, log := testRabbit(t, "rabbit://h/")
			for range tt.take + tt.dropped {
				r.put(make([]byte, tt.size))
			}
			if len(r.queue) != tt.take || r.bytes.Load() != int64(tt.take*tt.size) || testutil.ToFloat64(r.dropped) != float64(tt.dropped) {
				t.Errorf("%d wait with %d bytes, %v dropped, want %d, %d, %d", len(r.queue), r.bytes.Load(), testutil.ToFloat64(r.dropped),
					tt.take, tt.take*tt.size, tt.dropped)
			}
			if n := strings.Count(log.String(), "audit events are lost"); n != 1 {
				t.Errorf("the log says it %d times, want once:\n%s", n, log)
			}
			r.caughtUp()
			r.caughtUp()
			if n := strings.Count(log.String(), "takes audit events again"); n != 1 {
				t.Errorf("the log says %d times that it is over, want once:\n%s", n, log)
			}
		})
	}
}

func TestEndWithoutABroker(t *testing.T) {
	r, log := testRabbit(t, "rabbit://u:sesame@127.0.0.1:1/")
	for range 3 {
		r.put([]byte("x"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r.run(ctx)
	if got := testutil.ToFloat64(r.dropped); got != 3 {
		t.Errorf("%v dropped, want 3", got)
	}
	if !strings.Contains(log.String(), "the process ends") || strings.Contains(log.String(), "sesame") {
		t.Errorf("the log is\n%s", log)
	}
}

// TestEndWithABrokerThatIsSilent ends at once though something listens that is
// no broker.
func TestEndWithABrokerThatIsSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, _ := testRabbit(t, "rabbit://u:p@"+l.Addr().String()+"/")
	r.put([]byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	connected := make(chan net.Conn, 1)
	go func() {
		conn, _ := l.Accept()
		connected <- conn
		cancel()
	}()
	start := time.Now()
	r.run(ctx)
	if conn := <-connected; conn != nil {
		_ = conn.Close()
	}
	if d := time.Since(start); d > 4*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestTransportURL(t *testing.T) {
	guest := brokerHost{"localhost:5672", "guest", "guest"}
	tests := []struct {
		url, vhost string
		hosts      []brokerHost
	}{
		{"rabbit://", "/", []brokerHost{guest}},
		{"rabbit:///v", "v", []brokerHost{guest}},
		{"kombu://u:p@h/", "/", []brokerHost{{"h:5672", "u", "p"}}},
		{"rabbit://u:p@h:1//v?ssl=1", "/v", []brokerHost{{"h:1", "u", "p"}}},
		{"rabbit://u%40:p%2F%3A@[::1]:5/a%2Fb", "a/b", []brokerHost{{"[::1]:5", "u@", "p/:"}}},
		{"rabbit://u:p@h1:1,h2,u3:p3@[::2]", "/", []brokerHost{{"h1:1", "u", "p"}, {"h2:5672", "guest", "guest"}, {"[::2]:5672", "u3", "p3"}}},
	}
	for _, tt := range tests {
		var b broker
		if err := b.parse(tt.url); err != nil || b.vhost != tt.vhost || !reflect.DeepEqual(b.hosts, tt.hosts) {
			t.Errorf("%s = %v %q, %v, want %v %q", tt.url, b.hosts, b.vhost, err, tt.hosts, tt.vhost)
		}
	}
}

func TestWaitBetweenAttempts(t *testing.T) {
	r := &rabbit{broker: broker{hosts: make([]brokerHost, 2), rabbitOptions: rabbitOptions{Interval: time.Second, Backoff: 2 * time.Second, Longest: 4 * time.Second}}}
	for failures, want := range []time.Duration{0, time.Second, 0, 3 * time.Second, 0, 4 * time.Second, 0, 4 * time.Second} {
		if got := r.wait(failures); got != want {
			t.Errorf("after %d failures %v, want %v", failures+1, got, want)
		}
	}
}
