package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Places are the folders where control sockets stand without --control.
type Places struct {
	Runtime string // $RUNTIME_DIRECTORY, which systemd sets
	XDG     string // $XDG_RUNTIME_DIR
	Run     string // /run
	Temp    string
	UID     int
}

// maxMasters bounds the number behind a base name.
const maxMasters = 1000

// SystemPlaces are those of this process.
func SystemPlaces() Places {
	return Places{os.Getenv("RUNTIME_DIRECTORY"), os.Getenv("XDG_RUNTIME_DIR"), "/run", os.TempDir(), os.Geteuid()}
}

// Base is the name of a default socket, without .sock: that of the paste file
// without its extension, else of the first conf file.
func Base(file string, confs []string) string {
	for _, path := range append([]string{file}, confs...) {
		name := filepath.Base(path)
		name = strings.TrimSuffix(name, filepath.Ext(name))
		if path != "" && name != "" && name != "." && name != string(filepath.Separator) {
			return name
		}
	}
	return "wheatpaste"
}

// place is a folder, and what has to be true of it.
type place struct {
	dir  string
	mode fs.FileMode // made with; 0: it is somebody else's, and must be there
}

// list gives the places in the order in which they are tried.
func (p Places) list() []place {
	if dir, _, _ := strings.Cut(p.Runtime, ":"); dir != "" {
		return append([]place{{dir, 0}}, p.defaults()...)
	}
	return p.defaults()
}

func (p Places) defaults() []place {
	var list []place
	if p.UID == 0 && p.Run != "" {
		list = append(list, place{filepath.Join(p.Run, "wheatpaste"), 0o755})
	}
	if p.XDG != "" {
		list = append(list, place{filepath.Join(p.XDG, "wheatpaste"), 0o700})
	}
	return append(list, place{filepath.Join(p.Temp, "wheatpaste-"+strconv.Itoa(p.UID)), 0o700})
}

// Listen makes the control socket at the default path: BASE.sock in the first
// folder that there is or that can be made, BASE-2.sock when that is held, and so
// on. A folder that others could put a socket into is an error.
func (p Places) Listen(base string) (*Listener, error) {
	var skipped []error
	for _, place := range p.list() {
		err := p.open(place)
		if errors.Is(err, errUnsafe) || err != nil && place.mode == 0 {
			return nil, fmt.Errorf("control socket: %w", err)
		}
		if err != nil { // a system without /run, or one that is read-only
			skipped = append(skipped, err)
			continue
		}
		return listenNumbered(filepath.Join(place.dir, base))
	}
	return nil, fmt.Errorf("control socket: no folder for it, want --control: %w", errors.Join(skipped...))
}

func listenNumbered(path string) (*Listener, error) {
	name := path + ".sock"
	for n := 2; ; n++ {
		l, err := Listen(name)
		if held := (*HeldError)(nil); !errors.As(err, &held) || n > maxMasters {
			return l, err
		}
		name = fmt.Sprintf("%s-%d.sock", path, n)
	}
}

// errUnsafe is in the error about a folder that others may write to.
var errUnsafe = errors.New("unsafe folder")

// unsafeError is an errUnsafe with its reason for a text.
type unsafeError string

func (e unsafeError) Error() string { return string(e) }

func (e unsafeError) Is(target error) bool { return target == errUnsafe }

// open makes a folder if it is ours, and looks at it.
func (p Places) open(place place) error {
	if place.mode != 0 {
		if err := os.Mkdir(place.dir, place.mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return p.safe(place.dir)
	}
	info, err := os.Stat(place.dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("RUNTIME_DIRECTORY %q is no folder", place.dir)
	}
	return err
}

// safe wants a folder, no link to one, that belongs to this user and that nobody
// else may write to: in /tmp anybody may have made it.
func (p Places) safe(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	uid, known := ownerOf(info)
	switch {
	case !info.IsDir():
		return unsafeError(fmt.Sprintf("%q is no folder, want another --control", dir))
	case known && uid != p.UID:
		return unsafeError(fmt.Sprintf("the folder %q belongs to user %d, want user %d or another --control", dir, uid, p.UID))
	case known && info.Mode().Perm()&0o022 != 0:
		return unsafeError(fmt.Sprintf("the folder %q has mode %04o: others may write to it, want 0700 or another --control", dir, info.Mode().Perm()))
	}
	return nil
}

// sockets lists the paths where a master of ours may listen: in the places, and
// for root in all folders of /run (RuntimeDirectory= of other units). Of those
// only sockets with mode 0600 count, so that few strangers get a request.
func (p Places) sockets() (paths, dirs []string) {
	for _, place := range p.list() {
		if place.mode == 0 || p.safe(place.dir) == nil {
			paths = append(paths, private(place.dir)...)
		}
		dirs = append(dirs, place.dir)
	}
	if p.UID == 0 && p.Run != "" {
		entries, _ := os.ReadDir(p.Run) // without it there is nothing to find
		for _, e := range entries {
			paths = append(paths, private(filepath.Join(p.Run, e.Name()))...)
		}
		dirs = append(dirs, filepath.Join(p.Run, "*"))
	}
	slices.Sort(paths)
	return slices.Compact(paths), dirs
}

// private lists the sockets of a folder that only their owner may use. A folder
// that cannot be read has none that this user could speak to.
func private(dir string) (paths []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type() != fs.ModeSocket || filepath.Ext(e.Name()) != ".sock" {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		if _, known := ownerOf(info); !known || info.Mode().Perm() == 0o600 {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}
