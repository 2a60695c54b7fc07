package readme

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheExamplePluginRuns builds the out-of-tree module that plugin authors
// copy, and does what its README says.
func TestTheExamplePluginRuns(t *testing.T) {
	folder := filepath.Join(root, "examples", "plugin")
	binary := filepath.Join(t.TempDir(), "teaserver")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = folder
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(args ...string) string {
		cmd := exec.Command(binary, args...)
		cmd.Dir = folder
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	if out := run("list", "filter"); !strings.Contains(out, "egg:teaserver#stamp") {
		t.Errorf("list filter does not show the plugin's filter:\n%s", out)
	}
	if out := run("describe", "egg:teaserver#teapot"); !strings.Contains(out, "how long the tea steeps") {
		t.Errorf("describe does not show the options:\n%s", out)
	}
	if out := run("check"); out != "" {
		t.Errorf("check finds\n%s", out)
	}
	address := freeAddress(t)
	serveIn(t, folder, binary, address)
	got := curl(t, []string{"-i", "http://127.0.0.1:8080/tea"}, address)
	for _, want := range []string{"418", "X-Stamp: tea", "X-Openstack-Request-Id: req-", "Darjeeling, steeped for 2m30s, 0 refills"} {
		if !strings.Contains(got, want) {
			t.Errorf("/tea does not show %q:\n%s", want, got)
		}
	}
}
