package paste

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// untested are the marked rules that have no test for a reason.
var untested = map[string]string{
	"BUG-16": "stands for PFX-04, STA-08, EP-17, EP-27, MAP-19 and MAP-23",
	"BUG-17": "concerns Python's own releases",
	"EP-17":  "egg:Paste#grantip is not in the catalogue yet",
}

var (
	ruleRow  = regexp.MustCompile(`^\| ([A-Z]+-\d+) \|`)
	ruleMark = regexp.MustCompile(`\[(X|B)\]`)
	ruleID   = regexp.MustCompile(`\b[A-Z]+-\d+\b`)
	ruleTest = regexp.MustCompile(`func Test([A-Z]+)(\d\d)[A-Z]`) // TestSTA08Ranges
)

// Every rule that the semantics mark as surprising or as a defect, and every
// known defect, is named in a test somewhere in this project.
func TestEveryMarkedRuleHasATest(t *testing.T) {
	shared := os.Getenv("WHEATPASTE_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	spec, err := os.ReadFile(filepath.Join(shared, "spec", "paste-deploy-semantics.md"))
	if err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal(err)
		}
		t.Skip("the semantics are not here; set WHEATPASTE_SHARED")
	}
	marked := markedRules(string(spec))
	if len(marked) < 50 {
		t.Fatalf("only %d marked rules found, the file has another form now", len(marked))
	}
	named := rulesNamedInTests(t, "..")
	var missing []string
	for _, id := range marked {
		if !named[id] && untested[id] == "" {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no test names %s", strings.Join(missing, ", "))
	}
	for id := range untested {
		if !slices.Contains(marked, id) {
			t.Errorf("%s is no marked rule", id)
		}
	}
}

// markedRules lists the rows of the tables that are marked [X] or [B], and all
// known defects.
func markedRules(spec string) []string {
	var ids []string
	for line := range strings.SplitSeq(spec, "\n") {
		row := ruleRow.FindStringSubmatch(line)
		if row != nil && (ruleMark.MatchString(line) || strings.HasPrefix(row[1], "BUG-")) {
			ids = append(ids, row[1])
		}
	}
	return ids
}

func rulesNamedInTests(t *testing.T, root string) map[string]bool {
	t.Helper()
	named := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") || entry.Name() == "rules_test.go" {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, id := range ruleID.FindAllString(string(text), -1) {
			named[id] = true
		}
		for _, m := range ruleTest.FindAllStringSubmatch(string(text), -1) {
			named[m[1]+"-"+m[2]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return named
}
