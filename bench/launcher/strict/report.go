package strict

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Kind says how a request was lost.
type Kind string

// The kinds of failures.
const (
	Refused   Kind = "refused"    // no connection: refused
	NoConnect Kind = "no connect" // no connection: any other reason
	Reset     Kind = "reset"      // the connection was reset, or closed under a write
	EarlyEnd  Kind = "early end"  // the connection ended before the answer did
	Timeout   Kind = "timeout"
	BadStatus Kind = "bad status"
	WrongBody Kind = "wrong body"
	WrongID   Kind = "wrong id"
	Malformed Kind = "malformed" // not HTTP, or against its rules
)

// Failure is a request that was not answered as it should have been.
type Failure struct {
	Kind   Kind
	Detail string
	Client string    // h1, new or h2, and its number
	First  bool      // it was the first on its connection
	Worker string    // which had answered before on this connection; empty: unknown
	Began  time.Time // when the client began with it
	Failed time.Time
}

// tally is what one client met.
type tally struct {
	requests, answered, connections, closes int
	goAways, retries, refusedEnds           int
	failures                                []Failure
	status                                  map[int]int
	workers                                 map[string]int
	took                                    []uint32 // microseconds
}

func newTally() tally {
	return tally{status: map[int]int{}, workers: map[string]int{}}
}

// good counts a request that was answered in full and right.
func (t *tally) good(took time.Duration) {
	t.answered++
	t.took = append(t.took, uint32(min(took.Microseconds(), 1<<32-1)))
}

func (t *tally) bad(q *request, client string, f Failure) {
	f.Client, f.First, f.Worker, f.Began, f.Failed = client, q.first, q.worker, q.began, time.Now()
	t.failures = append(t.failures, f)
}

// Report is what a whole load met.
type Report struct {
	Took        time.Duration
	Requests    int // begun; each is answered or a failure
	Answered    int // complete and right
	Connections int // opened
	Closes      int // answers with Connection: close
	GoAways     int
	Retries     int // HTTP/2 requests sent again, being unprocessed
	Ended       int // clients of an UntilRefused load that were refused
	Failures    []Failure
	Status      map[int]int    // answers by status, the wrong ones among them
	Workers     map[string]int // good answers by worker
	P50, P99    time.Duration
	Max         time.Duration
	took        []uint32
}

func newReport(took time.Duration) *Report {
	return &Report{Took: took, Status: map[int]int{}, Workers: map[string]int{}}
}

func (r *Report) add(t *tally) {
	r.Requests += t.requests
	r.Answered += t.answered
	r.Connections += t.connections
	r.Closes += t.closes
	r.GoAways += t.goAways
	r.Retries += t.retries
	r.Ended += t.refusedEnds
	r.Failures = append(r.Failures, t.failures...)
	r.took = append(r.took, t.took...)
	for code, n := range t.status {
		r.Status[code] += n
	}
	for worker, n := range t.workers {
		r.Workers[worker] += n
	}
}

func (r *Report) finish() {
	slices.SortFunc(r.Failures, func(a, b Failure) int { return a.Failed.Compare(b.Failed) })
	slices.Sort(r.took)
	r.P50, r.P99, r.Max = r.percentile(0.5), r.percentile(0.99), r.percentile(1)
	r.took = nil
}

func (r *Report) percentile(p float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return time.Duration(r.took[int(p*float64(len(r.took)-1))]) * time.Microsecond
}

// ByKind counts the failures.
func (r *Report) ByKind() map[Kind]int {
	kinds := map[Kind]int{}
	for _, f := range r.Failures {
		kinds[f.Kind]++
	}
	return kinds
}

// String is the report in one line.
func (r *Report) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d requests in %.1f s, %d failed", r.Requests, r.Took.Seconds(), len(r.Failures))
	kinds := r.ByKind()
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&text, ", %s %d", k, kinds[k])
	}
	var codes []string
	for _, code := range slices.Sorted(maps.Keys(r.Status)) {
		codes = append(codes, fmt.Sprintf("%d: %d", code, r.Status[code]))
	}
	fmt.Fprintf(&text, "; answers %s; %d connections, %d closed by the server's word", strings.Join(codes, ", "), r.Connections, r.Closes)
	if r.GoAways > 0 || r.Retries > 0 {
		fmt.Fprintf(&text, ", %d GOAWAY, %d unprocessed and sent again", r.GoAways, r.Retries)
	}
	fmt.Fprintf(&text, "; p50 %s, p99 %s, max %s", round(r.P50), round(r.P99), round(r.Max))
	return text.String()
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// Examples are the first failures of each kind, at most n of each.
func (r *Report) Examples(n int) []string {
	seen := map[Kind]int{}
	var lines []string
	for _, f := range r.Failures {
		if seen[f.Kind]++; seen[f.Kind] <= n {
			lines = append(lines, f.String())
		}
	}
	return lines
}

// String is the failure in one line.
func (f Failure) String() string {
	where := "on a used connection"
	if f.First {
		where = "on a new connection"
	}
	return fmt.Sprintf("%s %s %s (%s, %s after it began, worker %q): %s", f.Failed.Format("15:04:05.000"),
		f.Client, f.Kind, where, round(f.Failed.Sub(f.Began)), f.Worker, f.Detail)
}

// broken is the failure that an error of a connection in use means.
func broken(err error) Failure {
	kind := Malformed
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		kind = Reset
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		kind = EarlyEnd
	case errors.As(err, &timeout) && timeout.Timeout():
		kind = Timeout
	}
	return Failure{Kind: kind, Detail: err.Error()}
}

// unconnected is the failure that an error of connecting means.
func unconnected(err error) Failure {
	kind := NoConnect
	if errors.Is(err, syscall.ECONNREFUSED) {
		kind = Refused
	}
	if errors.Is(err, syscall.ECONNRESET) {
		kind = Reset
	}
	return Failure{Kind: kind, Detail: err.Error()}
}
