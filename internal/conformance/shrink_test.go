package conformance

import (
	"bytes"
	"testing"
)

func TestShrinkLeavesOnlyWhatMatters(t *testing.T) {
	c := Case{
		Files:   []File{{"paste.ini", []byte("[a]\nx = 1\nbad = 23 4\n[b]\ny = é\n")}, {"second.ini", []byte("[c]\n")}},
		Globals: map[string]string{"g": "1"},
	}
	small := Shrink(c, 1000, func(c Case) bool {
		return bytes.Contains(c.Files[0].Data, []byte("bad")) && bytes.Contains(c.Files[0].Data, []byte("é"))
	})
	if got, want := small.String(), "--- paste.ini\n    \"badé\"\n"; got != want {
		t.Errorf("Shrink = %s, want %s", got, want)
	}
}

func TestShrinkKeepsItsBudget(t *testing.T) {
	asked := 0
	c := Case{Files: []File{{"paste.ini", bytes.Repeat([]byte("x\n"), 100)}}}
	got := Shrink(c, 7, func(Case) bool { asked++; return false })
	if asked != 7 || len(got.Files[0].Data) != 200 {
		t.Errorf("Shrink asked %d times and left %d bytes, want 7 and 200", asked, len(got.Files[0].Data))
	}
}
