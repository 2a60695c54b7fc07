package service

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// UsableCores is how many processors this process may use, at least 1, and what
// says so: its affinity, the quota of its cgroups, or GOMAXPROCS (START-05). Go's
// own number does not go below 2 for a quota, which is one worker too many.
func UsableCores() (n int, source string) {
	return machine("/").cores(runtime.NumCPU(), runtime.GOMAXPROCS(0), os.Getenv("GOMAXPROCS"))
}

// MemoryLimit is how much memory this process and its children may use, and what
// says so: GOMEMLIMIT or the cgroups. 0 is no limit.
func MemoryLimit() (bytes int64, source string) {
	if os.Getenv("GOMEMLIMIT") != "" {
		if n := debug.SetMemoryLimit(-1); n < math.MaxInt64 {
			return n, "GOMEMLIMIT"
		}
		return 0, "GOMEMLIMIT"
	}
	return machine("/").memory()
}

// machine is the root of the file system that tells limits.
type machine string

func (m machine) cores(affinity, goMax int, variable string) (int, string) {
	if n, err := strconv.Atoi(variable); err == nil && n > 0 {
		return max(goMax, 1), "GOMAXPROCS"
	}
	if quota := m.quota(); quota > 0 && quota < float64(affinity) {
		return max(int(math.Ceil(quota)), 1), "cgroup quota"
	}
	if online := m.online(); online > affinity {
		return max(affinity, 1), "affinity"
	}
	return max(affinity, 1), "processors"
}

// online counts the processors of the machine, written as "0-3,8".
func (m machine) online() int {
	n := 0
	for part := range strings.SplitSeq(m.read("sys/devices/system/cpu/online"), ",") {
		first, last, many := strings.Cut(part, "-")
		if !many {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 == nil && err2 == nil {
			n += to - from + 1
		}
	}
	return n
}

// quota is how many processors' time the cgroups allow; 0 for no limit.
func (m machine) quota() float64 {
	least := 0.0
	take := func(quota, period string) {
		q, err1 := strconv.ParseFloat(quota, 64)
		p, err2 := strconv.ParseFloat(period, 64)
		if err1 == nil && err2 == nil && q > 0 && p > 0 && (least == 0 || q/p < least) {
			least = q / p
		}
	}
	for _, dir := range m.cgroups("cpu") {
		if quota, period, ok := strings.Cut(m.read(dir+"/cpu.max"), " "); ok {
			take(quota, period)
		}
		take(m.read(dir+"/cpu.cfs_quota_us"), m.read(dir+"/cpu.cfs_period_us"))
	}
	return least
}

// memory is the least limit of the cgroups.
func (m machine) memory() (int64, string) {
	least := int64(0)
	for _, dir := range m.cgroups("memory") {
		for _, file := range []string{"memory.max", "memory.limit_in_bytes"} {
			n, err := strconv.ParseInt(m.read(dir+"/"+file), 10, 64)
			// Version 1 says "none" by a number next to the largest.
			if err == nil && n > 0 && n < 1<<62 && (least == 0 || n < least) {
				least = n
			}
		}
	}
	if least == 0 {
		return 0, ""
	}
	return least, "cgroup limit"
}

// read gives the text of a file, or nothing.
func (m machine) read(name string) string {
	b, err := os.ReadFile(filepath.Join(string(m), name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// cgroups are the folders of the groups of this process that a controller may
// limit, the innermost first: the limits of all hold. See cgroups(7).
func (m machine) cgroups(controller string) []string {
	var dirs []string
	for line := range strings.SplitSeq(m.read("proc/self/cgroup"), "\n") {
		parts := strings.SplitN(line, ":", 3) // number, controllers, path
		if len(parts) != 3 {
			continue
		}
		second := parts[0] == "0" && parts[1] == ""
		if !second && !listed(parts[1], controller) {
			continue
		}
		root, mount := m.mounted(controller, second)
		if mount == "" {
			continue
		}
		dirs = append(dirs, upwards(mount, below(root, parts[2]))...)
	}
	return dirs
}

func listed(list, name string) bool { return strings.Contains(","+list+",", ","+name+",") }

// below takes the root of a mount off a path. What is not below it is not to be
// seen: then the mount itself is all there is.
func below(root, path string) string {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(root, "/"))
	if !ok || strings.Contains(path, "..") {
		return "/"
	}
	return filepath.Join("/", rest)
}

func upwards(mount, path string) []string {
	var dirs []string
	for {
		dirs = append(dirs, mount+strings.TrimSuffix(path, "/"))
		if path == "/" {
			return dirs
		}
		path = filepath.Dir(path)
	}
}

// mounted finds where the cgroups of a controller, or those of version 2, are
// mounted, and which of them is the mount's root. A line of mountinfo, see
// proc(5): ID, parent, device, root, mount point, options, fields without a
// number, "-", type, source, options.
func (m machine) mounted(controller string, second bool) (root, mount string) {
	for lines := bufio.NewScanner(strings.NewReader(m.read("proc/self/mountinfo"))); lines.Scan(); {
		left, right, _ := strings.Cut(lines.Text(), " - ")
		where, what := strings.Fields(left), strings.Fields(right)
		if len(where) < 5 || len(what) < 3 {
			continue
		}
		if second && what[0] == "cgroup2" || !second && what[0] == "cgroup" && listed(what[2], controller) {
			return where[3], where[4]
		}
	}
	return "", ""
}
