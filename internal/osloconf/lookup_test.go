package osloconf

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
)

// homes makes the folders in which conf files are looked for, with the files
// that are named by a path below it: home/.p/p.conf, snap/etc/p/p.conf. Each sets
// [g] file to its path, and [g] NAME to it, NAME being the path's base.
func homes(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("SNAP_COMMON", filepath.Join(dir, "common"))
	t.Setenv("SNAP", filepath.Join(dir, "snap"))
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, f, fmt.Sprintf("[g]\nfile = %s\n", f))
	}
	return dir
}

var searches = []struct {
	name   string
	files  []string
	source paste.ConfSource
	want   []string // below the folder
}{
	{"nothing", nil, paste.ConfSource{Project: "wpt"}, nil},
	{"the hidden folder of the project first", []string{"home/.wpt/wpt.conf", "home/wpt.conf", "snap/etc/wpt/wpt.conf"}, paste.ConfSource{Project: "wpt"}, []string{"home/.wpt/wpt.conf"}},
	{"the home folder", []string{"home/wpt.conf", "common/etc/wpt/wpt.conf"}, paste.ConfSource{Project: "wpt"}, []string{"home/wpt.conf"}},
	{"a snap", []string{"common/etc/wpt/wpt.conf", "snap/etc/wpt/wpt.conf"}, paste.ConfSource{Project: "wpt"}, []string{"common/etc/wpt/wpt.conf"}},
	{"a snap without common files", []string{"snap/etc/wpt/wpt.conf"}, paste.ConfSource{Project: "wpt"}, []string{"snap/etc/wpt/wpt.conf"}},
	{"project and program", []string{"home/.wpt/api.conf", "snap/etc/wpt/wpt.conf"}, paste.ConfSource{Project: "wpt", Program: "api"}, []string{"snap/etc/wpt/wpt.conf", "home/.wpt/api.conf"}},
	{"a program without a file", []string{"home/wpt.conf"}, paste.ConfSource{Project: "wpt", Program: "api"}, []string{"home/wpt.conf"}},
	{"a folder after the files", []string{"home/wpt.conf", "home/.wpt/wpt.conf.d/b.conf", "home/.wpt/wpt.conf.d/a.conf", "home/.wpt/wpt.conf.d/.c.conf", "home/.wpt/wpt.conf.d/d.ini"}, paste.ConfSource{Project: "wpt"},
		[]string{"home/wpt.conf", "home/.wpt/wpt.conf.d/a.conf", "home/.wpt/wpt.conf.d/b.conf"}},
	{"folders of both", []string{"home/.wpt/wpt.conf.d/a.conf", "home/wpt.conf.d/b.conf", "home/api.conf.d/a.conf"}, paste.ConfSource{Project: "wpt", Program: "api"},
		[]string{"home/.wpt/wpt.conf.d/a.conf", "home/api.conf.d/a.conf"}},
	{"a file that is named, and the folders", []string{"x.conf", "home/wpt.conf", "home/wpt.conf.d/b.conf"}, paste.ConfSource{Project: "wpt", File: "x.conf"}, []string{"x.conf", "home/wpt.conf.d/b.conf"}},
	{"a file in the home folder", []string{"home/x.conf"}, paste.ConfSource{Project: "wpt", File: "~/x.conf"}, []string{"home/x.conf"}},
}

func TestSearch(t *testing.T) {
	for _, tt := range searches {
		t.Run(tt.name, func(t *testing.T) {
			dir := homes(t, tt.files...)
			files, err := NewLookup(new(snapshot.Files), nil).Open(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files.Files() {
				got = append(got, strings.TrimPrefix(f, dir+"/"))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("files %q, want %q", got, tt.want)
			}
		})
	}
}

// searchScript prints what oslo.config finds: the last value of an option that
// each file sets, and the files in their order.
const searchScript = `
import glob, json, os, sys
from oslo_config import cfg
s = json.loads(sys.argv[1])
c = cfg.ConfigOpts()
c.register_opts([cfg.MultiStrOpt("file", default=[])], group="g")
c([], project=s["Project"], prog=s["Program"] or "-", default_config_files=[s["File"]] if s["File"] else None, validate_default_values=True)
print(json.dumps(c.g.file))
`

func TestSearchIsOslos(t *testing.T) {
	startOslo(t) // skips without it
	for _, tt := range searches {
		t.Run(tt.name, func(t *testing.T) {
			homes(t, tt.files...)
			source, err := json.Marshal(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("/usr/bin/python3", "-c", searchScript, string(source))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var theirs []string
			if err := json.Unmarshal(out, &theirs); err != nil {
				t.Fatal(err)
			}
			files, err := NewLookup(new(snapshot.Files), nil).Open(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			got, err := files.(view).Multi(Option{Group: "g", Name: "file"})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, theirs) {
				t.Errorf("files %q, oslo.config has %q", got, theirs)
			}
		})
	}
}

// LAUNCH-10: what a section's conf files said in the rehearsal counts in a worker,
// with another home folder too.
func TestSearchInASnapshot(t *testing.T) {
	homes(t, "home/wpt.conf", "home/wpt.conf.d/a.conf")
	master := new(snapshot.Files)
	read := func(files *snapshot.Files) string {
		conf, err := NewLookup(files, nil).Open(paste.ConfSource{Project: "wpt"})
		if err != nil {
			t.Fatal(err)
		}
		v, ok, err := conf.Lookup(paste.ConfName{Group: "g", Name: "file"}, nil)
		return fmt.Sprintf("%s %v %v %d", v.Text, ok, err, len(conf.Files()))
	}
	want := read(master)
	if want != "home/wpt.conf.d/a.conf true <nil> 2" {
		t.Fatalf("the master reads %s", want)
	}
	data, err := master.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(t, "home/wpt.conf.d/b.conf", "[g]\nfile = new\n")
	if err := os.Remove("home/wpt.conf"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/nonexistent")
	worker, err := snapshot.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(worker); got != want {
		t.Errorf("the worker reads %s, want %s", got, want)
	}
}

// A file that is there and cannot be read is an error, as in oslo.config: it is
// not passed over for the next one.
func TestSearchFindsUnreadable(t *testing.T) {
	homes(t, "home/wpt.conf")
	if err := os.MkdirAll("home/.wpt/wpt.conf", 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := NewLookup(new(snapshot.Files), nil).Open(paste.ConfSource{Project: "wpt"})
	if err == nil || !strings.HasSuffix(err.Error(), "home/.wpt/wpt.conf: is a directory, want a readable file") {
		t.Errorf("error %v", err)
	}
}

func TestLookupReadsOnce(t *testing.T) {
	homes(t, "x.conf")
	process := newConfig()
	l := NewLookup(new(snapshot.Files), process)
	a, err := l.Open(paste.ConfSource{File: "x.conf"})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := l.Open(paste.ConfSource{File: "x.conf"})
	if a != b {
		t.Error("the file was read twice")
	}
	if p, _ := l.Open(paste.ConfSource{Program: "p"}); p.(view).Config != process {
		t.Error("a program alone does not mean the files of the process")
	}
	if none, err := NewLookup(new(snapshot.Files), nil).Open(paste.ConfSource{}); none != nil || err != nil {
		t.Errorf("without files %v, %v", none, err)
	}
}
