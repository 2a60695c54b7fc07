package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// sample is what one load has shown.
type sample struct {
	rate     float64 // requests a second
	p50, p99 float64 // ms
	cpu      float64 // seconds of a processor for 10,000 requests
	memory   float64 // MB
}

// rest is what one start has shown.
type rest struct {
	cold   float64 // ms
	worker float64 // MB
	conn   float64 // KB; NaN when the server does not hold so many
}

// results collects the rounds.
type results struct {
	names, missing []string
	samples        map[string]map[load][]sample
	rests          map[string][]rest
	problems       []string
	ours           int // problems of wheatpaste
	conditions     string
}

func newResults(list []contender, missing []string) *results {
	r := &results{missing: missing, samples: map[string]map[load][]sample{}, rests: map[string][]rest{}}
	for _, c := range list {
		r.names = append(r.names, c.name)
		r.samples[c.name] = map[load][]sample{}
	}
	return r
}

func (r *results) add(name string, l load, s sample) {
	r.samples[name][l] = append(r.samples[name][l], s)
}

func (r *results) addRest(name string, one rest) { r.rests[name] = append(r.rests[name], one) }

func (r *results) problem(name string, err error) {
	r.problems = append(r.problems, fmt.Sprintf("%s: %v", name, err))
	if strings.HasPrefix(name, "wheatpaste") {
		r.ours++
	}
}

// failure is an error when one of wheatpaste's answers was not right. What the
// others do wrong is said in the text.
func (r *results) failure() error {
	if r.ours > 0 {
		return fmt.Errorf("%d problems of wheatpaste, want none", r.ours)
	}
	if len(r.samples[ours]) == 0 && len(r.rests[ours]) == 0 {
		return errors.New("nothing of wheatpaste was measured")
	}
	return nil
}

// median leaves out what is not a number; it is NaN of nothing.
func median(list []float64) float64 {
	list = slices.DeleteFunc(slices.Clone(list), math.IsNaN)
	if len(list) == 0 {
		return math.NaN()
	}
	slices.Sort(list)
	if n := len(list); n%2 == 0 {
		return (list[n/2-1] + list[n/2]) / 2
	}
	return list[len(list)/2]
}

// of gives the median of one figure.
func of[T any](list []T, figure func(T) float64) float64 {
	var values []float64
	for _, one := range list {
		values = append(values, figure(one))
	}
	return median(values)
}

// column is a figure of a table.
type column[T any] struct {
	title  string
	format string
	figure func(T) float64
}

var loadColumns = []column[sample]{
	{"requests/s", "%.0f", func(s sample) float64 { return s.rate }},
	{"p50 ms", "%.3f", func(s sample) float64 { return s.p50 }},
	{"p99 ms", "%.2f", func(s sample) float64 { return s.p99 }},
	{"CPU s/10k", "%.3f", func(s sample) float64 { return s.cpu }},
	{"RSS MB", "%.1f", func(s sample) float64 { return s.memory }},
}

var restColumns = []column[rest]{
	{"cold start ms", "%.0f", func(s rest) float64 { return s.cold }},
	{"idle worker MB", "%.1f", func(s rest) float64 { return s.worker }},
	{"KB/idle conn", "%.1f", func(s rest) float64 { return s.conn }},
}

// table prints a row for each server: the medians, and each as a ratio to ours.
func table[T any](title string, names []string, columns []column[T], rows func(name string) []T) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-34s", title)
	for _, c := range columns {
		fmt.Fprintf(&b, " %14s %6s", c.title, "x ours")
	}
	b.WriteByte('\n')
	for _, name := range names {
		fmt.Fprintf(&b, "%-34s", name)
		for _, c := range columns {
			v, base := of(rows(name), c.figure), of(rows(ours), c.figure)
			fmt.Fprintf(&b, " %14s %6s", number(c.format, v), number("%.2f", v/base))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func number(format string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// footnote says what the figures do not.
const footnote = `wheatpaste, nginx and Caddy have an access log, a request id and a limit; the Python servers have a request id only
the load and the servers share the processors; RSS is the anonymous memory of all processes of a server
gunicorn (sync) closes each connection; a connection holds a thread of uWSGI, so that those beyond its 32 wait
`

func (r *results) text() string {
	var b strings.Builder
	b.WriteString(r.conditions + "\n" + footnote)
	for _, l := range loads {
		b.WriteString("\n" + table(l.String(), r.names, loadColumns, func(name string) []sample { return r.samples[name][l] }))
	}
	b.WriteString("\n" + table("start and rest", r.names, restColumns, func(name string) []rest { return r.rests[name] }))
	b.WriteString("\n" + r.promised())
	for _, m := range r.missing {
		b.WriteString("left out: " + m + "\n")
	}
	for _, p := range r.problems {
		b.WriteString("problem: " + strings.ReplaceAll(strings.TrimSpace(p), "\n", "\n         ") + "\n")
	}
	return b.String()
}
