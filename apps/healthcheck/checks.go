package healthcheck

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// result is what one check found.
type result struct {
	available bool
	reason    string
	details   string
}

// check looks at one thing; port is the server's.
type check func(port string) result

// backends makes the checks by name, in the order in which errors list them.
var backends = []struct {
	name string
	make func(*paste.Build, Options) (check, error)
}{
	{"disable_by_file", disableByFile},
	{"disable_by_files_ports", disableByFilesPorts},
	{"enable_by_files", enableByFiles},
}

// newChecks makes the checks in the order of the backends, those over the network
// as probes.
func newChecks(b *paste.Build, o Options) ([]check, *probes, error) {
	over := &probes{timeout: o.Timeout, interval: o.Interval, now: time.Now, log: b.Logger()}
	var checks []check
	for _, name := range o.Backends {
		if at := isNetwork(name); at >= 0 {
			list, err := newProbes(b, o, at)
			if err != nil {
				return nil, nil, err
			}
			for range list {
				checks = append(checks, nil) // the next of the probes
			}
			over.list = append(over.list, list...)
			continue
		}
		c, err := newCheck(b, o, name)
		if err != nil {
			return nil, nil, err
		}
		checks = append(checks, c)
	}
	if slices.Contains(o.Backends, "enable_by_files") && slices.Contains(o.Backends, "disable_by_file") {
		return nil, nil, paste.BadOption("backends", "enable_by_files and disable_by_file exclude each other, want one of them")
	}
	if len(over.list) > 0 && o.Timeout <= 0 {
		return nil, nil, paste.BadOption("check_timeout", "invalid time %s, want more than 0", o.Timeout)
	}
	warnUnchecked(b, o)
	return checks, over, nil
}

func newCheck(b *paste.Build, o Options, name string) (check, error) {
	var known []string
	for _, backend := range backends {
		if backend.name == name {
			return backend.make(b, o)
		}
		known = append(known, backend.name)
	}
	for _, n := range network {
		known = append(known, n.name)
	}
	return nil, paste.BadOption("backends", "unknown backend %q, want a list, with commas, of %s", name, strings.Join(known, ", "))
}

var okay = result{available: true, reason: "OK"}

// draining is told by no check, but by the server from the begin of its stop on
// (PAIN-27).
var draining = result{reason: "DRAINING", details: "The server stops"}

const disabled = "DISABLED BY FILE"

// exists follows links, as the original does; what cannot be looked at is not
// there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func disableByFile(b *paste.Build, o Options) (check, error) {
	path := o.DisableByFilePath
	if path == "" {
		b.Warn("backends", "disable_by_file without disable_by_file_path is always healthy")
		return func(string) result {
			return result{true, "OK", "No 'disable_by_file_path' configuration value specified"}
		}, nil
	}
	return func(string) result {
		if exists(path) {
			return result{false, disabled, "Path '" + path + "' was found"}
		}
		return result{true, "OK", "Path '" + path + "' was not found"}
	}, nil
}

func disableByFilesPorts(b *paste.Build, o Options) (check, error) {
	paths := map[string]string{}
	for _, item := range o.DisableByFilePaths {
		text, path, _ := strings.Cut(item, ":")
		port, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if err != nil || path == "" {
			return nil, paste.BadOption("disable_by_file_paths", "invalid item %q, want PORT:PATH", item)
		}
		paths[strconv.FormatUint(port, 10)] = path
	}
	if len(paths) == 0 {
		b.Warn("backends", "disable_by_files_ports without disable_by_file_paths is always healthy")
	}
	return func(port string) result {
		if path, ok := paths[port]; ok && exists(path) {
			return result{false, disabled, ""}
		}
		return okay
	}, nil
}

func enableByFiles(b *paste.Build, o Options) (check, error) {
	if len(o.EnableByFilePaths) == 0 {
		b.Warn("backends", "enable_by_files without enable_by_file_paths is always healthy")
	}
	return func(string) result {
		for _, path := range o.EnableByFilePaths {
			if !exists(path) {
				return result{false, "FILE PATH MISSING", "File path " + path + " is missing"}
			}
		}
		return result{true, "OK", "Specified file paths are available"}
	}, nil
}
