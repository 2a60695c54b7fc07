package service

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
)

// BenchmarkServe compares a request through a Server with one through a bare
// http.Server, both over one connection of 127.0.0.1.
func BenchmarkServe(b *testing.B) {
	b.Run("net_http", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		srv := &http.Server{Handler: http.HandlerFunc(hello)}
		go srv.Serve(l)
		defer srv.Close()
		askAll(b, l.Addr().String())
	})
	for _, log := range []string{"off", "/dev/null"} {
		b.Run("access_log="+log, func(b *testing.B) {
			g := DefaultGroup()
			g.Listen = []Address{{"tcp", "127.0.0.1:0"}}
			g.AccessLog = log
			l, err := Listen(b.Context(), g)
			if err != nil {
				b.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			s := &Server{Group: g, Handler: http.HandlerFunc(hello), Logger: slog.New(slog.DiscardHandler)}
			go func() { done <- s.Serve(ctx, l...) }()
			askAll(b, l[0].Addr().String())
			stop()
			if err := <-done; err != nil {
				b.Error(err)
			}
		})
	}
}

func askAll(b *testing.B, addr string) {
	b.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(nc, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
	}
}
