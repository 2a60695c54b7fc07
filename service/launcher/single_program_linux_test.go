package launcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// settings is the file that the program under test serves.
type settings struct {
	Text      string              // the answer to /
	Listen    map[string][]string // by the names of servers
	Graceful  time.Duration
	Grace     time.Duration
	Mode      os.FileMode // of unix sockets
	StartFail string
	CloseLog  string // a file that Close appends to
	ExecFails bool
	Workers   int
}

// singleProgram is the program under test. Its arguments come in variables: a
// file of settings, the path of the control socket, a file to be locked.
func singleProgram() int {
	if err := runSingleProgram(); err != nil {
		if code, ok := errors.AsType[exitError](err); ok {
			return int(code)
		}
		fmt.Fprintln(os.Stderr, "error:", err)
		return service.ExitError
	}
	return service.ExitClean
}

type exitError int

func (e exitError) Error() string { return "exit " + strconv.Itoa(int(e)) }

func runSingleProgram() error {
	former, err := Inherited()
	if err != nil {
		return err
	}
	conf := Config{
		Load: loadSettings, Version: "test", Former: former,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	lock, ok := former.FD("lock")
	if !ok {
		if lock, err = lockOnce(os.Getenv("TEST_LOCK")); err != nil {
			return err
		}
	}
	conf.KeepFDs = func() map[string]int { return map[string]int{"lock": lock} }
	if former != nil {
		conf.Board, conf.Control = former.Board, former.Control
	} else {
		if conf.Board, err = scoreboard.Create(); err != nil {
			return err
		}
		if conf.Control, err = control.Listen(os.Getenv("TEST_CONTROL")); err != nil {
			return err
		}
	}
	plan, err := loadSettings(context.Background())
	if err != nil {
		conf.Control.Finish(service.ExitError)
		return err
	}
	s := NewSingle(conf, func(p *Plan) ([]Part, error) { return testParts(p, &conf), nil })
	if plan.Data.(*settings).ExecFails {
		s.exec = func(string, []string, []string) error { return syscall.ENOMEM }
	}
	go func() { _ = conf.Control.Serve(context.Background(), s) }()
	code, err := s.Run(context.Background(), plan)
	conf.Control.Finish(code)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	return exitError(code)
}

func lockOnce(path string) (int, error) {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, err
	}
	return fd, syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
}

func loadSettings(context.Context) (*Plan, error) {
	text, err := os.ReadFile(os.Getenv("TEST_SETTINGS"))
	if err != nil {
		return nil, err
	}
	var s settings
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("first line: %w\nsecond line", err)
	}
	plan := &Plan{Snapshot: text, Data: &s}
	for _, name := range []string{"main", "other"} {
		if s.Listen[name] == nil {
			continue
		}
		g := service.DefaultGroup()
		g.Name, g.Listen, g.AccessLog = name, nil, "off"
		g.Workers = service.Workers(s.Workers)
		g.GracefulTimeout, g.DrainIdleGrace, g.SocketMode = s.Graceful, s.Grace, s.Mode
		for _, text := range s.Listen[name] {
			a, err := service.ParseListen(text)
			if err != nil {
				return nil, err
			}
			g.Listen = append(g.Listen, a)
		}
		plan.Groups = append(plan.Groups, g)
	}
	return plan, nil
}

func testParts(p *Plan, conf *Config) []Part {
	s := p.Data.(*settings)
	var list []Part
	for _, g := range p.Groups {
		server := &service.Server{Group: g, Logger: conf.Log}
		server.Handler = testHandler(s, server, conf)
		list = append(list, Part{
			Server: server,
			Start: func(context.Context) error {
				if s.StartFail != "" {
					return errors.New(s.StartFail)
				}
				return nil
			},
			Close: func(context.Context) error { return appendTo(s.CloseLog, s.Text+"\n") },
		})
	}
	return list
}

func appendTo(path, text string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

func testHandler(s *settings, server *service.Server, conf *Config) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(conf.Board.Collector())
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		server.Region.Counter(scoreboard.Requests, "app", "GET", "200").Inc()
		io.WriteString(w, s.Text)
	})
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/former", func(w http.ResponseWriter, _ *http.Request) {
		if conf.Former != nil {
			w.Write(conf.Former.Snapshot)
		}
	})
	mux.HandleFunc("/environment", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Join(os.Environ(), "\n"))
	})
	// slow answers when its file is there; stuck never.
	mux.HandleFunc("/slow", func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Began", "yes")
		http.NewResponseController(w).Flush()
		for path := q.URL.Query().Get("until"); ; {
			if _, err := os.Stat(path); err == nil || q.Context().Err() != nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		io.WriteString(w, s.Text)
	})
	mux.HandleFunc("/stuck", func(w http.ResponseWriter, q *http.Request) {
		http.NewResponseController(w).Flush()
		<-q.Context().Done()
	})
	return mux
}
