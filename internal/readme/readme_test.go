package readme

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

// verbs are the commands that speak to a running master.
var verbs = []string{"status", "reload", "stop", "workers", "reopen"}

// command is one "$ ..." line of the README with what it shows below.
type command struct {
	line string
	want []string
}

// commands reads the indented blocks. "..." stands for anything, also for whole
// lines.
func commands(t *testing.T) []command {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var list []command
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		shown, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		if cmd, ok := strings.CutPrefix(shown, "$ "); ok {
			cmd, _, _ = strings.Cut(cmd, "  #")
			list = append(list, command{line: strings.TrimSpace(cmd)})
		} else if len(list) > 0 {
			last := &list[len(list)-1]
			last.want = append(last.want, shown)
		}
	}
	return list
}

// TestTheREADMEIsTrue runs every command of the README, in its order, but for
// those that name files of other packages (/etc) and the test command itself.
func TestTheREADMEIsTrue(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "wheatpaste")
	build := exec.Command("go", "build", "-o", binary, "./cmd/wheatpaste")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	address, socket := freeAddress(t), filepath.Join(t.TempDir(), "control.sock")
	ran := map[string]int{}
	for _, c := range commands(t) {
		words := strings.Fields(c.line)
		got := ""
		switch {
		case strings.Contains(c.line, "/etc/"), strings.HasPrefix(c.line, "go test"):
			continue
		case c.line == "go run ./cmd/wheatpaste serve":
			got = serveIn(t, root, binary, address, "--control", socket)
		case words[0] == "curl":
			got = curl(t, words[1:], address)
		case words[0] == "wheatpaste":
			args := words[1:]
			if slices.Contains(verbs, args[0]) { // other masters may run on this machine
				args = append(args, "--control", socket)
			}
			cmd := exec.Command(binary, args...)
			cmd.Dir = root
			out, _ := cmd.CombinedOutput() // check fails on purpose
			got = string(out)
		default:
			t.Errorf("the test cannot run %q", c.line)
			continue
		}
		ran[words[0]]++
		got = strings.ReplaceAll(got, address, "127.0.0.1:8080")
		if !shows(got, c.want) {
			t.Errorf("$ %s\ngot\n%s\nthe README shows\n%s", c.line, got, strings.Join(c.want, "\n"))
		}
	}
	for _, name := range []string{"go", "curl", "wheatpaste"} {
		if ran[name] == 0 {
			t.Errorf("no %s command was found in the README", name)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serveIn starts a server of the file in a folder, and gives its log until it
// serves.
func serveIn(t *testing.T, folder, binary, address string, more ...string) string {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"serve", "--listen", address}, more...)...)
	cmd.Dir = folder
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		for range lines {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve ended with %v", err)
		}
	})
	late := time.After(30 * time.Second)
	for log := ""; ; {
		select {
		case line, ok := <-lines:
			log += line + "\n"
			if !ok || strings.Contains(line, "msg=serving ") {
				return log
			}
		case <-late:
			t.Fatalf("serve does not serve:\n%s", log)
		}
	}
}

// curl does what `curl [-i] URL` does.
func curl(t *testing.T, args []string, address string) string {
	t.Helper()
	url := strings.Replace(args[len(args)-1], "127.0.0.1:8080", address, 1)
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if args[0] == "-i" {
		fmt.Fprintf(&b, "%s %s\n", resp.Proto, resp.Status)
		_ = resp.Header.Write(&b)
	}
	if _, err := io.Copy(&b, resp.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shows compares an output with what the README shows of it.
func shows(got string, want []string) bool {
	for len(want) > 0 && want[len(want)-1] == "" {
		want = want[:len(want)-1]
	}
	var pattern strings.Builder
	pattern.WriteString(`(?s)^`)
	for _, line := range want {
		if strings.TrimSpace(line) == "..." {
			pattern.WriteString(`.*?`)
			continue
		}
		parts := strings.Split(line, "...")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern.WriteString(strings.Join(parts, `[^\n]*`) + `\r?(\n|$)`)
	}
	return regexp.MustCompile(pattern.String()).MatchString(got)
}
