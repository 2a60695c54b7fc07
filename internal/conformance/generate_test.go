package conformance

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestEqualSeedsMakeEqualCases(t *testing.T) {
	for n := range 50 {
		a, b := Generator{Seed: 9}.Case(n), Generator{Seed: 9}.Case(n)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("case %d is made twice differently:\n%s\n%s", n, a, b)
		}
	}
	if reflect.DeepEqual(Generator{Seed: 9}.Case(0), Generator{Seed: 10}.Case(0)) {
		t.Error("seeds 9 and 10 make the same case")
	}
}

// TestGeneratorWritesWhatItIsMeantTo looks for the features of the dialect in
// the text of many cases; what they lead to is counted by TestRandom.
func TestGeneratorWritesWhatItIsMeantTo(t *testing.T) {
	var all []byte
	files, globals := 0, 0
	for n := range 2000 {
		c := Generator{Seed: 3}.Case(n)
		files += len(c.Files)
		globals += len(c.Globals)
		for _, f := range c.Files {
			all = append(append(all, f.Data...), "\n--"+f.Path...)
		}
	}
	if files < 3000 || globals < 300 {
		t.Errorf("2000 cases have %d files and %d globals, want 3000 and 300", files, globals)
	}
	for _, want := range []string{
		"[app:", "[application:", "[composite:", "[composit:", "[pipeline:", "[filter-app:", "[filter:", "[server:", "\n[app]", "[DEFAULT]",
		"[DEFAULT ]", "use = config:", "CONFIG:", "EGG:", "call:", "filter-with", "require", "\nset ", "\nget ", "pipeline =", "next",
		"%(here)s", "%(__file__)s", "%%", "\r\n", "\r[", "\ufeff", "\x00", "\u2028", "\u00a0", "\x1c", "\f", "\v", "\xff", "\\\n", "`back`", `"""`,
		"#", ";", "#!", "\n  ", "\n\t", "--sub/deep/fourth.ini", "--50%/x.ini", "--my file.ini", "--größe.ini", "= \n", "\n= ", "no delimiter", "] # comment",
	} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("no file holds %q", want)
		}
	}
}

func TestRouteLeadsToTheFile(t *testing.T) {
	m := &maker{dice: Generator{Seed: 1}.dice(0)}
	seen := map[string]bool{}
	for range 400 {
		seen[m.route("sub/deep/a.ini", "my%file #1.ini")] = true
	}
	for _, want := range []string{"../../my%%25file %%231.ini", "%(here)s/../../my%%25file%%20%%231.ini", `..\..\my%%25file %%231.ini`} {
		if !seen[want] {
			t.Errorf("route never gives %q", want)
		}
	}
}

func TestMutationsChangeTheText(t *testing.T) {
	const text = "[app:main]\nuse = egg:App\na = 1\n"
	changed := 0
	for n := range 100 {
		if got := mutate(Generator{Seed: 2}.dice(n), []byte(text)); string(got) != text {
			changed++
		}
	}
	if changed < 80 {
		t.Errorf("%d of 100 mutations change the text, want 80", changed)
	}
	if got := mutate(Generator{Seed: 2}.dice(0), nil); strings.Contains(string(got), "app") {
		t.Errorf("mutate(nil) = %q", got)
	}
}
