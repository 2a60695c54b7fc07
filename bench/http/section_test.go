package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

const section = "## HTTP beside others\n\nRun on 2026-11-23.\n\n    $ go run ./bench/http\n\n    a\n\n    b\n"

func TestSectionReplacesItselfAlone(t *testing.T) {
	const head, after = "# Results\n\ntext\n\n## First\n\n    1\n\n", "\n## Last\n\n    ## HTTP beside others\n"
	for _, tt := range []struct{ name, old, want string }{
		{"no file", "", section},
		{"none before", head, head + section},
		{"in the middle", head + "## HTTP beside others\n\nold\n" + after, head + section + after},
		{"at the end", head + "## HTTP beside others\n\nold", head + section},
		{"at the start", "## HTTP beside others\nold\n" + after, section + after},
		{"a title that begins alike", head + "## HTTP beside others, once\n\nx\n", head + "## HTTP beside others, once\n\nx\n\n" + section},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "RESULTS.md")
			if tt.old != "" {
				if err := os.WriteFile(file, []byte(tt.old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the second run changes nothing
				now := time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)
				if err := writeSection(file, "go run ./bench/http", "a  \n\nb\n", now); err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if string(got) != tt.want {
					t.Errorf("got\n%s\nwant\n%s", got, tt.want)
				}
			}
		})
	}
}
