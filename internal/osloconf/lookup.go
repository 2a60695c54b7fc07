package osloconf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Lookup finds the conf files that the sections of paste files mean, and reads
// each once. Its method Open is what paste.BuildConfig wants. It is safe for
// concurrent use.
type Lookup struct {
	files   *snapshot.Files
	process *Config // of --config-file; nil without any

	mu     sync.Mutex
	opened map[paste.ConfSource]opened
}

type opened struct {
	conf *Config
	err  error
}

// NewLookup makes the Lookup of a generation: its files, and what --config-file
// names, which is nil without any.
func NewLookup(files *snapshot.Files, process *Config) *Lookup {
	return &Lookup{files: files, process: process, opened: map[paste.ConfSource]opened{}}
}

// Open gives what the conf files of a source say; nil when there are none.
func (l *Lookup) Open(s paste.ConfSource) (paste.ConfFiles, error) {
	if s.Project == "" && s.File == "" {
		if l.process == nil {
			return nil, nil
		}
		return view{l.process}, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	got, known := l.opened[s]
	if !known {
		got.conf, got.err = l.read(s)
		l.opened[s] = got
	}
	if got.err != nil {
		return nil, got.err
	}
	return view{got.conf}, nil
}

// read is what oslo.config does with the project, prog and
// default_config_files that a middleware passes to it. Its directories count
// beside a file that is named, too.
func (l *Lookup) read(s paste.ConfSource) (*Config, error) {
	home := l.home()
	names := []string{s.Project, s.Program}
	var files, dirs []string
	if s.File != "" {
		files = []string{expandHome(s.File, home)}
	}
	if s.Project != "" {
		places := places(s.Project, home)
		if s.File == "" {
			files = l.search(places, names, ".conf", l.hasFile)
		}
		dirs = l.search(places, names, ".conf.d", l.hasDir)
	}
	return LoadFrom(l.files, files, dirs)
}

// places are the folders in which oslo.config looks, in its order.
func places(project, home string) []string {
	var list []string
	if home != "" {
		list = append(list, filepath.Join(home, "."+project), home)
	}
	list = append(list, filepath.Join("/etc", project), "/etc")
	for _, variable := range []string{"SNAP_COMMON", "SNAP"} {
		if snap := os.Getenv(variable); snap != "" {
			list = append(list, filepath.Join(snap, "etc", project))
		}
	}
	return list
}

// search gives, for each name, the first path that is there.
func (l *Lookup) search(places, names []string, extension string, has func(string) bool) []string {
	var found []string
	for _, name := range names {
		if name == "" {
			continue
		}
		for _, dir := range places {
			if path := filepath.Join(dir, name+extension); has(path) {
				if !slices.Contains(found, path) { // the program may be called as the project is
					found = append(found, path)
				}
				break
			}
		}
	}
	return found
}

// hasFile reports what os.path.exists does: a file that is there and cannot be
// read counts, so that it is an error and not left out.
func (l *Lookup) hasFile(path string) bool {
	_, err := l.files.Read(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), "not a directory")
}

func (l *Lookup) hasDir(path string) bool {
	_, err := l.files.ReadDir(path)
	return err == nil || errors.Is(err, fs.ErrPermission)
}

// home is the home directory of who has started the master: a worker may be
// another user.
func (l *Lookup) home() string {
	home, err := l.files.Make("home directory", func() ([]byte, error) {
		dir, err := os.UserHomeDir()
		return []byte(dir), err
	})
	if err != nil { // a service without one
		return ""
	}
	return string(home)
}

func expandHome(path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	return path
}

// view is a Config as the package paste wants to see it.
type view struct{ *Config }

// Lookup is Find with names substituted.
func (v view) Lookup(name paste.ConfName, old []paste.ConfName) (paste.ConfValue, bool, error) {
	o := Option{Group: name.Group, Name: name.Name}
	for _, n := range old {
		o.Deprecated = append(o.Deprecated, Name(n))
	}
	hits := v.lookup(o)
	if len(hits) == 0 {
		return paste.ConfValue{}, false, nil
	}
	x := v.expansion()
	list, err := x.values(o)
	if err != nil {
		return paste.ConfValue{}, true, err
	}
	won := list[0]
	return paste.ConfValue{
		ConfName: paste.ConfName{Group: won.group, Name: won.name},
		Text:     won.text, Pos: won.pos, Secret: x.secret, Old: hits[0].old,
	}, true, nil
}

// Names are the options that the files set in a group, each once.
func (v view) Names(group string) []string {
	var list []string
	for s := range v.All() {
		if normalGroup(s.Group) == normalGroup(group) && !slices.Contains(list, s.Name) {
			list = append(list, s.Name)
		}
	}
	return list
}
