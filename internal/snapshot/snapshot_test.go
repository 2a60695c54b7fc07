package snapshot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// encoded passes files to another process, as it were.
func encoded(t *testing.T, f *Files) *Files {
	t.Helper()
	data, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// look writes down all that a reader gets to see of some paths.
func look(f *Files, names ...string) []string {
	var seen []string
	for _, name := range names {
		data, err := f.Read(name)
		text := string(data)
		if len(data) > Limit {
			text = "too large"
		}
		list, dirErr := f.ReadDir(name)
		seen = append(seen, name+": "+text+errorText(err)+" "+strings.Join(list, ",")+errorText(dirErr))
	}
	return seen
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return "[" + err.Error() + "]"
}

// LAUNCH-10: what the disk holds later does not matter.
func TestAWorkerSeesWhatTheMasterSaw(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "paste.ini", "old")
	write(t, "empty", "")
	write(t, "large", "")
	if err := os.Truncate("large", Limit+1); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("conf.d", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "conf.d/b.conf", "")
	write(t, "conf.d/a.conf", "")
	names := []string{"paste.ini", "empty", "large", "conf.d", "none", "paste.ini/below"}
	master := new(Files)
	want := look(master, names...)
	if got := []string{
		"paste.ini: old [fdopendir paste.ini: not a directory]", "empty:  [fdopendir empty: not a directory]", "large: too large [fdopendir large: not a directory]",
		"conf.d: [read conf.d: is a directory] a.conf,b.conf", "none: [open none: no such file or directory] [open none: no such file or directory]",
		"paste.ini/below: [open paste.ini/below: not a directory] [open paste.ini/below: not a directory]",
	}; strings.Join(withoutOp(want), "\n") != strings.Join(withoutOp(got), "\n") {
		t.Errorf("the master saw\n%s\nwant\n%s", strings.Join(want, "\n"), strings.Join(got, "\n"))
	}

	write(t, "paste.ini", "new")
	write(t, "none", "there now")
	if err := errors.Join(os.RemoveAll("conf.d"), os.Remove("empty"), os.Remove("large")); err != nil {
		t.Fatal(err)
	}
	worker := encoded(t, master)
	for who, f := range map[string]*Files{"master": master, "worker": worker, "worker's worker": encoded(t, worker)} {
		if got := look(f, names...); !reflect.DeepEqual(got, want) {
			t.Errorf("the %s sees\n%s\nwant\n%s", who, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if _, err := worker.Read("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v, want one of fs.ErrNotExist", err)
	}
}

// withoutOp leaves out the name of the system call, which depends on the system.
func withoutOp(lines []string) []string {
	var list []string
	for _, l := range lines {
		list = append(list, strings.ReplaceAll(l, "fdopendir", "open"))
	}
	return list
}

func TestWhatWasNotRehearsedIsNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "late", "x")
	worker := encoded(t, new(Files))
	const want = "open late: it was not read when this generation was rehearsed"
	if data, err := worker.Read("late"); err == nil || err.Error() != want || data != nil {
		t.Errorf("Read gives %q, %v, want %s", data, err, want)
	}
	if _, err := worker.ReadDir("late"); err == nil || err.Error() != want {
		t.Errorf("ReadDir gives %v, want %s", err, want)
	}
}

// A file is one whatever it is called, and a reader cannot change it.
func TestOnePathOneFile(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a", "first")
	f := new(Files)
	data, err := f.Read("a")
	if err != nil {
		t.Fatal(err)
	}
	data[0] = 'X'
	write(t, "a", "second")
	abs, err := filepath.Abs("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "./a", "b/../a", abs} {
		if got, err := f.Read(name); string(got) != "first" || err != nil {
			t.Errorf("Read(%q) = %q, %v, want first", name, got, err)
		}
	}
}

func TestFilesListsWhatWasLookedAt(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "a", "text")
	f := new(Files)
	look(f, "a", "b")
	if _, err := f.ReadDir("."); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range f.Files() {
		rel, err := filepath.Rel(dir, i.Path)
		if err != nil {
			t.Fatal(err)
		}
		text := rel
		if i.Folder {
			text += "/"
		}
		if i.Err != nil {
			text += "!"
		}
		if i.SHA256 != [32]byte{} {
			text += "#"
		}
		got = append(got, text)
	}
	if want := "./# a# a/! b! b/!"; strings.Join(got, " ") != want {
		t.Errorf("the files are %v, want %s", got, want)
	}
}

func TestDecodeRefusesWhatIsNoSnapshot(t *testing.T) {
	for _, data := range [][]byte{nil, []byte("x"), []byte("\x03\xff\xff\xff")} {
		if f, err := Decode(data); f != nil || err == nil || !strings.HasPrefix(err.Error(), "reading the snapshot of the files: ") {
			t.Errorf("Decode(%q) = %v, %v", data, f, err)
		}
	}
}

func TestConcurrentReaders(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a", "x")
	f := new(Files)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, err := f.Read("a"); string(got) != "x" || err != nil {
				t.Errorf("Read = %q, %v", got, err)
			}
			f.Files()
		})
	}
	wg.Wait()
}

// A key is read by workers as the master read it, and its sum is shown nowhere.
func TestSecretsAreKeptWithoutASum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	var f Files
	if data, err := f.ReadSecret(path); err != nil || string(data) != "key" {
		t.Fatalf("ReadSecret = %q, %v", data, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	worker := encoded(t, &f)
	for name, files := range map[string]*Files{"master": &f, "worker": worker} {
		if data, err := files.ReadSecret(path); err != nil || string(data) != "key" {
			t.Errorf("%s: ReadSecret = %q, %v", name, data, err)
		}
		if list := files.Files(); len(list) != 1 || !list[0].Secret || list[0].SHA256 != [32]byte{} {
			t.Errorf("%s: Files = %+v, want one secret without a sum", name, list)
		}
	}
}

func TestWhatIsMadeIsTheSameInAllProcesses(t *testing.T) {
	var f Files
	n := 0
	one := func() ([]byte, error) { n++; return []byte{byte(n)}, nil }
	for range 2 {
		if data, err := f.Make("number", one); err != nil || len(data) != 1 || data[0] != 1 {
			t.Fatalf("Make = %v, %v, want what was made first", data, err)
		}
	}
	worker := encoded(t, &f)
	if data, err := worker.Make("number", one); err != nil || len(data) != 1 || data[0] != 1 {
		t.Errorf("a worker makes %v, %v, want what the master made", data, err)
	}
}
