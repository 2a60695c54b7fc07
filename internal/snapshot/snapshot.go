// Package snapshot keeps the content of the files that one generation is made
// of. The master reads them from disk when it rehearses; a worker, also one that
// takes the place of another an hour later, gets them from the snapshot and sees
// what the master saw (LAUNCH-10).
package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Limit is the size in bytes from which a file is too large for a snapshot.
const Limit = 16 << 20

// Files are the files of a generation, each read once. The zero value reads from
// disk and remembers, one of Decode only remembers. It is safe for concurrent
// use.
type Files struct {
	mu      sync.Mutex
	replay  bool
	entries map[string]entry // by absolute path
	made    map[string][]byte
}

// wire is a snapshot as it is written.
type wire struct {
	Entries map[string]entry
	Made    map[string][]byte
}

// entry is what was found at a path. Its fields are encoded.
type entry struct {
	Data    []byte
	Names   []string // of a folder
	Folder  bool     // it was read as one
	Large   bool     // more than Limit bytes, which are not kept
	Failed  bool
	Op      string // of the error
	Errno   uint64 // the system's error; 0 for another
	Problem string // an error that is not of the system
	Secret  bool
}

// Info is one path that was looked at.
type Info struct {
	Path   string            // absolute
	SHA256 [sha256.Size]byte // of the content, for a folder of its names; zero without any
	Folder bool
	Secret bool  // its content is nobody's business, and its sum is left out
	Err    error // why it could not be read; nil for one that was
}

// Read gives the content of a file, or the error of reading it, which is an
// *fs.PathError. Of a file larger than Limit it gives Limit+1 bytes: a reader
// refuses it by its length.
func (f *Files) Read(name string) ([]byte, error) {
	e := f.entry(name, false)
	if e.Large {
		return make([]byte, Limit+1), nil
	}
	return bytes.Clone(e.Data), e.err(name)
}

// ReadDir gives the sorted names in a folder, or the error of reading it.
func (f *Files) ReadDir(name string) ([]string, error) {
	e := f.entry(name, true)
	return slices.Clone(e.Names), e.err(name)
}

// ReadSecret is Read for a key.
func (f *Files) ReadSecret(name string) ([]byte, error) {
	data, err := f.Read(name)
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.entries[absolute(name)]
	e.Secret = true
	if !f.replay {
		f.entries[absolute(name)] = e
	}
	return data, err
}

// Make gives what is no file, but the same in all processes of a generation: it
// is made once, where the generation is rehearsed. The name is no path.
func (f *Files) Make(name string, content func() ([]byte, error)) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e, ok := f.made[name]; ok || f.replay {
		return bytes.Clone(e), nil
	}
	data, err := content()
	if err != nil {
		return nil, err
	}
	if f.made == nil {
		f.made = map[string][]byte{}
	}
	f.made[name] = data
	return bytes.Clone(data), nil
}

func (f *Files) entry(name string, folder bool) entry {
	path := absolute(name)
	if folder {
		path += string(filepath.Separator) // the same path may be tried as a file, too
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e, known := f.entries[path]
	switch {
	case known:
		return e
	case f.replay:
		return entry{Failed: true, Folder: folder, Op: "open", Problem: "it was not read when this generation was rehearsed"}
	case folder:
		e = readDir(name)
	default:
		e = readFile(name)
	}
	if f.entries == nil {
		f.entries = map[string]entry{}
	}
	f.entries[path] = e
	return e
}

// readFile reads a file, which may be a pipe.
func readFile(name string) entry {
	file, err := os.Open(name)
	if err != nil {
		return failed(err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > Limit {
		return entry{Large: true}
	}
	data, err := io.ReadAll(io.LimitReader(file, Limit+1))
	switch {
	case err != nil:
		return failed(err)
	case len(data) > Limit:
		return entry{Large: true}
	}
	return entry{Data: data}
}

func readDir(name string) entry {
	list, err := os.ReadDir(name) // sorted
	if err != nil {
		e := failed(err)
		e.Folder = true
		return e
	}
	e := entry{Folder: true}
	for _, one := range list {
		e.Names = append(e.Names, one.Name())
	}
	return e
}

func failed(err error) entry {
	e := entry{Failed: true, Op: "open"}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		e.Op, err = p.Op, p.Err
	}
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		e.Errno = uint64(no)
	} else {
		e.Problem = err.Error()
	}
	return e
}

func (e entry) err(name string) error {
	if !e.Failed {
		return nil
	}
	cause := errors.New(e.Problem)
	if e.Errno != 0 {
		cause = syscall.Errno(e.Errno)
	}
	return &fs.PathError{Op: e.Op, Path: name, Err: cause}
}

// Files lists every path that was looked at, also in vain: what appears there
// would be read the next time.
func (f *Files) Files() []Info {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []Info
	for _, key := range slices.Sorted(maps.Keys(f.entries)) {
		list = append(list, f.entries[key].info(filepath.Clean(key)))
	}
	return list
}

func (e entry) info(path string) Info {
	i := Info{Path: path, Folder: e.Folder, Secret: e.Secret, Err: e.err(path)}
	switch {
	case e.Failed || e.Large || e.Secret:
	case e.Folder:
		i.SHA256 = sha256.Sum256(fmt.Appendf(nil, "%q", e.Names))
	default:
		i.SHA256 = sha256.Sum256(e.Data)
	}
	return i
}

// Encode writes the snapshot for another process of the same program.
func (f *Files) Encode() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(wire{f.entries, f.made}); err != nil {
		return nil, fmt.Errorf("writing the snapshot of the files: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode wrote. The files that it gives never look at the
// disk: what was not read when they were recorded is not there.
func Decode(data []byte) (*Files, error) {
	var e wire
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&e); err != nil {
		return nil, fmt.Errorf("reading the snapshot of the files: %w", err)
	}
	return &Files{replay: true, entries: e.Entries, made: e.Made}, nil
}

func absolute(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return filepath.Clean(name)
}
