package service

import (
	"os"
	"path/filepath"
	"testing"
)

const (
	v2mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw"
	v1cpu   = "33 32 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro shared:9 - cgroup cgroup rw,cpu,cpuacct"
	v1mem   = "34 32 0:30 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"
)

// fakeMachine writes the files that tell limits.
func fakeMachine(t *testing.T, files map[string]string) machine {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return machine(dir)
}

// TestMachineLimits is START-05: affinity and quota count, at least 1, with the source.
func TestMachineLimits(t *testing.T) {
	online := "sys/devices/system/cpu/online"
	tests := []struct {
		name       string
		files      map[string]string
		variable   string
		cores      int
		source     string
		memory     int64
		memoryFrom string
	}{
		{"nothing known", nil, "", 4, "processors", 0, ""},
		{"all processors", map[string]string{online: "0-3"}, "", 4, "processors", 0, ""},
		{"some of them", map[string]string{online: "0-5,8,10-11"}, "", 4, "affinity", 0, ""},
		{"the variable", map[string]string{online: "0-7"}, "3", 7, "GOMAXPROCS", 0, ""},
		{"a variable that Go does not take", nil, "x", 4, "processors", 0, ""},
		{"version 2, the parent has less", map[string]string{
			"proc/self/cgroup": "0::/a/b", "proc/self/mountinfo": v2mount,
			"sys/fs/cgroup/a/b/cpu.max": "300000 100000", "sys/fs/cgroup/a/cpu.max": "150000 100000", "sys/fs/cgroup/cpu.max": "max 100000",
			"sys/fs/cgroup/a/b/memory.max": "1000", "sys/fs/cgroup/a/memory.max": "max",
		}, "", 2, "cgroup quota", 1000, "cgroup limit"},
		{"a quota of less than one", map[string]string{
			"proc/self/cgroup": "0::/", "proc/self/mountinfo": v2mount, "sys/fs/cgroup/cpu.max": "20000 100000",
		}, "", 1, "cgroup quota", 0, ""},
		{"a quota of more than there is", map[string]string{
			"proc/self/cgroup": "0::/", "proc/self/mountinfo": v2mount, "sys/fs/cgroup/cpu.max": "800000 100000", online: "0-3",
		}, "", 4, "processors", 0, ""},
		{"version 1 in a container", map[string]string{
			"proc/self/cgroup":                           "4:memory:/x\n3:cpu,cpuacct:/docker/abc\n0::/docker/abc",
			"proc/self/mountinfo":                        v1cpu + "\n" + v1mem,
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2000", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
		}, "", 1, "cgroup quota", 2000, "cgroup limit"},
		{"version 1 without limits", map[string]string{
			"proc/self/cgroup":                           "3:cpu,cpuacct:/docker/abc",
			"proc/self/mountinfo":                        v1cpu,
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
		}, "", 4, "processors", 0, ""},
		{"nonsense", map[string]string{
			"proc/self/cgroup": "0::/../x\nxx\n0:", "proc/self/mountinfo": "x - cgroup2\n" + v2mount, "sys/fs/cgroup/cpu.max": "0 0", online: "a-b,",
		}, "", 4, "processors", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := fakeMachine(t, tt.files)
			if n, source := m.cores(4, 7, tt.variable); n != tt.cores || source != tt.source {
				t.Errorf("cores() = %d by %s, want %d by %s", n, source, tt.cores, tt.source)
			}
			if n, source := m.memory(); n != tt.memory || source != tt.memoryFrom {
				t.Errorf("memory() = %d by %q, want %d by %q", n, source, tt.memory, tt.memoryFrom)
			}
		})
	}
}

func TestUsableCoresOfThisMachine(t *testing.T) {
	if n, source := UsableCores(); n < 1 || source == "" {
		t.Errorf("UsableCores() = %d, %q", n, source)
	}
}

func TestMemoryLimitOfTheVariable(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "off")
	if n, source := MemoryLimit(); n != 0 || source != "GOMEMLIMIT" {
		t.Errorf("MemoryLimit() = %d, %q, want none by GOMEMLIMIT", n, source)
	}
}
