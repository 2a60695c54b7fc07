package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sectionTitle is the heading of our section in the file of results.
const sectionTitle = "## HTTP beside others"

// writeSection puts a run into the file, in place of the one before; all else
// in it stays as it is. The file is replaced as a whole.
func writeSection(file, command, text string, now time.Time) error {
	old, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	section := fmt.Sprintf("%s\n\nRun on %s.\n\n    $ %s\n\n%s", sectionTitle, now.UTC().Format(time.DateOnly), command, indented(text))
	temp, err := os.CreateTemp(filepath.Dir(file), ".results")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // it was renamed, or the error is another one
	_, err = temp.WriteString(replaceSection(string(old), section))
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(temp.Name(), 0o644) //nolint:gosec // a file of the repository
	}
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}

// replaceSection replaces the section of our title, or adds it at the end.
func replaceSection(old, section string) string {
	section = strings.TrimRight(section, "\n") + "\n"
	at := strings.Index("\n"+old, "\n"+sectionTitle+"\n")
	if at < 0 {
		if old = strings.TrimRight(old, "\n"); old != "" {
			old += "\n\n"
		}
		return old + section
	}
	rest := old[at+len(sectionTitle):]
	next := strings.Index(rest, "\n## ")
	if next < 0 {
		return old[:at] + section
	}
	return old[:at] + section + rest[next:]
}

// indented is a block of code; empty lines stay empty.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("    " + strings.TrimRight(line, " \n"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
