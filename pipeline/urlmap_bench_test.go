package pipeline

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// bigMap mounts n applications at random paths and gives requests for them, the
// same number for each n, so that only the map differs.
func bigMap(n int) (*URLMap, []*http.Request) {
	rnd := rand.New(rand.NewPCG(1, 2))
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	m := NewURLMap(nothing, false)
	paths := make([]string, n)
	for i := range paths {
		paths[i] = fmt.Sprintf("/service%d/v%d", rnd.Uint32(), rnd.IntN(4))
		m.Mount(MountKey{Path: paths[i]}, nothing)
	}
	requests := make([]*http.Request, 10000)
	for i := range requests {
		path := fmt.Sprintf("%s/servers/%d", paths[rnd.IntN(n)], rnd.Uint32())
		_, _, requests[i] = Begin(httptest.NewRecorder(), request("api.example.com", path))
	}
	return m, requests
}

func benchmarkURLMap(b *testing.B, n int) {
	b.Helper()
	m, requests := bigMap(n)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		r := requests[i%len(requests)]
		FromRequest(r).SetScriptName("")
		m.ServeHTTP(w, r)
	}
}

func BenchmarkURLMap10(b *testing.B)    { benchmarkURLMap(b, 10) }
func BenchmarkURLMap10000(b *testing.B) { benchmarkURLMap(b, 10000) }

func BenchmarkURLMapDeepPath(b *testing.B) {
	deep := strings.Repeat("/a", 10000)
	m := NewURLMap(nil, false)
	m.Mount(MountKey{Path: deep}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := httptest.NewRecorder()
	_, _, r := Begin(w, request("x", deep+"/x"))
	for range b.N {
		FromRequest(r).SetScriptName("")
		m.ServeHTTP(w, r)
	}
}

func TestURLMapDispatchAllocatesTheMovedRequestOnly(t *testing.T) {
	m, requests := bigMap(100)
	w := httptest.NewRecorder()
	i := 0
	allocs := testing.AllocsPerRun(100, func() {
		r := requests[i]
		i++
		FromRequest(r).SetScriptName("")
		m.ServeHTTP(w, r)
	})
	if allocs > 1 {
		t.Errorf("%v allocations, want 1", allocs)
	}
}
