package begin

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

type observer func(status int)

func (o observer) Began(status int) { o(status) }

// hijackable can be taken over, unless err.
type hijackable struct {
	http.ResponseWriter
	err error
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, h.err }

func TestObserverIsToldWhatBeginsAnAnswer(t *testing.T) {
	tests := []struct {
		name string
		do   func(w http.ResponseWriter)
		want string
	}{
		{"nothing", func(http.ResponseWriter) {}, "[]"},
		{"a status", func(w http.ResponseWriter) { w.WriteHeader(404) }, "[404]"},
		{"early hints come before it", func(w http.ResponseWriter) { w.WriteHeader(103) }, "[]"},
		{"an upgrade is final", func(w http.ResponseWriter) { w.WriteHeader(101) }, "[101]"},
		{"a body", func(w http.ResponseWriter) { fmt.Fprint(w, "x") }, "[200]"},
		{"a status and a body", func(w http.ResponseWriter) { w.WriteHeader(201); fmt.Fprint(w, "x") }, "[201 200]"},
		{"a flush", func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }, "[200]"},
		{"a hijack", func(w http.ResponseWriter) { _, _, _ = http.NewResponseController(w).Hijack() }, "[101]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := []int{}
			tt.do(&Writer{hijackable{ResponseWriter: httptest.NewRecorder()}, observer(func(status int) { got = append(got, status) })})
			if fmt.Sprint(got) != tt.want {
				t.Errorf("told %v, want %s", got, tt.want)
			}
		})
	}
}

func TestWhatIsWrittenArrives(t *testing.T) {
	rec := httptest.NewRecorder()
	w := &Writer{rec, observer(func(status int) { rec.Header().Set("Seen", fmt.Sprint(status)) })}
	w.WriteHeader(202)
	n, err := w.Write([]byte("body"))
	if ferr := w.FlushError(); n != 4 || err != nil || ferr != nil || w.Unwrap() != rec {
		t.Errorf("Write = %d, %v; Flush: %v; want 4 and no errors", n, err, ferr)
	}
	if res := rec.Result(); res.StatusCode != 202 || res.Header.Get("Seen") != "202" || rec.Body.String() != "body" || !rec.Flushed {
		t.Errorf("answer %d, header %v, body %q; want what was written, told before it", res.StatusCode, res.Header, rec.Body)
	}
}

func TestAFailedHijackBeginsNothing(t *testing.T) {
	want := errors.New("no")
	w := &Writer{hijackable{httptest.NewRecorder(), want}, observer(func(status int) { t.Errorf("told %d", status) })}
	if _, _, err := w.Hijack(); !errors.Is(err, want) {
		t.Errorf("Hijack: %v, want %v", err, want)
	}
}
