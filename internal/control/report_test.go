package control

import (
	"errors"
	"slices"
	"testing"
)

func TestReportRequests(t *testing.T) {
	f := newFake()
	l := serve(t, f)
	ask := func(query string) string { return "GET /report" + query + " HTTP/1.1\r\nHost: x\r\n\r\n" }
	check := func(send, wantStatus, wantBody string) {
		t.Helper()
		if status, body := raw(t, l, send); status != wantStatus || body != wantBody {
			t.Errorf("%s %s, want %s %s", status, body, wantStatus, wantBody)
		}
	}
	check(ask(""), "200 OK", "a report\n")
	check(ask("?format=text"), "200 OK", "a report\n")
	check(ask("?format=xml"), "400 Bad Request", `{"errors":["unknown format \"xml\", want json or text"]}`+"\n")
	check(post("/report", ""), "405 Method Not Allowed", `{"errors":["method \"POST\", want GET"]}`+"\n")
	if text, err := NewClient(l.Path()).Report(t.Context(), true); err != nil || string(text) != "a report\n" {
		t.Errorf("Report = %q, %v", text, err)
	}
	f.err = errors.New("the server has stopped")
	check(ask(""), "409 Conflict", `{"errors":["the server has stopped"]}`+"\n")
	if _, err := NewClient(l.Path()).Report(t.Context(), false); err == nil || err.Error() != "the server has stopped" {
		t.Errorf("error %v", err)
	}
	want := []string{"report false", "report true", "report true", "report false", "report false"}
	if !slices.Equal(f.calls, want) {
		t.Errorf("calls %q, want %q", f.calls, want)
	}
}
