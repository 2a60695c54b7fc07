package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// requests are what a socket answers, with the master that does it. ctx is that
// of Serve: a reload goes on when its client leaves.
type requests struct {
	ctx context.Context
	l   *Listener
	m   Master
}

func (l *Listener) handler(ctx context.Context, m Master) http.Handler {
	r := &requests{ctx, l, m}
	mux := http.NewServeMux()
	for path, one := range map[string]struct {
		method string
		serve  http.HandlerFunc
	}{
		"/status": {http.MethodGet, r.status}, "/reload": {http.MethodPost, r.reload}, "/stop": {http.MethodPost, r.stop},
		"/upgrade": {http.MethodPost, r.upgrade},
		"/workers": {http.MethodPost, r.workers}, "/reopen": {http.MethodPost, r.reopen},
		"/report": {http.MethodGet, r.report},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
			if q.Method != one.method {
				w.Header().Set("Allow", one.method)
				refuse(w, http.StatusMethodNotAllowed, fmt.Errorf("method %q, want %s", q.Method, one.method))
				return
			}
			one.serve(w, q)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Errorf("unknown path %q, want /status, /reload, /upgrade, /stop, /workers, /reopen or /report", q.URL.Path))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set(protocolHeader, protocolVersion)
		body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		// The deadline was for the request; the answer may take its time.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		q.Body = io.NopCloser(strings.NewReader(string(body)))
		mux.ServeHTTP(w, q)
	})
}

func (r *requests) status(w http.ResponseWriter, _ *http.Request) {
	s := r.m.Status()
	if s.Workers == nil {
		s.Workers = []Worker{}
	}
	if s.LastReload != nil {
		last := s.LastReload.lines()
		s.LastReload = &last
	}
	answer(w, http.StatusOK, s)
}

func (r *requests) reload(w http.ResponseWriter, _ *http.Request) { tell(w, r.m.Reload(r.ctx)) }

func (r *requests) upgrade(w http.ResponseWriter, _ *http.Request) { tell(w, r.m.Upgrade(r.ctx)) }

func tell(w http.ResponseWriter, outcome Reload) {
	outcome = outcome.lines()
	code := http.StatusOK
	if outcome.Result != OK {
		code = http.StatusConflict
	}
	answer(w, code, outcome)
}

// exitLine is the last line of the answer to /stop.
type exitLine struct {
	ExitCode *int `json:"exit_code"`
}

// stop answers at once, so that the client knows that it has been heard, and
// ends its answer when the master ends.
func (r *requests) stop(w http.ResponseWriter, q *http.Request) {
	c := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/json")
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout))
	_ = c.Flush() // a client that has left does not stop the stop
	r.m.Stop(r.ctx)
	select {
	case <-r.l.finished:
	case <-q.Context().Done():
		return
	case <-r.ctx.Done():
		return
	}
	_ = c.SetWriteDeadline(time.Now().Add(lastAnswers))
	_ = json.NewEncoder(w).Encode(exitLine{&r.l.code}) // at worst the client sees the end without it
}

// workersOrder is the body of /workers.
type workersOrder struct {
	Server  string `json:"server"`
	Workers *int   `json:"workers"`
}

func (r *requests) workers(w http.ResponseWriter, q *http.Request) {
	d := json.NewDecoder(q.Body)
	d.DisallowUnknownFields()
	var o workersOrder
	err := d.Decode(&o)
	if err == nil && (o.Workers == nil || *o.Workers < 1 || *o.Workers > MaxWorkers) {
		err = errors.New("no number of workers")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf(`%w, want {"server": NAME, "workers": 1 to %d}`, err, MaxWorkers))
		return
	}
	done(w, r.m.SetWorkers(r.ctx, o.Server, *o.Workers))
}

func (r *requests) reopen(w http.ResponseWriter, _ *http.Request) { done(w, r.m.Reopen(r.ctx)) }

// report answers JSON, or with ?format=text what people read.
func (r *requests) report(w http.ResponseWriter, q *http.Request) {
	format := q.URL.Query().Get("format")
	if format != "" && format != "json" && format != "text" {
		refuse(w, http.StatusBadRequest, fmt.Errorf("unknown format %q, want json or text", format))
		return
	}
	made, err := r.m.Report(r.ctx, format == "text")
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if format == "text" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = w.Write(made) // the client has left
}

// done answers 204, or 409 with the reasons.
func done(w http.ResponseWriter, err error) {
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// refusal is the body of all answers that say no.
type refusal struct {
	Errors []string `json:"errors"`
}

func refuse(w http.ResponseWriter, code int, err error) {
	answer(w, code, refusal{lines([]string{err.Error()})})
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client has left
}

// lines gives the outcome with one error per line, and none as [].
func (r Reload) lines() Reload {
	r.Errors = lines(r.Errors)
	return r
}

func lines(texts []string) []string {
	list := []string{}
	for _, text := range texts {
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); line != "" {
				list = append(list, line)
			}
		}
	}
	return list
}
