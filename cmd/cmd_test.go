package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	_ "github.com/wheatpaste/wheatpaste/service/servers/all"
)

const good = `[composite:main]
use = egg:Paste#urlmap
/ = echo
/lost = lost
[app:echo]
use = egg:wheatpaste#echo
password = geheim
`

// The scripts of cmd/wheatpaste pin what is printed; this is about where it
// goes, and the code.
func TestCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"good.ini": strings.Replace(good, "/lost = lost\n", "", 1), "lost.ini": good, "broken.ini": "nothing\n",
		"servers.ini": "[app:main]\nuse = egg:wheatpaste#echo\n[server:a]\nuse = egg:wheatpaste#http\n[server:b]\nuse = egg:wheatpaste#http\n",
	} {
		if err := os.WriteFile(name, []byte(strings.Replace(text, "password = geheim\n", "", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args           string
		code           int
		stdout, stderr string // what each begins with; "" is nothing
	}{
		{"", 0, "wheatpaste builds ", ""},
		{"help", 0, "wheatpaste builds ", ""},
		{"help diff", 0, "diff compares ", ""},
		{"help nothing", 2, "", "wheatpaste: unknown command "},
		{"version", 0, "wheatpaste ", ""},
		{"version 1", 2, "", "wheatpaste: unexpected argument "},
		{"surve", 2, "", "wheatpaste: unknown command \"surve\", did you mean serve?"},
		{"check good.ini", 0, "", ""},
		{"check good.ini lost.ini", 1, "", "lost.ini:4:9: [composite:main] /lost: No section 'lost' "},
		{"check broken.ini", 1, "", "broken.ini:1:1: "},
		{"check good.ini --config-file none", 1, "", "none: no such file or directory"},
		{"check servers.ini --server-name b", 0, "", ""},
		{"check --missing x good.ini", 2, "", "wheatpaste: invalid --missing "},
		{"tree good.ini", 0, "good.ini\n[composite:main] ", ""},
		{"tree good.ini --json", 0, "{\n \"apps\"", ""},
		{"tree good.ini --json --portable", 0, "{\n \"apps\"", ""},
		{"tree broken.ini", 1, "", "broken.ini:1:1: "},
		{"tree broken.ini --json", 1, "{\n \"file_error\"", "broken.ini:1:1: "},
		{"tree --portable good.ini", 2, "", "wheatpaste: --portable goes with --json"},
		{"tree good.ini --config-file none", 1, "", "none: no such file or directory"},
		{"tree good.ini lost.ini", 2, "", "wheatpaste: more than one URI"},
		{"config good.ini", 0, "OPTION ", ""},
		{"config good.ini --json", 0, "{\n  \"/\": {", ""},
		{"config good.ini -n none", 1, "", "good.ini: No section 'none' "},
		{"config good.ini --config-file none", 1, "", "none: no such file or directory"},
		{"config good.ini lost.ini", 2, "", "wheatpaste: more than one URI"},
		{"graph good.ini", 0, "main  egg:Paste#urlmap\n", ""},
		{"graph good.ini --format svg", 0, "<svg ", ""},
		{"graph broken.ini", 1, "", "broken.ini:1:1: "},
		{"graph good.ini --format png", 2, "", "wheatpaste: unknown --format "},
		{"graph good.ini lost.ini", 2, "", "wheatpaste: more than one URI"},
		{"diff good.ini good.ini", 0, "", ""},
		{"diff servers.ini good.ini", 1, "~ app main: ", ""},
		{"diff good.ini lost.ini", 2, "", "lost.ini:4:9: "},
		{"diff good.ini broken.ini", 2, "", "broken.ini:1:1: "},
		{"diff good.ini", 2, "", "wheatpaste: missing argument"},
		{"diff good.ini good.ini --missing x", 2, "", "wheatpaste: invalid --missing "},
		{"list server", 0, "server ", ""},
		{"list server --json", 0, "[\n  {\n    \"kind\": \"server\"", ""},
		{"list a b", 2, "", "wheatpaste: unexpected argument "},
		{"list thing", 2, "", "wheatpaste: unknown kind "},
		{"describe echo", 0, "egg:wheatpaste#echo (app)\n", ""},
		{"describe echo --json", 0, "[\n  {\n    \"kind\": \"app\"", ""},
		{"describe egg:wheatpaste#metrics", 0, "egg:wheatpaste#metrics (app)\n", ""},
		{"describe none-of-these", 1, "", "wheatpaste: no factory is registered as "},
		{"completion bash", 0, "# bash completion", ""},
		{"completion zsh", 0, "#compdef wheatpaste", ""},
		{"completion fish", 0, "# fish completion", ""},
		{"completion powershell", 0, "# powershell completion", ""},
		{"completion csh", 2, "", "wheatpaste: unknown shell "},
		{"__complete help v", 0, "version", "Completion ended "},
		{"serve broken.ini", 1, "", "broken.ini:1:1: "},
		{"serve lost.ini", 1, "", "lost.ini:4:9: "},
		{"serve servers.ini", 2, "", "wheatpaste: the file has the servers a, b "},
		{"serve good.ini --workers x", 2, "", "wheatpaste: --workers: "},
		{"serve good.ini --admin x", 2, "", "wheatpaste: --admin: "},
		{"serve good.ini --listen x", 2, "", "wheatpaste: --listen: "},
		{"serve good.ini --config-file none", 1, "", "none: no such file or directory"},
		{"serve good.ini lost.ini", 2, "", "wheatpaste: more than one URI"},
		{"serve good.ini --listen unix:none/x", 1, "", "wheatpaste: listen unix:none/x: "},
		{"serve good.ini --pid-file none/x", 1, "", "wheatpaste: pid file: "},
		{"serve egg:none", 1, "", "no Go factory is registered for egg:none"},
		{"--log-level x version", 2, "", "wheatpaste: invalid --log-level "},
		{"--log-format x version", 2, "", "wheatpaste: invalid --log-format "},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := Main(strings.Fields(tt.args), &stdout, &stderr)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			begins(t, "stdout", stdout.String(), tt.stdout)
			begins(t, "stderr", stderr.String(), tt.stderr)
			if tt.code == 2 && strings.HasPrefix(tt.stderr, "wheatpaste") && strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("the message is not one line: %q", stderr.String())
			}
		})
	}
}

func begins(t *testing.T, stream, got, want string) {
	t.Helper()
	if want == "" && got != "" || !strings.HasPrefix(got, want) {
		t.Errorf("%s is %q, want %q at its beginning", stream, got, want)
	}
}

// fullDisk is a stdout that takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// What cannot be printed is a failure, not a matter of usage.
func TestStdoutThatTakesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.ini", "b.ini"} {
		if err := os.WriteFile(name, []byte("[app:main]\nuse = egg:wheatpaste#echo\nx = "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{
		"tree a.ini", "tree --json a.ini", "config a.ini", "config --json a.ini", "graph a.ini", "list", "list --json", "describe --json echo",
		"describe echo", "version", "completion bash",
	} {
		var stderr bytes.Buffer
		if code := Main(strings.Fields(args), fullDisk{}, &stderr); code != 1 || stderr.String() != "wheatpaste: no space left on device\n" {
			t.Errorf("%s: exit code %d, stderr %q", args, code, stderr.String())
		}
	}
	if code := Main([]string{"diff", "a.ini", "b.ini"}, fullDisk{}, &bytes.Buffer{}); code != 2 {
		t.Errorf("diff: exit code %d, want 2", code)
	}
}

func TestAssignments(t *testing.T) {
	for word, want := range map[string]bool{
		"a=b": true, "a=": true, "a.b=c=d": true, "a=/path": true, "a": false, "=b": false,
		"/a=b": false, "a/b=c": false, "config:a=b": false, "a#b=c": false, `a\b=c`: false,
	} {
		if got := isAssignment(word); got != want {
			t.Errorf("isAssignment(%q) = %v, want %v", word, got, want)
		}
	}
}

func TestURIs(t *testing.T) {
	for text, want := range map[string]string{
		"a.ini": "config:a.ini", "a%b.ini": "config:a%25b.ini", "config:a%20b.ini": "config:a%20b.ini", "CONFIG:x": "config:x",
		"egg:X#y": "egg:X", "call:a:b": "call:a:b", "c:/x.ini": "config:c:/x.ini", "./a/../b.ini#x": "config:b.ini",
	} {
		var s source
		s.setURI(text)
		if s.uri != want {
			t.Errorf("setURI(%q) gives %q, want %q", text, s.uri, want)
		}
		if _, fragment, named := strings.Cut(text, "#"); named != (s.name != nil) || named && *s.name != fragment {
			t.Errorf("setURI(%q) gives the name %v", text, s.name)
		}
	}
}

// The JSON forms have the keys of the contract (design.md 8), and no others.
func TestJSONKeys(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.ini", []byte("[app:main]\nuse = egg:wheatpaste#echo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"config --json a.ini": "file line scope value via", "list --json": "aliases kind name",
	} {
		var stdout bytes.Buffer
		if code := Main(strings.Fields(args), &stdout, &bytes.Buffer{}); code != 0 {
			t.Fatalf("%s: exit code %d", args, code)
		}
		var list []map[string]any
		if strings.HasPrefix(args, "list") {
			if err := json.Unmarshal(stdout.Bytes(), &list); err != nil {
				t.Fatal(err)
			}
		} else {
			var byName map[string]map[string]any
			if err := json.Unmarshal(stdout.Bytes(), &byName); err != nil {
				t.Fatal(err)
			}
			for _, v := range byName {
				list = append(list, v)
			}
		}
		if len(list) == 0 {
			t.Fatalf("%s prints nothing", args)
		}
		for _, item := range list {
			if got := strings.Join(keys(item), " "); got != want {
				t.Errorf("%s has the keys %s, want %s", args, got, want)
			}
		}
	}
}

func TestPIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	p, err := holdPIDFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.write(); err != nil {
		t.Fatal(err)
	}
	if _, err := holdPIDFile(path); err == nil {
		t.Error("two processes hold one file")
	}
	// Somebody else's file in its place stays.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.remove()
	if text, err := os.ReadFile(path); err != nil || string(text) != "1\n" {
		t.Errorf("the file holds %q, error %v", text, err)
	}
	if err := (*pidFile)(nil).write(); err != nil {
		t.Errorf("without a file: %v", err)
	}
}

func keys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
