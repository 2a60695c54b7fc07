package service

import (
	"net"
	"syscall"
	"testing"
	"time"
)

func TestTCPProbes(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Group)
		want [4]int // SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT
	}{
		{"Go's", func(*Group) {}, [4]int{1, 15, 15, 9}},
		{"all", func(g *Group) {
			g.TCPKeepIdle, g.KeepAliveInterval, g.KeepAliveCount = 600*time.Second, 30*time.Second, 4
		}, [4]int{1, 600, 30, 4}},
		{"one alone", func(g *Group) { g.KeepAliveCount = 3 }, [4]int{1, 15, 15, 3}},
		{"none", func(g *Group) { g.TCPKeepAlive = false }, [4]int{0, -1, -1, -1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := testGroup(t)
			tt.set(g)
			r := serve(t, g, hello)
			r.dial()
			eventually(t, "the connection", func() bool { return r.connections() == 1 })
			got, err := probes(r.open()[0].Conn)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range tt.want {
				if want >= 0 && got[i] != want {
					t.Errorf("probes %v, want %v", got, tt.want)
				}
			}
		})
	}
}

// probes reads SO_KEEPALIVE and its times.
func probes(nc net.Conn) (values [4]int, err error) {
	options := [4][2]int{
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL}, {syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
	}
	err = control(nc, func(fd int) error {
		for i, o := range options {
			if values[i], err = syscall.GetsockoptInt(fd, o[0], o[1]); err != nil {
				return err
			}
		}
		return nil
	})
	return values, err
}
