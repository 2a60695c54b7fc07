package main

import (
	"fmt"
	"math"
	"strings"
)

// ratios are what the project promises of small answers over 32 connections:
// our requests a second, divided by those of another.
var ratios = []struct {
	than    string
	atLeast float64
}{
	{"bare net/http, 2 processes", 0.85},
	{"nginx", 0.65},
	{"Caddy", 3},
	{"gunicorn (sync)", 6},
	{"gunicorn (gthread)", 6},
	{"uWSGI (http11-socket)", 2.5},
}

// bounds are promises without another server.
var bounds = []struct {
	what   string
	below  float64
	figure func(rest) float64
}{
	{"cold start, ms", 100, func(s rest) float64 { return s.cold }},
	{"anonymous memory of an idle worker, MB", 25, func(s rest) float64 { return s.worker }},
	{"memory of an idle keep-alive connection, KB", 20, func(s rest) float64 { return s.conn }},
}

// promised holds the medians against the promises. A miss fails nothing: on a
// machine that others use it means little.
func (r *results) promised() string {
	var b strings.Builder
	l := loads[1]
	rate := func(name string) float64 {
		return of(r.samples[name][l], func(s sample) float64 { return s.rate })
	}
	fmt.Fprintf(&b, "%-56s %9s %9s\n", "promised ("+l.String()+")", "measured", "wanted")
	for _, p := range ratios {
		v := rate(ours) / rate(p.than)
		fmt.Fprintf(&b, "%-56s %9s %9s%s\n", "requests/s, as a multiple of "+p.than, number("%.2f", v), fmt.Sprintf(">= %g", p.atLeast), verdict(v, v >= p.atLeast))
	}
	for _, p := range bounds {
		v := of(r.rests[ours], p.figure)
		fmt.Fprintf(&b, "%-56s %9s %9s%s\n", p.what, number("%.1f", v), fmt.Sprintf("< %g", p.below), verdict(v, v < p.below))
	}
	return b.String()
}

func verdict(v float64, kept bool) string {
	switch {
	case math.IsNaN(v):
		return "  not measured"
	case kept:
		return "  kept"
	default:
		return "  missed"
	}
}
