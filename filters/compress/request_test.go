package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/filters/internal/filtertest"
)

func post(coding string, body []byte) *http.Request {
	r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
	if coding != "" {
		r.Header.Set("Content-Encoding", coding)
	}
	return r
}

// length tells what the application reads.
func length(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "%d %v %q %d %v", n, err, r.Header["Content-Encoding"], r.ContentLength, r.Header["Content-Length"])
}

func TestRequestsAreUnpacked(t *testing.T) {
	s := filtertest.Load(t, use+"requests = on\nrequest_max_size = 10k", length)
	off := filtertest.Load(t, use, length)
	for _, coding := range []string{"gzip", "br", "zstd"} {
		body := pack(t, coding, []byte(long))
		if got, want := s.Do(post(coding, body)).Body.String(), fmt.Sprintf("%d <nil> [] -1 []", len(long)); got != want {
			t.Errorf("%s: %s, want %s", coding, got, want)
		}
		if got, want := off.Do(post(coding, body)).Body.String(), fmt.Sprintf("%d <nil> [%q] %d []", len(body), coding, len(body)); got != want {
			t.Errorf("%s without the option: %s, want %s", coding, got, want)
		}
		if rec := s.Do(post(coding, body[:len(body)-2])); !strings.Contains(rec.Body.String(), "unexpected EOF") {
			t.Errorf("%s cut short: %s", coding, rec.Body)
		}
	}
	if got := s.Do(post("", []byte("x"))).Body.String(); got != "1 <nil> [] 1 []" {
		t.Errorf("plain: %s", got)
	}
	for _, coding := range []string{"deflate", "gzip, gzip", "gzip, zstd", "x"} {
		rec := s.Do(post(coding, []byte("x")))
		if rec.Code != http.StatusUnsupportedMediaType || rec.Header().Get("Accept-Encoding") != "gzip, zstd, br" {
			t.Errorf("%s: %d %v, want 415", coding, rec.Code, rec.Header())
		}
	}
	if got := s.Do(post("gzip", []byte("no gzip"))).Body.String(); !strings.HasPrefix(got, "0 ") || strings.Contains(got, "<nil>") {
		t.Errorf("rubbish: %s", got)
	}
}

// TestBombs: 16 MiB that come as some kilobytes cost neither their memory nor
// more than the limit, whoever reads.
func TestBombs(t *testing.T) {
	s := filtertest.Load(t, use+"requests = on\nrequest_max_size = 100k", length)
	zeros := make([]byte, 16<<20)
	for _, coding := range []string{"gzip", "br", "zstd"} {
		body := pack(t, coding, zeros)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rec := s.Do(post(coding, body))
		runtime.ReadMemStats(&after)
		if rec.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s, want 413", coding, rec.Code, rec.Body)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 12<<20 {
			t.Errorf("%s: a body of %d bytes made the server allocate %d", coding, len(body), spent)
		}
	}
	if got := s.Metric(t, "wheatpaste_compress_refused_requests_total"); got != 3 {
		t.Errorf("refused %v, want 3", got)
	}
}

// TestABodyThatIsReadTooLate: a goroutine of the application that outlives the
// request gets an error, not a decoder that another request has by now.
func TestABodyThatIsReadTooLate(t *testing.T) {
	bodies := make(chan io.Reader, 1)
	s := filtertest.Load(t, use+"requests = on", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 1))
		bodies <- r.Body
	})
	s.Do(post("zstd", pack(t, "zstd", []byte(long))))
	if n, err := (<-bodies).Read(make([]byte, 1)); n != 0 || !errors.Is(err, errDone) {
		t.Errorf("read %d, %v, want %v", n, err, errDone)
	}
}
