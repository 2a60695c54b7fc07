package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLinks is where the system gives up, too (ELOOP).
const maxLinks = 40

// walk goes an absolute path as the system does, and notes the folders whose
// entries decide where it leads, with these entries: each symbolic link, the
// file, or the first thing that is not there.
func walk(path string, folders, names map[string]bool) {
	here, rest := split(path)
	note := func(entry string) { folders[here], names[entry] = true, true }
	for links := 0; len(rest) > 0 && links < maxLinks; {
		entry := filepath.Join(here, rest[0]) // for .. the parent: here has no link in it
		rest = rest[1:]
		info, err := os.Lstat(entry)
		if err != nil || len(rest) == 0 && info.Mode().Type() != fs.ModeSymlink {
			note(entry)
			return
		}
		if info.Mode().Type() != fs.ModeSymlink {
			here = entry
			continue
		}
		note(entry)
		target, err := os.Readlink(entry)
		if err != nil {
			return // it has just been replaced, which is an event
		}
		links++
		root, way := split(target)
		rest = slices.Concat(way, rest)
		if filepath.IsAbs(target) {
			here = root
		}
	}
}

// split cuts a path into its root and the names behind it.
func split(path string) (root string, way []string) {
	volume := filepath.VolumeName(path)
	separator := string(filepath.Separator)
	for name := range strings.SplitSeq(filepath.ToSlash(path[len(volume):]), "/") {
		if name != "" && name != "." {
			way = append(way, name)
		}
	}
	return volume + separator, way
}
