package scoreboard

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// childEnv makes the test binary a worker that counts until it is killed.
const childEnv = "WHEATPASTE_TEST_REGION"

func child() {
	index, err := strconv.Atoi(os.Getenv(childEnv))
	if err != nil {
		return
	}
	if err := count(index); err != nil {
		fmt.Println(err)
	}
	os.Exit(1)
}

func count(index int) error {
	b, err := Open(3)
	if err != nil {
		return err
	}
	r, err := b.Region(index)
	if err != nil {
		return err
	}
	r.Process().PID.Store(int64(os.Getpid()))
	r.Process().BeatNow()
	r.Gauge(InFlight, "api").Inc()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for g := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				r.Counter(Requests, fmt.Sprint("app", n%50), "GET", strconv.Itoa(200+g)).Inc() // appends, too
				r.Histogram(Duration, "api").Observe(.1)
				mu.Lock()
				fmt.Println("counted") // after it was
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return nil
}

func reopened(t testing.TB, b *Board) *Board {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(b.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(fd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	return again
}

func TestWhatAKilledProcessCountedIsKept(t *testing.T) { // design.md 9, issue 3 point 2
	b := shared(t)
	inherited, err := unix.FcntlInt(uintptr(b.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(inherited), "scoreboard")
	defer file.Close()
	var acknowledged uint64
	for round := range 5 {
		r := claim(t, b, "main", 0, round)
		acknowledged += runAndKill(t, r, file, 200*(round+1))
		if r.Process().BeatAge() < 0 || r.Process().PID.Load() == 0 {
			t.Error("the process left no sign of life")
		}
		before, observed := total(b)
		wantShown(t, b, `wheatpaste_http_requests_in_flight{app="api"} 1`, "wheatpaste_http_requests_in_flight")
		b.Release(r)
		if after, o := total(b); after != before || o != observed || after < acknowledged {
			t.Errorf("%d requests, %d observations; %d and %d before the release, %d acknowledged", after, o, before, observed, acknowledged)
		}
		wantShown(t, b, "", "wheatpaste_http_requests_in_flight")
	}
}

// runAndKill lets a process count, and kills it in the middle. It returns how
// much of it the process had told.
func runAndKill(t *testing.T, r *Region, file *os.File, lines int) uint64 {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), childEnv+"="+strconv.Itoa(r.Index()))
	c.ExtraFiles = []*os.File{file}
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	told, scanner := 0, bufio.NewScanner(out)
	for scanner.Scan() {
		if scanner.Text() != "counted" {
			t.Errorf("the process says %q", scanner.Text())
		}
		if told++; told == lines {
			_ = c.Process.Kill()
		}
	}
	if err := c.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process ended with %v", err)
	}
	return uint64(told)
}

func TestAnotherMappingSeesRegionsThatAreNew(t *testing.T) {
	b := shared(t)
	other := reopened(t, b)
	if got := shown(t, other, "wheatpaste_http_requests_total"); got != "" {
		t.Error(got)
	}
	r := claim(t, b, "main", 1, 2)
	r.Counter(Requests, "api", "GET", "200").Inc()
	wantShown(t, other, `wheatpaste_http_requests_total{app="api",code="200",method="GET"} 1`, "wheatpaste_http_requests_total")
	same, err := other.Region(r.Index())
	if err != nil {
		t.Fatal(err)
	}
	if same.Server() != "main" || same.Slot() != 1 || same.Generation() != 2 {
		t.Errorf("%q %d %d", same.Server(), same.Slot(), same.Generation())
	}
	same.Counter(Requests, "api", "GET", "200").Inc() // finds what is there
	other.Master().Counter(Reloads, "ok").Inc()
	wantShown(t, b, `wheatpaste_http_requests_total{app="api",code="200",method="GET"} 2
wheatpaste_reloads_total{result="ok"} 1`, "wheatpaste_http_requests_total", "wheatpaste_reloads_total")
	other.Release(same) // an adopted worker of the new master
	wantShown(t, b, `wheatpaste_http_requests_total{app="api",code="200",method="GET"} 2`, "wheatpaste_http_requests_total")
}

func TestTheMemoryIsSparse(t *testing.T) {
	b := shared(t)
	for slot := range 8 {
		r := claim(t, b, "main", slot, 0)
		for i := range 40 {
			r.Histogram(FilterDuration, "p", fmt.Sprint(i)).Observe(1e-3)
		}
	}
	shown(t, b)
	var st unix.Stat_t
	if err := unix.Fstat(b.FD(), &st); err != nil {
		t.Fatal(err)
	}
	if kb := st.Blocks / 2; kb > 1200 {
		t.Errorf("8 workers with 40 filters take %d kB", kb)
	}
}

func TestOnlyABoardIsOpened(t *testing.T) {
	memfd := func(size int64, seals int, head ...uint64) int {
		fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Ftruncate(fd, size); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
			t.Fatal(err)
		}
		w, err := mapWords(fd, 0, headerWords)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range head {
			w.store(i, v)
		}
		if err := unix.Munmap(bytesOf(w)); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for _, test := range []struct {
		name string
		fd   int
		want string
	}{
		{"closed", -1, "bad file descriptor"},
		{"short", memfd(4096, unix.F_SEAL_SHRINK), "4096 bytes, want 4297068544"},
		{"may shrink", memfd(totalBytes, 0), "its size is not sealed"},
		{"zeros", memfd(totalBytes, unix.F_SEAL_SHRINK), "it does not begin as one"},
		{"another version", memfd(totalBytes, unix.F_SEAL_SHRINK, layoutMagic, layoutSignature+1<<48), "its layout is that of another version"},
		{"nothing but a header", memfd(totalBytes, unix.F_SEAL_SHRINK, layoutMagic, layoutSignature), "it has no master"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := fmt.Sprintf("descriptor %d is no scoreboard: %s", test.fd, test.want)
			if _, err := Open(test.fd); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

func TestAClosedBoardStillCounts(t *testing.T) {
	b, err := Create()
	if err != nil {
		t.Fatal(err)
	}
	c := b.Master().Counter(Reloads, "ok")
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	c.Inc()
	wantShown(t, b, `wheatpaste_reloads_total{result="ok"} 1`, "wheatpaste_reloads_total")
	if _, err := b.Claim("main", 0, 0); err == nil || err.Error() != "mapping region 2 of the scoreboard: bad file descriptor" {
		t.Errorf("%v", err)
	}
	if b.FD() != -1 {
		t.Errorf("descriptor %d", b.FD())
	}
}
