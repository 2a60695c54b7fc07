package conformance

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCaseWritesItsFolders(t *testing.T) {
	c := Case{Files: []File{{"paste.ini", []byte("[app:main]\r")}, {"50%/sub dir/größe.ini", []byte("\xff")}}}
	dir := t.TempDir()
	path, err := c.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "paste.ini"); path != want {
		t.Errorf("Write = %q, want %q", path, want)
	}
	for _, f := range c.Files {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path)))
		if err != nil || !bytes.Equal(got, f.Data) {
			t.Errorf("%s holds %q, %v, want %q", f.Path, got, err, f.Data)
		}
	}
}

func TestCaseAsText(t *testing.T) {
	c := Case{Files: []File{{"paste.ini", []byte("[a]\r\nx = \"\u00a0\rend")}}, Globals: map[string]string{"b": "2", "a": "1\n"}}
	const want = `"a=1\n"
"b=2"
--- paste.ini
    "[a]\r\n"
    "x = \"\u00a0\r"
    "end"
`
	if got := c.String(); got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}

func TestSplitLinesKeepsEveryLineEnd(t *testing.T) {
	var got []string
	for _, line := range splitLines([]byte("a\nb\r\nc\r\rd\u2028e")) {
		got = append(got, string(line))
	}
	if want := []string{"a\n", "b\r\n", "c\r", "\r", "d\u2028e"}; !slices.Equal(got, want) {
		t.Errorf("splitLines = %q, want %q", got, want)
	}
}
