package watch

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a watcher of files in a folder of its own.
type fixture struct {
	*testing.T
	*Watcher
	dir   string
	calls chan string
}

func start(t *testing.T, names ...string) *fixture {
	t.Helper()
	f := &fixture{T: t, dir: t.TempDir(), calls: make(chan string, 100)}
	w, err := New(slog.New(slog.NewTextHandler(t.Output(), nil)), func(path string) { f.calls <- path })
	if err != nil {
		t.Fatal(err)
	}
	f.Watcher = w
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range names {
		f.write(name, "first")
	}
	return f
}

func (f *fixture) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) write(name, text string) {
	f.Helper()
	f.must(os.MkdirAll(filepath.Dir(f.path(name)), 0o700))
	f.must(os.WriteFile(f.path(name), []byte(text), 0o600))
}

func (f *fixture) set(names ...string) {
	f.Helper()
	for i, name := range names {
		names[i] = f.path(name)
	}
	f.must(f.Set(names))
}

// want waits for one call, about this file.
func (f *fixture) want(name string) {
	f.Helper()
	select {
	case got := <-f.calls:
		if got != f.path(name) {
			f.Fatalf("changed(%q), want %q", got, f.path(name))
		}
	case <-time.After(10 * time.Second):
		f.Fatalf("no call of changed(%q)", f.path(name))
	}
}

func TestChanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(f *fixture)
	}{
		{"written in place", func(f *fixture) { f.write("a.ini", "second") }},
		{"renamed over", func(f *fixture) {
			f.write("a.ini.tmp", "second")
			f.must(os.Rename(f.path("a.ini.tmp"), f.path("a.ini")))
		}},
		{"deleted and made again", func(f *fixture) {
			f.must(os.Remove(f.path("a.ini")))
			f.write("a.ini", "second")
		}},
		{"many steps are one call", func(f *fixture) {
			for i := range 50 {
				f.write("a.ini", strings.Repeat("x", i))
			}
			f.write("a.ini", "second")
		}},
		{"renamed away, a new one in its place", func(f *fixture) {
			f.must(os.Rename(f.path("a.ini"), f.path("a.ini~")))
			f.write("a.ini", "second")
		}},
		{"replaced by a link", func(f *fixture) {
			f.write("other", "second")
			f.must(os.Symlink("other", f.path("link")))
			f.must(os.Rename(f.path("link"), f.path("a.ini")))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, "a.ini", "z.ini")
			f.set("a.ini", "z.ini")
			c.change(f)
			f.want("a.ini")
			// Neither a second call for the first change, nor a lost watch.
			f.write("z.ini", "second")
			f.want("z.ini")
			f.write("a.ini", "third")
			f.want("a.ini")
		})
	}
}

func TestNoChange(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(f *fixture)
	}{
		{"touched", func(f *fixture) {
			now := time.Now().Add(time.Hour)
			f.must(os.Chtimes(f.path("a.ini"), now, now))
		}},
		{"written with the same content", func(f *fixture) { f.write("a.ini", "first") }},
		{"renamed over with the same content", func(f *fixture) {
			f.write("a.tmp", "first")
			f.must(os.Rename(f.path("a.tmp"), f.path("a.ini")))
		}},
		{"a file that is not in the list", func(f *fixture) { f.write("b.ini", "second") }},
		{"vanished", func(f *fixture) { f.must(os.Remove(f.path("a.ini"))) }},
		{"replaced by a folder", func(f *fixture) {
			f.must(os.Remove(f.path("a.ini")))
			f.must(os.Mkdir(f.path("a.ini"), 0o700))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, "a.ini", "b.ini", "z.ini")
			f.set("a.ini", "z.ini")
			c.change(f)
			f.write("z.ini", "second")
			f.want("z.ini")
			if len(f.calls) > 0 {
				t.Errorf("changed(%q) besides", <-f.calls)
			}
		})
	}
}

// A folder as kubernetes mounts a ConfigMap: names are links into ..data, which
// is a link that a rename swaps.
func TestKubernetesSwap(t *testing.T) {
	f := start(t, "..1/api.ini", "..2/api.ini", "..3/api.ini")
	f.write("..2/api.ini", "second")
	f.write("..3/api.ini", "third")
	f.must(os.Symlink("..1", f.path("..data")))
	f.must(os.Symlink("..data/api.ini", f.path("api.ini")))
	f.set("api.ini")
	for _, next := range []string{"..2", "..3"} {
		f.must(os.Symlink(next, f.path("..data_tmp")))
		f.must(os.Rename(f.path("..data_tmp"), f.path("..data")))
		f.want("api.ini")
	}
}

func TestFolderOnTheWay(t *testing.T) {
	t.Run("a link to a folder, elsewhere", func(t *testing.T) {
		f := start(t, "v1/conf/api.ini", "v2/conf/api.ini")
		f.write("v2/conf/api.ini", "second")
		f.must(os.Symlink(f.path("v1"), f.path("current")))
		f.set("current/conf/api.ini")
		f.must(os.Symlink(f.path("v2"), f.path("next")))
		f.must(os.Rename(f.path("next"), f.path("current")))
		f.want("current/conf/api.ini")
		f.write("v2/conf/api.ini", "third")
		f.want("current/conf/api.ini")
	})
	t.Run("removed and made again", func(t *testing.T) {
		f := start(t, "conf/api.ini")
		f.set("conf/api.ini")
		f.must(os.RemoveAll(f.path("conf")))
		f.write("conf/api.ini", "second")
		f.want("conf/api.ini")
		f.write("conf/api.ini", "third")
		f.want("conf/api.ini")
	})
	t.Run("not there at first", func(t *testing.T) {
		f := start(t)
		f.set("a/b/api.ini")
		f.write("a/b/api.ini", "first")
		f.want("a/b/api.ini")
	})
	t.Run("swapped with another", func(t *testing.T) {
		f := start(t, "conf/api.ini", "next/api.ini")
		f.write("next/api.ini", "second")
		f.set("conf/api.ini")
		f.must(os.Rename(f.path("conf"), f.path("old")))
		f.must(os.Rename(f.path("next"), f.path("conf")))
		f.want("conf/api.ini")
		f.write("conf/api.ini", "third")
		f.want("conf/api.ini")
	})
}

func TestSet(t *testing.T) {
	t.Run("forgets files", func(t *testing.T) {
		f := start(t, "a.ini", "dir/b.ini")
		f.set("a.ini", "dir/b.ini")
		f.set("dir/b.ini")
		f.write("a.ini", "second")
		f.write("dir/b.ini", "second")
		f.want("dir/b.ini")
	})
	t.Run("within changed, as a reload does", func(t *testing.T) {
		dir := t.TempDir()
		a, b := filepath.Join(dir, "a.ini"), filepath.Join(dir, "b.ini")
		for _, path := range []string{a, b} {
			if err := os.WriteFile(path, []byte("first"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var w *Watcher
		made, calls := make(chan struct{}), make(chan string, 10)
		w, err := New(slog.Default(), func(path string) {
			<-made
			if err := w.Set([]string{a, b}); err != nil {
				t.Error(err)
			}
			calls <- path
		})
		close(made)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if err := w.Set([]string{a}); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{a, b} {
			if err := os.WriteFile(path, []byte("second"), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := <-calls; got != path {
				t.Fatalf("changed(%q), want %q", got, path)
			}
		}
	})
	t.Run("keeps what came while the files were read", func(t *testing.T) {
		f := start(t, "a.ini")
		f.set("a.ini")
		f.write("a.ini", "second")
		f.set("a.ini")
		f.want("a.ini")
	})
	t.Run("after Close", func(t *testing.T) {
		w, err := New(slog.Default(), func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.Set([]string{filepath.Join(t.TempDir(), "a.ini")}); err == nil {
			t.Error("Set after Close = nil, want an error")
		}
	})
}

func TestCloseWaitsForChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ini")
	entered, leave, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	w, err := New(slog.Default(), func(string) { close(entered); <-leave; close(over) })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Set([]string{path}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	<-entered
	go close(leave)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-over:
	default:
		t.Error("Close returned while changed ran")
	}
}

func TestWalk(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range [][2]string{{"b", "link"}, {"../x/file", "a/up"}, {"loop", "loop"}} {
		path := filepath.Join(dir, link[1])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(link[0], path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"b/file":      "b: b/file",
		"link/file":   ". b: b/file link",
		"a/up":        ". a: a/up x",
		"none/x/file": ".: none",
		"loop":        ".: loop",
		"b/../b/file": "b: b/file",
	} {
		folders, names := map[string]bool{}, map[string]bool{}
		walk(dir+"/"+path, folders, names)
		if got := short(dir, folders) + ": " + short(dir, names); got != want {
			t.Errorf("walk(%q) = %s, want %s", path, got, want)
		}
	}
}

// short writes paths relative to a folder.
func short(dir string, set map[string]bool) string {
	var list []string
	for path := range set {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			rel = path
		}
		list = append(list, rel)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
