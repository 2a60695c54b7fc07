package heap

import (
	"fmt"
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mb = 1 << 20

func TestASmallHeapMayGrow(t *testing.T) {
	for _, tt := range []struct {
		live   uint64
		atMost int
		want   int
	}{
		{0, most, 300},
		{1, most, 300},
		{2 * mb, most, 300},
		{4 * mb, most, 300},
		{5 * mb, most, 200},
		{6 * mb, most, 150},
		{7 * mb, most, 100},
		{8 * mb, most, 100},
		{1 << 40, most, 100},
		{0, usual, 100},
		{2 * mb, usual, 100},
	} {
		own := tender{percent: usual, atMost: tt.atMost}
		changed := own.changes(tt.live)
		if own.percent != tt.want || changed != (tt.want != usual) {
			t.Errorf("changes(%d) = %v, %d%%, want %d%%", tt.live, changed, own.percent, tt.want)
		}
		if own.changes(tt.live) {
			t.Errorf("changes(%d) again", tt.live)
		}
	}
}

func TestMemoryGoesBackOnceAtRest(t *testing.T) {
	for _, tt := range []struct {
		name      string
		allocated []uint64 // in all, in MB, at each look
		want      []bool
	}{
		{"nothing to do", []uint64{0, 0}, []bool{false, false}},
		{"under load", []uint64{50, 100, 150}, []bool{false, false, false}},
		{"once after load", []uint64{50, 50, 50}, []bool{false, true, false}},
		{"too little load", []uint64{3, 3, 4, 4}, []bool{false, false, false, true}},
		{"load again", []uint64{50, 50, 90, 90, 90}, []bool{false, true, false, true, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []bool
			own := tender{}
			for _, n := range tt.allocated {
				got = append(got, own.rests(n*mb))
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("rests() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestHealthChecksAreRest(t *testing.T) {
	own := tender{}
	if own.rests(50*mb) || !own.rests(50*mb+resting) || own.rests(50*mb+2*resting) {
		t.Error("memory did not go back once, while health checks went on")
	}
	if own.seen, own.freed = 0, 0; own.rests(resting + 1) {
		t.Error("more than health checks is rest")
	}
}

func TestTendLeavesGOGCToTheOperator(t *testing.T) {
	t.Setenv("GOGC", "250")
	before := debug.SetGCPercent(250)
	defer debug.SetGCPercent(before)
	Tend(0)()
	if got := debug.SetGCPercent(250); got != 250 {
		t.Errorf("GOGC = %d, want 250", got)
	}
}

func TestTendEndsAsItBegan(t *testing.T) {
	t.Setenv("GOGC", "")
	Tend(0)()
	if got := debug.SetGCPercent(usual); got != usual {
		t.Errorf("GOGC = %d, want %d", got, usual)
	}
}

func TestReadFindsItsFigures(t *testing.T) {
	before := read()
	_ = make([]byte, 10*mb)
	if f := read(); f.allocated < before.allocated+10*mb {
		t.Errorf("read() = %+v after 10 MB, before %+v", f, before)
	}
}
