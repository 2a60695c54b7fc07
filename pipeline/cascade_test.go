package pipeline

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// says answers with a status and a text, and marks the answer with a header.
func says(status int, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("X-From", text)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	})
}

// echo answers with the body of the request, or with the error of reading it.
func echo(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s|%v", body, err)
	})
}

func cascadeOf(apps ...http.Handler) *Cascade {
	return NewCascade(apps, []int{404, 500}, slog.New(slog.DiscardHandler))
}

func TestCascade(t *testing.T) {
	for _, test := range []struct {
		rule string
		apps []http.Handler
		want string
	}{
		{"CAS-03 the first that is not caught", []http.Handler{says(404, "a"), says(200, "b"), says(200, "c")}, "200 b [b]"},
		{"CAS-03 other errors stand", []http.Handler{says(403, "a"), says(200, "b")}, "403 a [a]"},
		{"CAS-03 each caught status", []http.Handler{says(500, "a"), says(404, "b"), says(302, "c")}, "302 c [c]"},
		{"CAS-03 the last stands", []http.Handler{says(404, "a"), says(500, "b")}, "500 b [b]"},
		{"one alone", []http.Handler{says(404, "a")}, "404 a [a]"},
		{"no answer is 200", []http.Handler{http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), says(500, "b")}, "200  []"},
		{"a body without a status is 200", []http.Handler{tagApp("a"), says(500, "b")}, `200 a "" "/" []`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			w := answer(cascadeOf(test.apps...), request("x", "/"))
			if got := fmt.Sprint(w.Code, " ", w.Body, " ", w.Header()["X-From"]); got != test.want {
				t.Errorf("answer %s, want %s", got, test.want)
			}
		})
	}
}

func TestCascadeRestoresTheHeadersOfOuterFilters(t *testing.T) { // CAS-03
	spoil := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Del("X-Gone")
		w.Header()["X-Id"][0] = "changed"
		w.Header().Set("X-New", "1")
		w.WriteHeader(http.StatusNotFound)
		w.Header().Set("X-Late", "1")
	})
	w := httptest.NewRecorder()
	w.Header().Set("X-Id", "1")
	w.Header().Set("X-Gone", "1")
	cascadeOf(spoil, says(200, "b")).ServeHTTP(w, request("x", "/"))
	want := http.Header{"X-Id": {"1"}, "X-Gone": {"1"}, "X-From": {"b"}}
	if got := w.Header(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("headers %v, want %v", got, want)
	}
}

func TestCascadeCopiesTheRequest(t *testing.T) { // CAS-03
	spoil := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Id", "changed")
		r.URL.Path = "/changed"
		w.WriteHeader(http.StatusNotFound)
	})
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-Id"), r.URL.Path)
	})
	r := request("x", "/path")
	r.Header.Set("X-Id", "1")
	if got, want := answer(cascadeOf(spoil, show), r).Body.String(), "1/path"; got != want {
		t.Errorf("the next application saw %s, want %s", got, want)
	}
}

var testKey = NewKey[string]("test")

// writes sets everything that an Environ holds to text.
func writes(status int, text string, seen *string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := FromRequest(r)
		*seen += environText(e) + " "
		e.SetScriptName("/" + text)
		e.SetScheme(text)
		e.SetClientAddr(text)
		e.SetServerPort(text)
		e.SetRequestID(text)
		e.SetGlobalRequestID(text)
		e.SetIdentity(Identity{UserID: text, Roles: []string{text}})
		testKey.Set(e, text)
		w.WriteHeader(status)
	})
}

func environText(e *Environ) string {
	value, _ := testKey.Get(e)
	return strings.Join([]string{e.ScriptName(), e.Scheme(), e.ClientAddr(), e.ServerPort(), e.RequestID(), e.GlobalRequestID(),
		e.Identity().UserID, fmt.Sprint(e.Identity().Roles), value}, ",")
}

func TestCascadeKeepsTheEnvironOfTheWinner(t *testing.T) { // CAS-03
	const before, after = ",http,192.0.2.1,80,,,,[],outer", "/%[1]s,%[1]s,%[1]s,%[1]s,%[1]s,%[1]s,%[1]s,[%[1]s],%[1]s"
	for _, test := range []struct {
		name     string
		statuses []int
		want     string
	}{
		{"first", []int{200, 200}, "a"},
		{"second", []int{404, 200, 404}, "b"},
		{"last", []int{404, 404, 404}, "c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var apps []http.Handler
			var seen string
			for i, status := range test.statuses {
				apps = append(apps, writes(status, string(rune('a'+i)), &seen))
			}
			w := httptest.NewRecorder()
			e, w2, r := Begin(w, request("x", "/"))
			testKey.Set(e, "outer")
			cascadeOf(apps...).ServeHTTP(w2, r)
			if got, want := environText(e), fmt.Sprintf(after, test.want); got != want {
				t.Errorf("environ %s, want %s", got, want)
			}
			if want := strings.Repeat(before+" ", 1+int(test.want[0]-'a')); seen != want {
				t.Errorf("the applications saw %s, want %s", seen, want)
			}
			if e.Status() != w.Code {
				t.Errorf("recorded status %d, want %d", e.Status(), w.Code)
			}
		})
	}
}

func TestCascadeShowsTheEnvironWhenTheAnswerBegins(t *testing.T) {
	var seen, id string
	w := &headerSpy{ResponseWriter: httptest.NewRecorder()}
	e, w2, r := Begin(w, request("x", "/"))
	w.wroteHeader = func() { id = e.RequestID() }
	cascadeOf(writes(200, "a", &seen), says(200, "b")).ServeHTTP(w2, r)
	if id != "a" {
		t.Errorf("request id %q at the start of the answer, want a", id)
	}
}

type headerSpy struct {
	http.ResponseWriter
	wroteHeader func()
}

func (s *headerSpy) WriteHeader(status int) {
	s.wroteHeader()
	s.ResponseWriter.WriteHeader(status)
}

func TestCascadeCountsTheApplicationThatAnswered(t *testing.T) { // design.md 9
	m := newMetrics(scoreboard.New().Master(), 1)
	app := func(name string, next http.Handler) http.Handler { return &chosen{m.app(name), next} }
	for _, test := range []struct {
		name string
		apps []http.Handler
		want string
	}{
		{"first", []http.Handler{app("a", says(200, "")), app("b", says(200, ""))}, "a"},
		{"last", []http.Handler{app("a", says(404, "")), app("b", says(500, "")), app("c", says(404, ""))}, "c"},
		{"plain last", []http.Handler{app("a", says(404, "")), says(404, "")}, "outer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, w, r := Begin(httptest.NewRecorder(), request("x", "/"))
			e.enter(m.app("outer"))
			cascadeOf(test.apps...).ServeHTTP(w, r)
			if e.App() != test.want {
				t.Errorf("app %q, want %q", e.App(), test.want)
			}
			for _, name := range []string{"a", "b", "c", "outer"} {
				want := int64(0)
				if name == test.want {
					want = 1
				}
				if got := m.app(name).inFlight.Value(); got != want {
					t.Errorf("in flight at %s: %v, want %v", name, got, want)
				}
			}
			e.count(r, false)
			if got := m.app(test.want).inFlight.Value(); got != 0 {
				t.Errorf("in flight at the end: %v, want 0", got)
			}
		})
	}
}

func TestCascadeKeepsTheTraceOfTheWinner(t *testing.T) {
	m := newMetrics(scoreboard.New().Master(), 1)
	stop := func(status int) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler { return says(status, "") }
	}
	pipe := func(name string, status, level int) http.Handler {
		return newChain(name, []string{"stop"}, []alice.Constructor{stop(status)}, tagApp("app"), level, m)
	}
	for _, test := range []struct {
		first, second int
		want          string
	}{{200, 200, "one"}, {404, 200, "two"}, {404, 404, "two"}} {
		pass := func(next http.Handler) http.Handler { return next }
		outer := newChain("outer", []string{"pass"}, []alice.Constructor{pass}, cascadeOf(pipe("one", test.first, 1), pipe("two", test.second, 1)), 0, m)
		e, w, r := Begin(httptest.NewRecorder(), request("x", "/"))
		outer.ServeHTTP(w, r)
		c, at := e.trace.answer()
		if c == nil || c.name != test.want || at != 0 {
			t.Errorf("%d %d: answered by %v at %d, want the first filter of %s", test.first, test.second, c, at, test.want)
		}
		if got := e.trace.frame(0).chain.Load(); got != outer {
			t.Errorf("the outer chain is lost: %v", got)
		}
	}
}

func TestCascadePassesPanicsOn(t *testing.T) {
	m := newMetrics(scoreboard.New().Master(), 1)
	boom := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		FromRequest(r).SetRequestID("lost")
		panic(http.ErrAbortHandler)
	})
	inner := newChain("inner", nil, nil, boom, 0, m)
	e, w, r := Begin(httptest.NewRecorder(), request("x", "/"))
	value := func() (value any) {
		defer func() { value = recover() }()
		cascadeOf(inner, says(200, "b")).ServeHTTP(w, r)
		return nil
	}()
	if err, _ := value.(error); !errors.Is(err, http.ErrAbortHandler) {
		t.Errorf("panic %v, want http.ErrAbortHandler", value)
	}
	if c := e.trace.panicChain.Load(); c != inner {
		t.Errorf("panic noted in %v, want the inner chain", c)
	}
	if e.RequestID() != "lost" {
		t.Errorf("request id %q, want what the application set", e.RequestID())
	}
}

func TestCascadeStreamsTheAnswerThatStands(t *testing.T) { // GO-11
	release := make(chan struct{})
	stream := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprint(w, "first\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-release
		fmt.Fprint(w, "second\n")
		w.Header().Set("X-Sum", "2")
	})
	for name, c := range map[string]*Cascade{"attempt": cascadeOf(stream, says(200, "b")), "last": cascadeOf(says(404, "a"), stream)} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c)
			defer server.Close()
			resp, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body := bufio.NewReader(resp.Body)
			if line, err := body.ReadString('\n'); line != "first\n" {
				t.Fatalf("first line %q, %v", line, err)
			}
			release <- struct{}{}
			rest, err := io.ReadAll(body)
			if string(rest) != "second\n" || err != nil || resp.Trailer.Get("X-Sum") != "2" {
				t.Errorf("rest %q, %v, trailer %v", rest, err, resp.Trailer)
			}
		})
	}
}

func TestCascadeHijack(t *testing.T) { // GO-11
	upgrade := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\n\r\n")
		_ = rw.Flush()
	})
	recorded := make(chan int, 1)
	c := cascadeOf(upgrade, says(200, "b"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, w, r := Begin(w, r)
		c.ServeHTTP(w, r)
		recorded <- e.Status()
	}))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if status := <-recorded; resp.StatusCode != http.StatusSwitchingProtocols || status != resp.StatusCode {
		t.Errorf("status %d, recorded %d, want 101", resp.StatusCode, status)
	}
}

func TestCascadeThrownAwayAnswersCanDoNothing(t *testing.T) { // GO-11
	var flush, hijack error
	first := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, "gone")
		flush = http.NewResponseController(w).Flush()
		_, _, hijack = http.NewResponseController(w).Hijack()
		w.WriteHeader(http.StatusOK)
	})
	var statuses []int
	w := &statusSpy{ResponseRecorder: httptest.NewRecorder(), statuses: &statuses}
	cascadeOf(first, says(200, "b")).ServeHTTP(w, request("x", "/"))
	if !errors.Is(flush, http.ErrNotSupported) || !errors.Is(hijack, http.ErrNotSupported) {
		t.Errorf("Flush: %v, Hijack: %v, want http.ErrNotSupported", flush, hijack)
	}
	if w.Body.String() != "b" || w.Flushed || !slices.Equal(statuses, []int{200}) {
		t.Errorf("answer %q, flushed %v, statuses %v", w.Body, w.Flushed, statuses)
	}
}

type statusSpy struct {
	*httptest.ResponseRecorder
	statuses *[]int
}

func (s *statusSpy) WriteHeader(status int) {
	*s.statuses = append(*s.statuses, status)
	s.ResponseRecorder.WriteHeader(status)
}
