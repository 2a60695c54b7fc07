package limited

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
)

// What the filters make of it has its tests with them: oslo/sizelimit, bodylimit
// and compress.
func TestReaderGivesNoByteMore(t *testing.T) {
	tooLarge := &http.MaxBytesError{Limit: 10}
	for _, size := range []int{1, 3, 10, 11, 64} {
		b := &reader{ReadCloser: io.NopCloser(strings.NewReader(strings.Repeat("x", 25))), left: 10, tooLarge: tooLarge}
		total, buf := 0, make([]byte, size)
		var err error
		for err == nil {
			var n int
			n, err = b.Read(buf)
			total += n
		}
		if total != 10 || !errors.Is(err, tooLarge) {
			t.Errorf("parts of %d: read %d, %v, want 10 and %v", size, total, err, tooLarge)
		}
		if n, again := b.Read(buf); n != 0 || !errors.Is(again, tooLarge) {
			t.Errorf("parts of %d: then %d, %v, want 0 and the same error", size, n, again)
		}
	}
	b := &reader{ReadCloser: io.NopCloser(strings.NewReader("x")), left: math.MaxInt64, tooLarge: tooLarge}
	if got, err := io.ReadAll(b); string(got) != "x" || err != nil {
		t.Errorf("no limit: %q, %v, want x", got, err)
	}
}
