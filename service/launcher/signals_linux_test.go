package launcher

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/service"
)

// design.md 6 and SIG-17: the profiles differ in three signals.
func TestPurposeOfSignals(t *testing.T) {
	profiles := []service.SignalProfile{"", service.OpenStackSignals, service.WebSignals, service.SwiftSignals}
	for _, tt := range []struct {
		signal os.Signal
		want   [4]purpose // by profile
	}{
		{syscall.SIGHUP, [4]purpose{wantsReload, wantsReload, wantsReload, wantsReload}},
		{syscall.SIGUSR1, [4]purpose{wantsReopen, wantsReopen, wantsReopen, wantsUpgrade}},
		{syscall.SIGUSR2, [4]purpose{wantsReport, wantsReport, wantsUpgrade, wantsReport}},
		{realtimeReport, [4]purpose{wantsNothing, wantsNothing, wantsReport, wantsNothing}},
		{syscall.SIGTTIN, [4]purpose{wantsMore, wantsMore, wantsMore, wantsMore}},
		{syscall.SIGTTOU, [4]purpose{wantsLess, wantsLess, wantsLess, wantsLess}},
	} {
		for i, p := range profiles {
			if got := purposeOf(tt.signal, p); got != tt.want[i] {
				t.Errorf("purposeOf(%s, %q) = %d, want %d", signalName(tt.signal), p, got, tt.want[i])
			}
		}
	}
}

// A program that cannot be executed leaves the one that runs with ears: what was
// ignored for the exec is heard again.
func TestSignalsAfterAFailedExec(t *testing.T) {
	s := listenSignals()
	if err := executeState("/no/such/program", nil, nil, nil); err == nil {
		t.Fatal("no error")
	}
	s.listen()
	for _, want := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, realtimeReport} {
		if err := syscall.Kill(os.Getpid(), want); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-s.c:
			if got != want {
				t.Errorf("heard %v, want %v", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("%v is not heard", want)
		}
	}
}

// TestProbeLimit: the longest start_timeout, if that is less than 30 s.
func TestProbeLimit(t *testing.T) {
	with := func(times ...time.Duration) (list []*service.Group) {
		for _, d := range times {
			list = append(list, &service.Group{StartTimeout: d})
		}
		return list
	}
	for _, tt := range []struct {
		groups []*service.Group
		want   time.Duration
	}{
		{nil, probeTime}, {with(time.Second, 3*time.Second), 3 * time.Second}, {with(time.Second, 0), probeTime}, {with(time.Minute), probeTime},
	} {
		if got := probeLimit(tt.groups); got != tt.want {
			t.Errorf("probeLimit(%v) = %v, want %v", tt.groups, got, tt.want)
		}
	}
}
