package paste

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// LAUNCH-10: nothing is read from disk, not even what config: URIs name.
func TestReadFilesTakesThePlaceOfTheDisk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("paste.ini", []byte("[app:main]\nuse = config:on_disk.ini\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var asked []string
	read := ReadFiles(func(name string) ([]byte, error) {
		asked = append(asked, filepath.Base(name))
		switch filepath.Base(name) {
		case "paste.ini":
			return []byte("[app:main]\nuse = config:other.ini\n[app:lost]\nuse = config:none.ini\n[app:large]\nuse = config:large.ini\n[app:dir]\nuse = config:dir.ini\n"), nil
		case "other.ini":
			return []byte("[app:main]\nuse = egg:x\n"), nil
		case "large.ini":
			return make([]byte, MaxFileSize+1), nil
		case "dir.ini":
			return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	})
	check := func(t *testing.T, c *Context, err error) {
		t.Helper()
		if err != nil || c.Ref.Text != "egg:x#main" {
			t.Errorf("got %+v, %v, want egg:x#main", c.Ref, err)
		}
	}
	t.Run("Load", func(t *testing.T) {
		c, err := Load(App, "config:paste.ini", RelativeTo("."), read)
		check(t, c, err)
	})
	t.Run("OpenURI", func(t *testing.T) {
		l, _, err := OpenURI("config:paste.ini", RelativeTo("."), read)
		if err != nil {
			t.Fatal(err)
		}
		main := "main"
		c, err := l.Load(App, &main)
		check(t, c, err)
		if text := l.Text(); text[:30] != "[app:main]\nuse = config:other." {
			t.Errorf("Text gives %q", text)
		}
	})
	t.Run("Open", func(t *testing.T) {
		l, err := Open("./paste.ini", read)
		if err != nil {
			t.Fatal(err)
		}
		c, err := l.Get(App, "main", nil)
		check(t, c, err)
	})
	const relative = "; a path is relative to the folder of the file it stands in"
	for name, want := range map[string]string{
		"lost":  "paste.ini:4:7: [app:lost] use: No such file or directory: 'none.ini'" + relative,
		"large": "paste.ini:6:7: [app:large] use: the file is larger than 16 MB: 'large.ini'; is it a paste file?" + relative,
		"dir":   "paste.ini:8:7: [app:dir] use: Is a directory: 'dir.ini'" + relative,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(App, "config:paste.ini", RelativeTo("."), Name(name), read)
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			if name == "lost" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v is no fs.ErrNotExist", err)
			}
		})
	}
	if slices.Contains(asked, "on_disk.ini") {
		t.Errorf("read %v", asked)
	}
}
