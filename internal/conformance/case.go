package conformance

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// File is one file of a case; Path is relative to the case's folder, with slashes.
type File struct {
	Path string
	Data []byte
}

// Case is a folder with paste files. The first file is the one to load.
type Case struct {
	Files []File
	// Globals are what the caller passes, as var=value on the command line.
	Globals map[string]string
}

// Write puts the files of c into dir and returns the path of the one to load.
func (c Case) Write(dir string) (string, error) {
	for _, f := range c.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return "", err
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, filepath.FromSlash(c.Files[0].Path)), nil
}

// String shows the files with their names, a quoted line each.
func (c Case) String() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(c.Globals)) {
		b.WriteString(strconv.Quote(k+"="+c.Globals[k]) + "\n")
	}
	for _, f := range c.Files {
		b.WriteString("--- " + f.Path + "\n")
		for _, line := range splitLines(f.Data) {
			b.WriteString("    " + strconv.Quote(string(line)) + "\n")
		}
	}
	return b.String()
}

// replace returns c with other data in file i.
func (c Case) replace(i int, data []byte) Case {
	files := slices.Clone(c.Files)
	files[i].Data = data
	return Case{Files: files, Globals: c.Globals}
}

// without returns c without file i.
func (c Case) without(i int) Case {
	return Case{Files: slices.Delete(slices.Clone(c.Files), i, i+1), Globals: c.Globals}
}

// withoutGlobal returns c without one thing that the caller passes.
func (c Case) withoutGlobal(key string) Case {
	globals := maps.Clone(c.Globals)
	delete(globals, key)
	return Case{Files: c.Files, Globals: globals}
}

// splitLines cuts data behind each line end of INI-03; the ends stay.
func splitLines(data []byte) [][]byte {
	var lines [][]byte
	for len(data) > 0 {
		n := lineLength(data)
		lines = append(lines, data[:n])
		data = data[n:]
	}
	return lines
}

func lineLength(data []byte) int {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0:
		return len(data)
	case bytes.HasPrefix(data[i:], []byte("\r\n")):
		return i + 2
	}
	return i + 1
}
