package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Save writes a report into a folder, in a file of its own: no two reports have
// the same name, and nothing that stands there is written over (PAIN-24).
func Save(folder, name string, at time.Time, text []byte) (string, error) {
	base := fmt.Sprintf("%s_gurumeditation_%s_%d", fileName(name), at.UTC().Format("20060102150405"), os.Getpid())
	path := filepath.Join(folder, base)
	for n := 2; ; n++ {
		err := create(path, text)
		if err == nil || !errors.Is(err, fs.ErrExist) || n > 100 {
			return path, err
		}
		path = filepath.Join(folder, fmt.Sprintf("%s_%d", base, n))
	}
}

// create writes a new file; half of one is taken away again.
func create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640) //nolint:gosec // the group may read logs
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}

// fileName is a name as a part of one of a file.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == filepath.Separator || r == '/' || r < ' ' {
			return '-'
		}
		return r
	}, name)
	if name == "" {
		return "wheatpaste"
	}
	return name
}
