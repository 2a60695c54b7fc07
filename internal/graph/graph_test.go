package graph

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

var update = flag.Bool("update", false, "write the drawings into testdata")

// extensions of the golden files.
var extensions = map[string]string{"text": ".txt", "dot": ".dot", "svg": ".svg", "mermaid": ".mmd"}

func open(t *testing.T, path string) *paste.Loader {
	t.Helper()
	l, err := paste.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func draw(t *testing.T, l *paste.Loader, format string, name *string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, l, name); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func inputs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.ini")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d inputs, error %v", len(files), err)
	}
	return files
}

func TestDrawings(t *testing.T) {
	for _, path := range inputs(t) {
		for _, format := range Formats {
			t.Run(filepath.Base(path)+"/"+format, func(t *testing.T) {
				got := draw(t, open(t, path), format, nil)
				golden := strings.TrimSuffix(path, ".ini") + extensions[format]
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("the drawing is\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

func TestOneApplication(t *testing.T) {
	l := open(t, "testdata/composite.ini")
	name := "api"
	if got, want := draw(t, l, "text", &name), "api: cors > cors > gzip > echo  egg:wheatpaste#echo\n"; got != want {
		t.Errorf("text of api = %q, want %q", got, want)
	}
	name = "nowhere"
	err := Write(io.Discard, "text", l, &name)
	if err == nil || !strings.Contains(err.Error(), "No section 'nowhere'") {
		t.Errorf("an application that is not there gives %v", err)
	}
}

func TestUnknownFormat(t *testing.T) {
	err := Write(io.Discard, "png", open(t, "testdata/composite.ini"), nil)
	if want := `unknown format "png", want text, dot, svg, mermaid`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// wellFormed decodes a document to its end and gives its texts.
func wellFormed(t *testing.T, doc string) []string {
	t.Helper()
	var texts []string
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		if data, ok := token.(xml.CharData); ok && len(bytes.TrimSpace(data)) > 0 {
			texts = append(texts, string(data))
		}
	}
}

func TestSVGIsWellFormedAndShowsEveryName(t *testing.T) {
	for _, path := range inputs(t) {
		wellFormed(t, draw(t, open(t, path), "svg", nil))
	}
	texts := strings.Join(wellFormed(t, draw(t, open(t, "testdata/hostile.ini"), "svg", nil)), "\n")
	for _, want := range []string{`main "of" <all>`, `/<b>&amp;`, `x<script>alert(1)</script>`, `日本`, `back\slash\n`, `__md__`, "new\\nline"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the picture does not show %q", want)
		}
	}
}

// Every box and every text lies in the picture.
func TestSVGStaysInItsFrame(t *testing.T) {
	size := regexp.MustCompile(`^<svg [^>]* width="(\d+)" height="(\d+)"`)
	box := regexp.MustCompile(`<rect class="(?:box|frame)[^"]*" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"`)
	for _, path := range inputs(t) {
		svg := draw(t, open(t, path), "svg", nil)
		var wide, high float64
		m := size.FindStringSubmatch(svg)
		if m == nil {
			t.Fatal("no size")
		}
		scan(t, m[1:], &wide, &high)
		boxes := box.FindAllStringSubmatch(svg, -1)
		if len(boxes) == 0 {
			t.Fatal("no boxes")
		}
		for _, b := range boxes {
			var x, y, w, h float64
			scan(t, b[1:], &x, &y, &w, &h)
			if x < 0 || y < 0 || x+w > wide || y+h > high {
				t.Errorf("%s: %s lies outside of %v by %v", path, b[0], wide, high)
			}
		}
	}
}

func scan(t *testing.T, texts []string, into ...*float64) {
	t.Helper()
	for i := range into {
		if _, err := fmt.Sscan(texts[i], into[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// many makes a file with a composite of n applications.
func many(t *testing.T, n int) *paste.Loader {
	t.Helper()
	var b strings.Builder
	b.WriteString("[composite:main]\nuse = egg:Paste#urlmap\n")
	for i := range n {
		fmt.Fprintf(&b, "/p%d = a%d\n", i, i)
	}
	for i := range n {
		fmt.Fprintf(&b, "[app:a%d]\nuse = egg:Paste#test\n", i)
	}
	path := filepath.Join(t.TempDir(), "many.ini")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

func TestAThousandMounts(t *testing.T) {
	l := many(t, 1000)
	for format, last := range map[string]string{
		"text": "└─ /p999 a999  egg:Paste#test\n", "dot": `[label="/p999"]`, "svg": ">/p999</text>", "mermaid": `-->|"/p999"|`,
	} {
		if got := draw(t, l, format, nil); !strings.Contains(got, last) || strings.Count(got, "a1") != strings.Count(got, "a2") {
			t.Errorf("%s does not hold all mounts", format)
		}
	}
	wellFormed(t, draw(t, l, "svg", nil))
	if got := draw(t, l, "mermaid", nil); !strings.Contains(got, "%% 1000 edges: initialize Mermaid with a maxEdges above that\n") {
		t.Error("mermaid does not tell of its limit of edges")
	}
	checkDot(t, draw(t, many(t, 200), "dot", nil))
}

// checkDot asks Graphviz.
func checkDot(t *testing.T, text string) {
	t.Helper()
	program, err := exec.LookPath("dot")
	if err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") != "" {
			t.Fatal("dot is missing: apt-get install graphviz")
		}
		t.Skip("dot is missing")
	}
	c := exec.Command(program, "-Tsvg")
	c.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("dot says: %v %s", err, stderr.String())
	}
	texts := strings.Join(wellFormed(t, string(out)), "\n")
	for _, want := range labels(text) {
		if !strings.Contains(texts, want) {
			t.Errorf("dot does not draw %q", want)
		}
	}
}

// labels are the first lines of the labels in a dot file, as they are meant.
func labels(text string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`\[label="((?:[^"\\]|\\.)*)"`).FindAllStringSubmatch(text, -1) {
		first, _, _ := strings.Cut(strings.ReplaceAll(m[1], `\\`, "\x00"), `\n`)
		list = append(list, strings.NewReplacer(`\"`, `"`, "&amp;", "&", "\x00", `\`).Replace(first))
	}
	return list
}

func TestDotReadsIt(t *testing.T) {
	for _, path := range inputs(t) {
		t.Run(filepath.Base(path), func(t *testing.T) { checkDot(t, draw(t, open(t, path), "dot", nil)) })
	}
}

// The lines that Mermaid's grammar has for our kind of chart, each text in
// quotes and without a character that Mermaid or Markdown would read as markup.
// Mermaid 11's own parser took all inputs of testdata.
var mermaidLines = []*regexp.Regexp{
	regexp.MustCompile(`^flowchart LR$`),
	regexp.MustCompile(`^  subgraph p\d+\["[^"|{}<>` + "`" + `\\]*"\]$`),
	regexp.MustCompile(`^  direction LR$`),
	regexp.MustCompile(`^  end$`),
	regexp.MustCompile(`^  n\d+\["(?:[^"|{}<>` + "`" + `\\]|<br/>)*"\]:::(?:composite|filter|app|error)$`),
	regexp.MustCompile(`^  n\d+ -->(?:\|"[^"|{}<>` + "`" + `\\]*"\|)? n\d+$`),
	regexp.MustCompile(`^  classDef (?:composite|filter|app|error) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6}$`),
}

func TestMermaidByItsRules(t *testing.T) {
	for _, path := range inputs(t) {
		depth, nodes := 0, map[string]bool{}
		for line := range strings.Lines(draw(t, open(t, path), "mermaid", nil)) {
			line = strings.TrimSuffix(line, "\n")
			matched := false
			for _, re := range mermaidLines {
				matched = matched || re.MatchString(line)
			}
			if !matched {
				t.Errorf("%s: %q is no line of a flowchart", path, line)
			}
			switch {
			case strings.HasPrefix(line, "  subgraph"):
				depth++
			case line == "  end":
				depth--
			case strings.Contains(line, "[\""):
				nodes[strings.Fields(line)[0][:strings.Index(strings.TrimSpace(line), "[")]] = true
			case strings.Contains(line, "-->"):
				words := strings.Fields(line)
				if from, to := words[0], words[len(words)-1]; !nodes[from] || !nodes[to] {
					t.Errorf("%s: %q is about a node that is not there yet", path, line)
				}
			}
		}
		if depth != 0 {
			t.Errorf("%s: %d subgraphs are left open", path, depth)
		}
	}
}

func TestMermaidQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":             `" "`,
		"plain_name-1": `"plain_name-1"`,
		`a "b"`:        `"a #34;b#34;"`,
		"<b>&amp;":     `"#60;b#62;#38;amp#59;"`,
		"a\nb":         `"a<br/>b"`,
		"__init__":     `"#95;#95;init#95;#95;"`,
		"a__b":         `"a#95;#95;b"`,
		"*x*":          `"#42;x#42;"`,
		"- item":       `"#45; item"`,
		"a - b":        `"a - b"`,
		"1. item":      `"1#46; item"`,
		"v2.1":         `"v2.1"`,
		"a\n12) x":     `"a<br/>12#41; x"`,
		"%%{init}":     `"#37;#37;#123;init#125;"`,
		"style a:b":    `"style a#58;b"`,
		"a:b#c":        `"a:b#c"`,
		"#head":        `"#35;head"`,
		"|`\\":         `"#124;#96;#92;"`,
		"a\x01b":       `"a#1;b"`,
	} {
		if got := mermaidQuote(in); got != want {
			t.Errorf("mermaidQuote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestLongNamesAreClippedInTheirMiddle(t *testing.T) {
	long := strings.Repeat("a", 30) + strings.Repeat("ö", 30)
	if got, want := clip(long), strings.Repeat("a", 22)+"…"+strings.Repeat("ö", 22); got != want {
		t.Errorf("clip = %q, want %q", got, want)
	}
	if got := clip("short"); got != "short" {
		t.Errorf("clip(short) = %q", got)
	}
}
