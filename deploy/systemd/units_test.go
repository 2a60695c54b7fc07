// Package systemd holds units for systemd, and this test of them.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/service"
)

const (
	serviceUnit = "wheatpaste@.service"
	socketUnit  = "wheatpaste@.socket"
	// endTime is what a worker has beyond its drain, by docs/launcher.md.
	endTime = 14 * time.Second
	// maxExposure is what systemd-analyze security may find, from 0 to 10.
	maxExposure = 1.5
)

// program finds a program of systemd, or ends the test.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("%s is missing: apt-get install systemd", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// instances writes the units as those of an instance, with a program that
// exists, and the type that this systemd knows.
func instances(t *testing.T, analyze string) (dir string) {
	t.Helper()
	out, err := exec.Command(analyze, "--version").Output()
	m := regexp.MustCompile(`^systemd (\d+)`).FindSubmatch(out)
	if err != nil || m == nil {
		t.Skipf("systemd-analyze does not run here: %v", err)
	}
	version, _ := strconv.Atoi(string(m[1]))
	dir = t.TempDir()
	for _, name := range []string{serviceUnit, socketUnit} {
		text := strings.ReplaceAll(read(t, name), "/usr/bin/wheatpaste", "/bin/true")
		if version < 253 {
			text = strings.ReplaceAll(text, "Type=notify-reload", "Type=notify")
		}
		path := filepath.Join(dir, strings.Replace(name, "@", "@api", 1))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestVerify: systemd finds nothing to complain about.
func TestVerify(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	dir := instances(t, analyze)
	for _, name := range []string{"wheatpaste@api.service", "wheatpaste@api.socket"} {
		out, err := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, name)).CombinedOutput()
		if err != nil || complains(string(out)) {
			t.Errorf("systemd-analyze verify %s: %v\n%s", name, err, out)
		}
	}
}

// complains reports whether a line is about our units: systemd also tells what
// it thinks of others that are installed.
func complains(out string) bool {
	for line := range strings.Lines(out) {
		unit, _, _ := strings.Cut(line, ": ")
		if strings.Contains(line, "wheatpaste") || !strings.Contains(unit, ".") {
			return true
		}
	}
	return false
}

// TestExposure is the score that the README names.
func TestExposure(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	path := filepath.Join(instances(t, analyze), "wheatpaste@api.service")
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", path).CombinedOutput()
	m := regexp.MustCompile(`Overall exposure level for \S+: ([\d.]+)`).FindSubmatch(out)
	if m == nil {
		t.Skipf("this systemd does not rate units that are not loaded: %v", err)
	}
	if score, _ := strconv.ParseFloat(string(m[1]), 64); score > maxExposure {
		t.Errorf("the exposure is %v, want at most %v\n%s", score, maxExposure, out)
	}
}

// TestTimes: systemd must wait longer than the server does (PAIN-02).
func TestTimes(t *testing.T) {
	unit, g := read(t, serviceUnit), service.DefaultGroup()
	for _, tt := range []struct {
		option string
		least  time.Duration
	}{
		{"TimeoutStopSec", g.DrainAnnounce + g.GracefulTimeout + endTime},
		{"TimeoutStartSec", g.StartTimeout},
	} {
		m := regexp.MustCompile(`(?m)^` + tt.option + `=(\d+)$`).FindStringSubmatch(unit)
		if m == nil {
			t.Errorf("no %s in seconds", tt.option)
			continue
		}
		if n, _ := strconv.Atoi(m[1]); time.Duration(n)*time.Second <= tt.least {
			t.Errorf("%s=%d, want more than %v", tt.option, n, tt.least)
		}
	}
}
