package osloconf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// maxFile is the size from which on a file is no configuration file.
const maxFile = snapshot.Limit

// expandDirs gives the files and then the files *.conf of each directory.
// Names that begin with a dot are left out, as by the shell and by oslo.
func expandDirs(source *snapshot.Files, files, dirs []string) ([]string, paste.Errors) {
	names := append([]string(nil), files...)
	var errs paste.Errors
	for _, dir := range dirs {
		entries, err := source.ReadDir(dir) // sorted by name
		if err != nil {
			errs = append(errs, fileError(dir, "a readable directory", err))
			continue
		}
		for _, n := range entries {
			if strings.HasSuffix(n, ".conf") && !strings.HasPrefix(n, ".") {
				names = append(names, filepath.Join(dir, n))
			}
		}
	}
	return names, errs
}

// readFile reads a file of at most maxFile bytes of UTF-8.
func readFile(source *snapshot.Files, name string) (string, *paste.Error) {
	data, err := source.Read(name)
	if err != nil {
		return "", fileError(name, "a readable file", err)
	}
	if len(data) > maxFile {
		return "", fileProblem(name, fmt.Sprintf("the file has more than %d bytes, want at most %d", maxFile, maxFile))
	}
	return checkText(name, data)
}

// checkText refuses what Python refuses to decode, and a byte order mark,
// which it takes for a part of the first line, where it is an error always.
func checkText(name string, data []byte) (string, *paste.Error) {
	if bytes.HasPrefix(data, []byte("\ufeff")) {
		return "", syntaxError(paste.Pos{File: name, Line: 1, Col: 1}, "", "byte order mark before the first line, want UTF-8 without one")
	}
	if utf8.Valid(data) {
		return string(data), nil
	}
	at := 0
	for {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	l, start := 1, 0
	for line := range lines(string(data[:at])) {
		l, start = line.number, line.offset
	}
	if at > 0 && (data[at-1] == '\n' || data[at-1] == '\r') {
		l, start = l+1, at
	}
	pos := paste.Pos{File: name, Line: l, Col: utf8.RuneCount(data[start:at]) + 1}
	return "", syntaxError(pos, "", fmt.Sprintf("byte 0x%02x is not UTF-8, want UTF-8 text", data[at]))
}

func fileError(name, want string, err error) *paste.Error {
	problem := err.Error()
	if p, ok := errors.AsType[*fs.PathError](err); ok { // the name stands before the problem already
		problem = p.Err.Error()
	}
	e := fileProblem(name, problem+", want "+want)
	e.Cause = err
	return e
}

func fileProblem(name, problem string) *paste.Error {
	return &paste.Error{Pos: paste.Pos{File: name}, Problem: problem, Kind: paste.ErrFile}
}

func syntaxError(pos paste.Pos, group, problem string) *paste.Error {
	return &paste.Error{Pos: pos, Section: group, Problem: problem, Kind: paste.ErrSyntax}
}
