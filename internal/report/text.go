package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// width is that of the headings of oslo.reports (GMR-01).
const width = 72

// page writes a report for people.
type page struct{ strings.Builder }

// Text is the report for people: the headings, and where it can the order, of
// oslo.reports (GMR-01).
func (r *Report) Text() []byte {
	p := &page{}
	p.heading("Guru Meditation")
	p.line("%s", strings.Repeat("|", width))
	p.line("")
	p.line("%s at %s, taken in %.0f ms", r.Name, r.Time.UTC().Format(time.RFC3339Nano), r.Seconds*1000)
	p.section("Package", func() { p.build(&r.Build) })
	p.section("Processes", func() { p.processes(r) })
	p.section("Requests in flight", func() { p.requests(r) })
	p.section("Connections", func() { p.counts(r) })
	for i := range r.Generations {
		g := &r.Generations[i]
		p.section("Pipelines of generation "+strconv.Itoa(g.Number), func() { p.pipelines(g) })
	}
	p.section("Listeners", func() { p.listeners(r) })
	p.each(r, "Goroutines", p.goroutines)
	p.each(r, "Memory", p.memory)
	p.each(r, "Descriptors", p.descriptors)
	p.each(r, "Last errors", p.errors)
	for i := range r.Generations {
		g := &r.Generations[i]
		p.section("Configuration of generation "+strconv.Itoa(g.Number), func() { p.configuration(g) })
	}
	return []byte(p.String())
}

// heading is that of oslo.reports.
func (p *page) heading(title string) {
	const room = width - 8
	left := max(room-utf8.RuneCountInString(title), 0) / 2
	p.line("%s", strings.Repeat("=", width))
	p.line("====%s%s%s====", strings.Repeat(" ", left), title, strings.Repeat(" ", max(room-left-utf8.RuneCountInString(title), 0)))
	p.line("%s", strings.Repeat("=", width))
}

func (p *page) section(title string, body func()) {
	p.line("")
	p.line("")
	p.heading(title)
	body()
}

// line writes one. What comes from clients and plugins cannot command a
// terminal, nor begin a line of its own.
func (p *page) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.WriteString(strings.Map(printable, strings.TrimRight(text, " ")) + "\n")
}

func printable(r rune) rune {
	if unicode.IsPrint(r) || r == '\t' {
		return r
	}
	return unicode.ReplacementChar
}

// lines writes a text of several.
func (p *page) lines(before, text string) {
	for line := range strings.Lines(text) {
		p.line("%s%s", before, strings.TrimRight(line, "\r\n"))
	}
}

func (p *page) build(b *Build) {
	p.line("product = wheatpaste")
	p.line("version = %s", b.Version)
	if b.Revision != "" {
		changed := ""
		if b.Modified {
			changed = ", with changes"
		}
		p.line("revision = %s (%s%s)", b.Revision, b.Time, changed)
	}
	p.line("built with = %s for %s", b.Go, b.System)
}

func (p *page) processes(r *Report) {
	m := &r.Master
	p.line("master: pid %d, %s, generation %d, up %s, on %s", m.PID, m.State, m.Generation, span(m.UptimeSeconds), m.Host)
	p.line("arguments: %s", strings.Join(m.Arguments, " "))
	if l := m.LastReload; l == nil {
		p.line("last reload: none")
	} else {
		p.line("last reload: %s at %s", l.Result, l.Time.UTC().Format(time.RFC3339))
		for _, e := range l.Errors {
			p.lines("    ", e)
		}
	}
	p.line("")
	rows := [][]string{{"SERVER", "SLOT", "PID", "GEN", "STATE", "AGE", "REQUESTS", "IN-FLIGHT", "RSS", "RESTARTS", "LAST EXIT"}}
	for _, w := range r.Workers {
		rows = append(rows, []string{
			w.Server, strconv.Itoa(w.Slot), strconv.Itoa(w.PID), strconv.Itoa(w.Generation), w.State, span(w.AgeSeconds), strconv.FormatUint(w.Requests, 10),
			strconv.FormatInt(w.InFlight, 10), bytesText(uint64(max(w.RSSBytes, 0))), strconv.Itoa(w.Restarts), dash(w.LastExit),
		})
	}
	p.table(rows)
	for _, one := range r.Processes {
		if one.Detail == nil {
			p.line("%s: %s; last heartbeat %.1f s ago", one.title(), one.Problem, one.HeartbeatSeconds)
		}
	}
}

// title names a process.
func (p *Process) title() string {
	if p.Role != RoleWorker {
		return fmt.Sprintf("%s, pid %d", p.Role, p.PID)
	}
	return fmt.Sprintf("worker %d of %s, generation %d, pid %d", p.Slot, p.Server, p.Generation, p.PID)
}

func (p *page) requests(r *Report) {
	rows := [][]string{{"PID", "SLOT", "SERVER", "AGE", "METHOD", "STATUS", "BYTES", "CLIENT", "APP", "PIPELINE", "FILTER", "REQUEST ID", "URI"}}
	left := 0
	for _, one := range r.Processes {
		if one.Detail == nil {
			continue
		}
		left += one.Detail.RequestsLeft
		for _, q := range one.Detail.Requests {
			rows = append(rows, []string{
				strconv.Itoa(one.PID), strconv.Itoa(one.Slot), q.Server, fmt.Sprintf("%.3fs", q.AgeSeconds), q.Method, q.shownStatus(), strconv.FormatInt(q.Bytes, 10), dash(q.Client),
				dash(q.App), dash(q.Pipeline), dash(q.Filter), dash(q.RequestID), q.URI,
			})
		}
	}
	p.table(rows)
	p.line("%d requests%s", len(rows)-1, more(left))
	for _, one := range r.Processes {
		if one.Detail == nil {
			p.line("%s: %d requests in flight, which it does not tell", one.title(), one.inFlight())
		}
	}
}

func (q *Request) shownStatus() string {
	switch {
	case q.Upgraded:
		return "upgraded"
	case q.Status == 0:
		return "-"
	}
	return strconv.Itoa(q.Status)
}

func (p *Process) inFlight() int64 {
	n := int64(0)
	for _, c := range p.Counts {
		n += c.InFlight
	}
	return n
}

func more(left int) string {
	if left == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", left)
}

func (p *page) counts(r *Report) {
	rows := [][]string{{"PID", "SLOT", "SERVER", "NEW", "ACTIVE", "IDLE", "HIJACKED", "REQUESTS", "IN-FLIGHT", "CUT", "LOG LINES LOST", "DRAINING"}}
	for _, one := range r.Processes {
		for _, c := range one.Counts {
			row := []string{strconv.Itoa(one.PID), strconv.Itoa(one.Slot), c.Server}
			for _, n := range []int64{c.New, c.Active, c.Idle, c.Hijacked, c.Requests, c.InFlight, c.Cut, c.LinesLost} {
				row = append(row, strconv.FormatInt(n, 10))
			}
			rows = append(rows, append(row, strconv.FormatBool(c.Draining)))
		}
	}
	p.table(rows)
}

func (p *page) pipelines(g *Generation) {
	for _, a := range g.Pipelines {
		p.line("server %s serves %s", a.Server, a.App)
		p.lines("    ", a.Graph)
	}
}

func (p *page) listeners(r *Report) {
	rows := [][]string{{"SERVER", "SLOT", "FD", "ADDRESS"}}
	for _, l := range r.Listeners {
		slot := strconv.Itoa(l.Slot)
		if l.Slot < 0 {
			slot = "all"
		}
		rows = append(rows, []string{l.Server, slot, strconv.Itoa(l.FD), l.Address})
	}
	p.table(rows)
}

// each writes a section about every process that has told of itself.
func (p *page) each(r *Report, title string, body func(*Detail)) {
	p.section(title, func() {
		for _, one := range r.Processes {
			p.line("------ %s ------", one.title())
			if one.Detail == nil {
				p.line("%s", one.Problem)
				continue
			}
			body(one.Detail)
			p.line("")
		}
	})
}

func (p *page) goroutines(d *Detail) {
	p.line("%d goroutines in %d groups%s", d.Goroutines.Total, len(d.Goroutines.Groups), more(d.Goroutines.Left))
	for _, g := range d.Goroutines.Groups {
		text := ""
		if g.Example > 0 {
			text = fmt.Sprintf(" [%s], goroutine %d", g.State, g.Example)
		}
		if g.WaitMinutes > 0 {
			text += fmt.Sprintf(" has waited %d minutes", g.WaitMinutes)
		}
		p.line("")
		p.line("%d x%s", g.Count, text)
		for _, f := range g.Frames {
			p.line("    %s", f)
		}
	}
}

func (p *page) memory(d *Detail) {
	m := &d.Memory
	limit := "none"
	if m.LimitBytes > 0 {
		limit = bytesText(uint64(m.LimitBytes))
	}
	p.line("heap %s in %d objects, idle %s, stacks %s, from the system %s", bytesText(m.HeapBytes), m.HeapObjects, bytesText(m.HeapIdleBytes), bytesText(m.StackBytes), bytesText(m.SystemBytes))
	p.line("collections %d, paused %.3f s in all, %.2f %% of the processor time, last %.1f s ago; next at %s, limit %s",
		m.Collections, m.PauseSeconds, m.CollectorShare*100, m.LastGCSeconds, bytesText(m.NextGCBytes), limit)
	p.line("GOMAXPROCS %d", m.MaxProcs)
}

func (p *page) descriptors(d *Detail) {
	p.line("%d sockets", d.Sockets)
	for _, f := range d.Descriptors {
		p.line("%5d %s", f.FD, f.Target)
	}
}

func (p *page) errors(d *Detail) {
	p.line("%d errors, the last %d of them:", d.ErrorsLogged, len(d.Errors))
	for _, e := range d.Errors {
		p.line("%s %s %s", e.Time.UTC().Format(time.RFC3339Nano), e.Level, e.Message)
		for _, a := range e.Attrs {
			first, rest, several := strings.Cut(a.Value, "\n")
			p.line("    %s = %s", a.Key, first)
			if several {
				p.lines("        ", rest)
			}
		}
	}
}

func (p *page) configuration(g *Generation) {
	current := "drains"
	if g.Current {
		current = "current"
	}
	p.line("%s, %d workers", current, g.Workers)
	for _, f := range g.Files {
		p.line("file %s sha256 %s", f.Path, f.SHA256)
	}
	for _, s := range slices.Concat(g.Sections, g.ConfFiles) {
		p.line("")
		p.line("[%s]  %s", s.Name, s.Use)
		for _, o := range s.Options {
			place := tree.Place(paste.Pos{File: o.File, Line: o.Line})
			p.line("  %s = %s  (%s)", o.Name, tree.OneLine(o.Value), strings.Trim(strings.Join([]string{o.Scope, o.Via, place}, ", "), ", "))
		}
	}
	if g.Left > 0 {
		p.line("and %d options more", g.Left)
	}
}

// table aligns the columns to the left; the last may be of any length.
func (p *page) table(rows [][]string) {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		p.line("%s", b.String())
	}
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func span(seconds float64) string {
	return (time.Duration(seconds*1000) * time.Millisecond).Round(100 * time.Millisecond).String()
}

func bytesText(n uint64) string {
	f := float64(n)
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if f < 1024 {
			return fmt.Sprintf("%.4g %s", f, unit)
		}
		f /= 1024
	}
	return fmt.Sprintf("%.4g TB", f)
}
