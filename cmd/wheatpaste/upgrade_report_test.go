//go:build linux

package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/report"
)

// A report after an upgrade, and after another one, describes the generations of
// the programs before as their own did, and keeps their secrets.
func TestReportOverUpgrades(t *testing.T) {
	const secret, before = "sesame-open-17", "[DEFAULT]\ndb_password = sesame-open-17\nregion = north\n"
	ini := file(t, "paste.ini", before+holdApp+server("workers = 1"))
	s, program := upgradable(t, ini)
	h := holdRequest(t, s.serves("main"))
	first := s.report().Generations[0]
	rewrite(t, ini, holdApp+server("workers = 1"))
	for n := 2; n <= 3; n++ {
		install(t, program, "")
		if code, out, errs := s.verb("upgrade"); code != 0 {
			t.Fatalf("upgrade: exit code %d, %q, %q", code, out, errs)
		}
		r := s.report()
		i := slices.IndexFunc(r.Generations, func(g report.Generation) bool { return g.Number == 1 })
		if i < 0 || r.Generations[0].Number != n || !r.Generations[0].Current || len(r.Generations[0].Pipelines) != 1 {
			t.Fatalf("generations after an upgrade: %+v", r.Generations)
		}
		s.isDescribedAs(&r.Generations[i], &first)
	}
	text, err := s.client.Report(t.Context(), true)
	if err != nil || strings.Contains(string(text), secret) || !strings.Contains(string(text), "db_password = ****") {
		t.Errorf("error %v, or the secret stands in the report, or its option does not:\n%s", err, text)
	}
	// What the program before has masked is masked wherever it turns up.
	if err := os.WriteFile(ini, []byte("[app:main]\nuse = egg:nobody#"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := s.verb("reload"); code != 1 {
		t.Error("a wrong file is reloaded")
	}
	if last := s.report().Master.LastReload; last == nil || len(last.Errors) == 0 || strings.Contains(strings.Join(last.Errors, ""), secret) {
		t.Errorf("the last reload is %+v, want it without the secret", last)
	}
	if _, err := h.finish(); err != nil {
		t.Error(err)
	}
	s.finish()
}

func (s *supervised) isDescribedAs(g, want *report.Generation) {
	s.t.Helper()
	if len(g.Files) != 1 || !slices.Equal(g.Files, want.Files) || len(g.Pipelines) != 1 || !slices.Equal(g.Pipelines, want.Pipelines) {
		s.t.Errorf("generation 1 has files %v and pipelines %v, want %v and %v", g.Files, g.Pipelines, want.Files, want.Pipelines)
	}
	if len(g.Sections) < 2 || len(g.Sections) != len(want.Sections) {
		s.t.Fatalf("sections %+v, want %+v", g.Sections, want.Sections)
	}
	for i := range g.Sections {
		if g.Sections[i].Name != want.Sections[i].Name || !slices.Equal(g.Sections[i].Options, want.Sections[i].Options) {
			s.t.Errorf("section %+v, want %+v", g.Sections[i], want.Sections[i])
		}
	}
}
