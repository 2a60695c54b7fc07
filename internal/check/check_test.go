package check_test

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	_ "github.com/wheatpaste/wheatpaste/service/servers/all"
)

var update = flag.Bool("update", false, "write what check says into the .want files of testdata/bad")

// said is what check prints about a file of the working directory.
func said(t *testing.T, file string, opts ...paste.LoadOption) string {
	t.Helper()
	loader := &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}
	report := check.Run(loader, paste.FileURI(file), append(opts, paste.RelativeTo("."))...)
	var b bytes.Buffer
	if err := report.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Each file of testdata/bad, and each folder with a paste.ini, is wrong in one
// way or another; what check says about it is in NAME.want.
func TestBadFiles(t *testing.T) {
	t.Setenv("WHEATPASTE_TEST_SECRET", "hunter2")
	t.Chdir(filepath.Join("..", "..", "testdata", "bad"))
	files, err := filepath.Glob("*.ini")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("*/paste.ini")
	if err != nil {
		t.Fatal(err)
	}
	if len(files)+len(folders) < 45 {
		t.Fatalf("only %d bad files", len(files)+len(folders))
	}
	for _, file := range append(files, folders...) {
		t.Run(file, func(t *testing.T) {
			got := said(t, file)
			if strings.Contains(got, "hunter2") {
				t.Errorf("a secret is shown:\n%s", got)
			}
			golden(t, strings.TrimSuffix(strings.TrimSuffix(file, ".ini"), "/paste")+".want", got)
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("check says\n%swant\n%s", got, want)
	}
	if got == "" {
		t.Error("check finds nothing wrong with it")
	}
}

// Each expected text belongs to a file.
func TestNoExpectationWithoutAFile(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", "testdata", "bad"))
	wants, err := filepath.Glob("*.want")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range wants {
		name := strings.TrimSuffix(want, ".want")
		_, err := os.Stat(name + ".ini")
		if _, folderErr := os.Stat(filepath.Join(name, "paste.ini")); err != nil && folderErr != nil {
			t.Errorf("%s belongs to no file", want)
		}
	}
}

// What cannot be kept as a file of the project.
func TestBadFilesThatAreMade(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("latin1.ini", "[app:main]\nuse = egg:wheatpaste#respond\nbody = caf\xe9\n")
	write("utf16.ini", "\xff\xfe[\x00a\x00p\x00p\x00")
	write("nul.ini", "[app:main]\nuse = config:a%%00b.ini\n")
	write("global.ini", "[app:main]\nuse = egg:wheatpaste#respond\nbody = x\n")
	write("%20.ini", "[app:main]\nuse = egg:wheatpaste#ecko\n")
	write("large.ini", "")
	if err := os.Truncate("large.ini", 100<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder.ini", 0o700); err != nil {
		t.Fatal(err)
	}
	passed := func(key, text string) paste.LoadOption { return paste.GlobalConf(map[string]string{key: text}) }
	for _, tc := range []struct {
		name, file string
		opt        paste.LoadOption
		want       string
	}{
		{"undecodable bytes", "latin1.ini", nil, "latin1.ini:3:11: byte 0xe9 is not valid UTF-8; save the file as UTF-8\n"},
		{"UTF-16", "utf16.ini", nil, "utf16.ini:1:1: byte 0xff is not valid UTF-8; save the file as UTF-8\n"},
		{"a directory", "folder.ini", nil, "folder.ini: Is a directory\n"},
		{"a file that is not there", "none.ini", nil, "none.ini: No such file or directory\n"},
		{"100 MB", "large.ini", nil, "large.ini: the file is larger than 16 MB; is it a paste file?\n"},
		{"a path with NUL", "nul.ini", nil, "nul.ini:2:7: [app:main] use: embedded null byte: 'a\\x00b.ini'; a path is relative to the folder of the file it stands in\n"},
		{"a name that is not there", "global.ini", paste.Name("mian"), "global.ini:1:1: No section 'mian' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config ./global.ini; did you mean main ([app:main] at line 1)?\n"},
		{"a percent sign in var=value", "global.ini", passed("rate", "100%"), "global.ini: [DEFAULT] rate: '%' must be followed by '%' or '(', found: '****'; the value was given by the caller; write %% for a percent sign\n"},
		{"GLB-04 a global that takes an option away", "global.ini", passed("body", "y"), "global.ini:3:8: warning: [app:main] body: the option is given by the caller too and wins: this line has no effect; write set body = ... to change it here\n"},
		{"a file name with a percent sign", "%20.ini", nil, "%20.ini:2:7: [app:main] use: Entry point 'ecko' not found in egg 'wheatpaste': no Go factory is registered for egg:wheatpaste#ecko; did you mean egg:wheatpaste#echo?\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var opts []paste.LoadOption
			if tc.opt != nil {
				opts = append(opts, tc.opt)
			}
			if got := said(t, tc.file, opts...); got != tc.want {
				t.Errorf("check says\n%swant\n%s", got, tc.want)
			}
		})
	}
	t.Run("URI-05 a relative path without a base", func(t *testing.T) {
		report := check.Run(&pipeline.Loader{}, "config:global.ini")
		want := "Cannot resolve relative uri 'config:global.ini'; no relative_to keyword argument given; want an absolute path"
		if got := report.Errors.Error(); got != want {
			t.Errorf("check says %s\nwant %s", got, want)
		}
	})
}

func TestAGoodFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("good.ini", []byte("[app:main]\nuse = egg:wheatpaste#echo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := said(t, "good.ini"); got != "" {
		t.Errorf("check says %s", got)
	}
}

// Problems are sorted by file, line and column, the warnings among the errors.
func TestWriteSorts(t *testing.T) {
	at := func(file string, line, col int, problem string) *paste.Error {
		return &paste.Error{Pos: paste.Pos{File: file, Line: line, Col: col}, Problem: problem}
	}
	r := check.Report{
		Errors:   paste.Errors{at("b", 1, 1, "e5"), at("a", 10, 1, "e4"), at("a", 2, 7, "e3"), at("", 0, 0, "e0")},
		Warnings: paste.Errors{at("a", 2, 3, "w2"), at("a", 0, 0, "w1"), at("", 0, 0, "w0")},
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	want := "e0\nwarning: w0\na: warning: w1\na:2:3: warning: w2\na:2:7: e3\na:10:1: e4\nb:1:1: e5\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if err := r.Write(broken{}); err == nil {
		t.Error("a failing writer is no error")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }
