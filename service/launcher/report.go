package launcher

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// signalPause is the least time between two reports by signal.
const signalPause = time.Second

// reports are made one at a time: who asks during one gets that one.
type reports struct {
	mu         sync.Mutex
	making     *making
	describing sync.Mutex     // Source.Describe is for one at a time
	writing    sync.WaitGroup // those by signal

	// What follows is the loop's.
	signaled time.Time
	question *question            // nil while nobody asks
	asked    int                  // the number of the last question
	profiles map[int]chan profile // by the number of their question
	plan     *Plan                // that a Single serves
}

// question is what the workers are asked for one report. It is the loop's until
// it is over.
type question struct {
	id      int
	waiting map[int]*report.Process // by pid
	told    map[int][]byte
	done    chan struct{} // closed when all have answered
}

// making is a report in the making.
type making struct {
	done chan struct{}
	made *report.Report
	err  error
}

// one makes a report, or waits for the one that is made already.
func (r *reports) one(ctx context.Context, produce func() (*report.Report, error)) (*report.Report, error) {
	r.mu.Lock()
	m := r.making
	first := m == nil
	if first {
		m = &making{done: make(chan struct{})}
		r.making = m
	}
	r.mu.Unlock()
	if first {
		m.made, m.err = produce()
		r.mu.Lock()
		r.making = nil
		r.mu.Unlock()
		close(m.done)
	}
	select {
	case <-m.done:
		return m.made, m.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// rendered is a report as text, or as JSON.
func rendered(r *report.Report, err error, text bool) ([]byte, error) {
	switch {
	case err != nil:
		return nil, err
	case text:
		return r.Text(), nil
	}
	return r.JSON()
}

// bySignal makes a report and writes it, in a goroutine that wait waits for;
// it is not for more than one a second.
func (r *reports) bySignal(conf *Config, name, folder string, produce func() (*report.Report, error)) {
	if now := time.Now(); now.Sub(r.signaled) >= signalPause {
		r.signaled = now
		r.writing.Go(func() {
			made, err := r.one(context.Background(), produce)
			conf.writeReport(made, err, folder)
		})
		return
	}
	conf.Log.Info("ignored: a report was asked for within the last second", "signal", name)
}

// wait waits for the reports that are being written.
func (r *reports) wait() { r.writing.Wait() }

// writeReport writes one into a folder, or to standard error. The program goes
// on when that fails (GMR-03).
func (c *Config) writeReport(r *report.Report, err error, folder string) {
	path := "stderr"
	switch {
	case err != nil:
	case folder == "":
		to := c.Stderr
		if to == nil {
			to = os.Stderr
		}
		_, err = to.Write(r.Text())
	default:
		path, err = report.Save(folder, r.Name, r.Time, r.Text())
	}
	if err != nil {
		c.Log.Error("writing the report", "error", err)
		return
	}
	c.Log.Info("a report was written", "path", path)
}

// reportFolder is that of the first group that names one; "" for standard error.
func reportFolder(groups []*service.Group) string {
	for _, g := range groups {
		if g.ReportDir != "" {
			return g.ReportDir
		}
	}
	return ""
}

// newReport begins one.
func (c *Config) newReport() *report.Report {
	host, _ := os.Hostname() // then it stays empty
	return &report.Report{
		Schema: report.Schema, Name: c.Report.Name, Time: time.Now(), Build: report.ReadBuild(c.Version),
		Master: report.Master{
			PID: os.Getpid(), UptimeSeconds: report.ProcessAge(), Arguments: append([]string{}, c.Report.Arguments...), Host: host,
		},
		Workers: []control.Worker{}, Generations: []report.Generation{}, Listeners: []report.Listener{},
	}
}

// finishReport masks what the configuration holds of secrets wherever it stands.
func finishReport(r *report.Report) {
	r.Secrets().Scrub(r)
	r.Seconds = time.Since(r.Time).Seconds()
}

// setup describes a plan.
func (r *reports) setup(c *Config, plan *Plan) report.Setup {
	r.describing.Lock()
	defer r.describing.Unlock()
	if plan == nil || c.Report.Describe == nil {
		return report.Setup{
			Files: []report.File{}, Pipelines: []report.Application{}, Sections: []report.Section{}, ConfFiles: []report.Section{},
		}
	}
	return c.Report.Describe(plan.Data)
}

func countsOf(server string, p *scoreboard.Process) report.Counts {
	return report.Counts{
		Server: server, New: p.New.Load(), Active: p.Active.Load(), Idle: p.Idle.Load(), Hijacked: p.Hijacked.Load(),
		Requests: p.Requests.Load(), InFlight: p.InFlight.Load(), Cut: p.Cut.Load(), LinesLost: p.LinesLost.Load(), Draining: p.Draining.Load() != 0,
	}
}

// requestsOf are those that a server has in flight.
func requestsOf(s *service.Server) []report.Request {
	var list []report.Request
	now := time.Now()
	for _, f := range s.Flights() {
		list = append(list, report.Request{
			Server: s.Group.Name, Method: f.Method, URI: f.URI, Client: f.Client, RequestID: f.RequestID, AgeSeconds: now.Sub(f.Start).Seconds(),
			App: f.App, Pipeline: f.Pipeline, Filter: f.Filter, Status: f.Status, Bytes: f.Bytes, Upgraded: f.Upgraded,
		})
	}
	return list
}
