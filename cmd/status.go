package cmd

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/internal/control"
)

// statusText is the status for people.
func statusText(s control.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  pid %d  generation %d  version %s\n", s.State, s.PID, s.Generation, s.Version)
	if r := s.LastReload; r != nil {
		fmt.Fprintf(&b, "last reload %s  %s\n", r.Time.Local().Format(time.DateTime), r.Result)
		for _, line := range r.Errors {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	rows := [][]string{{"SERVER", "SLOT", "PID", "GEN", "STATE", "AGE", "REQUESTS", "IN-FLIGHT", "RSS", "RESTARTS", "LAST EXIT"}}
	for _, w := range s.Workers {
		rows = append(rows, []string{
			w.Server, strconv.Itoa(w.Slot), process(w.PID), strconv.Itoa(w.Generation), w.State, age(w.AgeSeconds),
			strconv.FormatUint(w.Requests, 10), strconv.FormatInt(w.InFlight, 10), size(w.RSSBytes), strconv.Itoa(w.Restarts), orDash(w.LastExit),
		})
	}
	if len(s.Workers) > 0 {
		b.WriteByte('\n')
		writeTable(&b, rows, "SERVER", "STATE", "LAST EXIT")
	}
	var clean strings.Builder
	for line := range strings.Lines(b.String()) {
		clean.WriteString(printable(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return clean.String()
}

// writeTable aligns columns: numbers to the right, those of the named headings
// to the left.
func writeTable(b *strings.Builder, rows [][]string, left ...string) {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			width := wide[i]
			for _, heading := range left {
				if rows[0][i] == heading {
					width = -width
				}
			}
			fmt.Fprintf(&line, "%*s  ", width, cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// age writes the two greatest units of a time.
func age(seconds float64) string {
	s := int64(max(seconds, 0))
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 60*60:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*60*60:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// size writes bytes with a binary unit; - when it is not known.
func size(n int64) string {
	if n <= 0 {
		return "-"
	}
	f, unit := float64(n), ""
	for _, u := range []string{"K", "M", "G", "T"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, u
	}
	if unit == "" {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%.1f%s", f, unit)
}

// process writes a process id; a slot whose worker waits to be started has none.
func process(pid int) string {
	if pid == 0 {
		return "-"
	}
	return strconv.Itoa(pid)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// printable takes from a line what would command a terminal.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\t' {
			return r
		}
		return unicode.ReplacementChar
	}, line)
}
