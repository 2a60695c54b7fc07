//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/report"
	"github.com/wheatpaste/wheatpaste/paste"
)

func init() {
	paste.RegisterApp("egg:servetest#leak", leakOptions{}, func(b *paste.Build, o leakOptions) (http.Handler, error) {
		var times atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if times.Add(1) <= 20 {
				leak(b, o, r)
			}
			_, _ = io.WriteString(w, "leaked\n")
		}), nil
	})
	paste.RegisterFilter("egg:servetest#stall", struct{}{}, func(*paste.Build, struct{}) (alice.Constructor, error) {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Stall") != "" {
					hold(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
		}, nil
	})
}

type leakOptions struct {
	Known  string `paste:"swift_secret"`
	Region string `paste:"region"`
}

// leak logs errors as careless plugins do.
func leak(b *paste.Build, o leakOptions, r *http.Request) {
	b.Logger().Error("cannot log in at http://admin:"+planted(20)+"@keystone/v3", "authorization", r.Header.Get("Authorization"))
	b.Logger().Error("refused", "password", planted(21), "said", "Bearer "+planted(22), "header", "X-Auth-Token: "+planted(23))
	b.Logger().Error("the peer says that "+o.Known+" is wrong, and "+o.Region+" as well", "uri", "/?api_key="+planted(24))
}

// planted is a secret of the test.
func planted(n int) string { return fmt.Sprintf("pl4nted%02dQx", n) }

const plantedSecrets = 37

func secretIni() string {
	p := planted
	return server("workers = 4", "drain_idle_grace = 0.1") + `
[DEFAULT]
admin_password = ` + p(0) + `
[composite:main]
use = egg:Paste#urlmap
/ = api
/leak = leak
[pipeline:api]
pipeline = ids auth stall hold
[filter:ids]
use = egg:oslo.middleware#request_id
[filter:stall]
use = egg:servetest#stall
[filter:auth]
use = egg:nobody#auth
password = ` + p(1) + `
token = ` + p(2) + `
secret = ` + p(3) + `
key = ` + p(4) + `
api_key = ` + p(5) + `
private_key = ` + p(6) + `
service_password = ` + p(7) + `
hmac_key = ` + p(8) + `
memcache_secret_key = ` + p(9) + `
connection = mysql+pymysql://nova:` + p(10) + `@db/nova
auth_uri = http://admin:` + p(11) + `@keystone:5000/
callback = http://hooks/?token=` + p(12) + `&a=1
dsn = host=db password=` + p(13) + ` user=x
by_reference = admin/%(admin_password)s/x
region = %(ENV:WHEATPASTE_TEST_REGION)s
passphrase = ` + p(14) + `
[app:hold]
use = egg:servetest#hold
[app:leak]
use = egg:servetest#leak
swift_secret = ` + p(15) + `
region = %(ENV:WHEATPASTE_TEST_REGION)s
`
}

// What is planted elsewhere: 16 environment, 17 and 18 var=value, 19 a header,
// 20 to 24 the log, 25 to 30 the conf file, 31 to 36 requests.
func secretConf() string {
	p := planted
	return "[DEFAULT]\ntransport_url = rabbit://u:" + p(25) + "@h1:5672,u:" + p(26) + "@h2:5672/\nmetadata_proxy_shared_secret = " + p(27) +
		"\n[database]\nconnection = mysql://nova:" + p(28) + "@db/nova\n[keystone_authtoken]\npassword = " + p(29) + "\nwww = http://x:" + p(30) + "@h/\n"
}

func TestReportOfALoadedServer(t *testing.T) { // CHECK-13, GMR-05
	s := prepare(t, file(t, "paste.ini", secretIni()), "--missing", "stub", "--config-file", file(t, "nova.conf", secretConf()),
		"mode="+planted(17), "my_password="+planted(18))
	s.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.Env = append(os.Environ(), "WHEATPASTE_TEST_REGION="+planted(16))
	s.launch()
	address := s.serves("main")
	s.awaitReady("main", 4)
	var held []*held
	for range 10 {
		held = append(held, holdSecretly(t, address, ""))
	}
	held = append(held, holdSecretly(t, address, "yes"))
	stop := strictLoad(t, address)
	until(t, "the load is there", func() bool { return s.metric("wheatpaste_http_requests_total") > 500 })
	var best report.Report
	for range 3 {
		r := s.report()
		if best.Seconds == 0 || r.Seconds < best.Seconds {
			best = r
		}
	}
	checkLoaded(t, &best)
	for _, format := range [][]string{{"report"}, {"report", "--json"}} {
		code, text, stderr := s.verb(format...)
		if code != 0 || len(text) < 10_000 {
			t.Errorf("%v: code %d, %d bytes, stderr %s", format, code, len(text), stderr)
		}
		wantNoSecret(t, text)
	}
	if n := stop(); n == 0 {
		t.Error("the load did nothing")
	}
	for _, h := range held {
		if rest, err := h.finish(); err != nil || rest != "done\n" {
			t.Errorf("a request in flight ends with %q, %v", rest, err)
		}
	}
	s.finish()
}

// holdSecretly holds a request whose URI and headers are full of secrets.
func holdSecretly(t *testing.T, address, stall string) *held {
	t.Helper()
	reader, writer := io.Pipe()
	uri := "http://" + address + "/held?token=" + planted(31) + "&X-Amz-Signature=" + planted(32) + "&%74oken=" + planted(33) + "&page=7"
	q, err := http.NewRequest(http.MethodPost, uri, reader)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+planted(34))
	q.Header.Set("X-Auth-Token", planted(35))
	q.Header.Set("Cookie", "session="+planted(36))
	q.Header.Set("Stall", stall)
	r, err := client(t, address).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return begun(t, writer, r)
}

// strictLoad is a load whose every request must be answered by 200; stop ends it
// and gives their number.
func strictLoad(t *testing.T, address string) (stop func() int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var n atomic.Int64
	for range 16 {
		wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}, Timeout: patience}
			defer c.CloseIdleConnections()
			for ctx.Err() == nil {
				q, _ := http.NewRequest(http.MethodGet, "http://"+address+"/leak?secret="+planted(31), nil)
				q.Header.Set("Authorization", "Basic "+planted(19))
				r, err := c.Do(q)
				if err != nil {
					t.Errorf("the load: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				_ = r.Body.Close()
				if n.Add(1); r.StatusCode != http.StatusOK {
					t.Errorf("the load: %s", r.Status)
					return
				}
			}
		})
	}
	return func() int64 { cancel(); wg.Wait(); return n.Load() }
}

func checkLoaded(t *testing.T, r *report.Report) {
	t.Helper()
	t.Logf("the report took %.3f s", r.Seconds) // on a quiet machine: less than one, see bench/RESULTS.md
	workers, inApp, inFilter, errors := 0, 0, 0, int64(0)
	for _, p := range r.Processes {
		if p.Role != report.RoleWorker {
			continue
		}
		workers++
		if p.Detail == nil {
			t.Fatalf("worker %d: %s", p.Slot, p.Problem)
		}
		errors += p.Detail.ErrorsLogged
		for _, q := range p.Detail.Requests {
			if q.Method != http.MethodPost {
				continue
			}
			if q.App != "api" || q.Pipeline != "api" || q.Client != "127.0.0.1" || !strings.HasPrefix(q.RequestID, "req-") || q.Status != 200 ||
				q.URI != "/held?token=***&X-Amz-Signature=***&%74oken=***&page=7" || q.AgeSeconds <= 0 {
				t.Errorf("request %+v", q)
			}
			switch q.Filter {
			case "":
				inApp++
			case "stall":
				inFilter++
			}
		}
		if p.Detail.Goroutines.Total < 5 || p.Detail.Memory.HeapBytes == 0 || len(p.Detail.Descriptors) == 0 {
			t.Errorf("worker %d tells of %d goroutines, memory %+v, descriptors %v", p.Slot, p.Detail.Goroutines.Total, p.Detail.Memory, p.Detail.Descriptors)
		}
	}
	if workers != 4 || inApp != 10 || inFilter != 1 || errors == 0 {
		t.Errorf("%d workers, %d requests in the app, %d in the filter, %d errors, want 4, 10, 1 and some", workers, inApp, inFilter, errors)
	}
	if len(r.Listeners) != 4 || len(r.Workers) != 4 || len(r.Generations) != 1 || !strings.Contains(r.Generations[0].Pipelines[0].Graph, "ids > auth > stall > hold") {
		t.Errorf("listeners %v, workers %v, generations %+v", r.Listeners, r.Workers, r.Generations)
	}
}

func wantNoSecret(t *testing.T, text string) {
	t.Helper()
	for n := range plantedSecrets {
		if at := strings.Index(text, planted(n)); at >= 0 {
			t.Errorf("secret %d is in the report: %q", n, text[max(at-80, 0):min(at+40, len(text))])
		}
	}
	if strings.Contains(text, "pl4nted") {
		t.Error("a part of a secret is in the report")
	}
}

// report asks for one, as JSON.
func (s *supervised) report() report.Report {
	s.t.Helper()
	text, err := s.client.Report(s.t.Context(), false)
	if err != nil {
		s.t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(text, &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

func TestReportOfDrainingAndStoppedWorkers(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", holdApp+server("workers = 1")))
	address := s.serves("main")
	old := s.awaitReady("main", 1)[0]
	h := holdRequest(t, address)
	s.signal(syscall.SIGHUP)
	s.awaitReady("main", 1, old)
	r := s.report()
	if len(r.Generations) != 2 || !r.Generations[0].Current || r.Generations[0].Number != 2 || r.Generations[1].Workers != 1 {
		t.Errorf("generations %+v", r.Generations)
	}
	if p := processWith(&r, old); p == nil || p.State != "draining" || p.Detail == nil || len(p.Detail.Requests) != 1 {
		t.Errorf("the worker that drains: %+v", p)
	}
	kill(t, old, syscall.SIGSTOP)
	for _, problem := range []string{"no answer within 500ms", "no answer to the last report yet"} {
		began := time.Now()
		r = s.report()
		if p := processWith(&r, old); p == nil || p.Detail != nil || p.Problem != problem || p.Counts[0].InFlight != 1 {
			t.Errorf("the worker that is stopped: %+v, want the problem %q", p, problem)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the report took %v", took)
		}
	}
	kill(t, old, syscall.SIGCONT)
	until(t, "the worker answers again", func() bool {
		r = s.report()
		p := processWith(&r, old)
		return p != nil && p.Detail != nil
	})
	if rest, err := h.finish(); err != nil || rest != "done\n" {
		t.Errorf("the request in flight ends with %q, %v", rest, err)
	}
	s.finish()
}

func processWith(r *report.Report, pid int) *report.Process {
	for _, p := range r.Processes {
		if p.PID == pid {
			return p
		}
	}
	return nil
}

func TestReportBySignal(t *testing.T) { // GMR-02, GMR-03, PAIN-24
	for _, workers := range []string{"0", "1"} {
		t.Run(workers, func(t *testing.T) {
			folder := t.TempDir()
			s := supervise(t, file(t, "paste.ini", holdApp+server("workers = "+workers, "report_dir = "+folder)))
			h := holdRequest(t, s.serves("main"))
			s.signal(syscall.SIGUSR2)
			path := s.says(`msg="a report was written" path=(\S+)$`)[1]
			name := regexp.MustCompile(fmt.Sprintf(`^paste_gurumeditation_\d{14}_%d$`, s.Process.Pid))
			if filepath.Dir(path) != folder || !name.MatchString(filepath.Base(path)) {
				t.Errorf("path %q, want one in %s like %v", path, folder, name)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(text), strings.Repeat("=", 72)+"\n====                        Guru Meditation                         ====\n") ||
				!strings.Contains(string(text), "\n1 requests\n") || !strings.Contains(string(text), "cmd/wheatpaste.hold ") {
				t.Errorf("the report is\n%s", text)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != fs.FileMode(0o640) {
				t.Errorf("mode %v, error %v, want 0640", info.Mode(), err)
			}
			s.signal(syscall.SIGUSR2)
			until(t, "the second signal is answered", func() bool {
				return s.said(`msg="ignored: a report was asked for within the last second"`)+s.said(`msg="a report was written"`) > 1
			})
			if _, err := h.finish(); err != nil {
				t.Error(err)
			}
			s.finish()
		})
	}
}

func TestReportThatCannotBeWritten(t *testing.T) { // GMR-03
	folder := t.TempDir()
	ini := file(t, "paste.ini", loadApp+server("workers = 1", "report_dir = "+folder))
	s := supervise(t, ini)
	address := s.serves("main")
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	problem := regexp.MustCompile(`^\S+paste\.ini:8:14: \[server:main\] report_dir: stat \S+: no such file or directory, want a folder that exists\n$`)
	if code, out, errs := s.verb("reload"); code != 1 || out != "rejected\n" || !problem.MatchString(errs) {
		t.Errorf("reload ends with %d %q %q, want rejected and %s", code, out, errs, problem)
	}
	kill(t, s.ready("main")[0], syscall.SIGKILL) // its successor starts without the folder
	until(t, "another worker", func() bool { return s.metric("wheatpaste_worker_exits_total") == 1 && len(s.ready("main")) == 1 })
	s.signal(syscall.SIGUSR2)
	s.says(`level=ERROR msg="writing the report" error=".*no such file or directory"`)
	if r, _ := fresh(t, address, "/"); r.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", r.Status)
	}
	s.finish()
}

func TestReportOnStandardError(t *testing.T) { // GMR-03
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 1")))
	s.serves("main")
	s.signal(syscall.SIGUSR2)
	s.says(`msg="a report was written" path=stderr`)
	s.says(`^====                        Guru Meditation                         ====$`)
	s.finish()
}

func TestReportIntoAFile(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 1")))
	s.serves("main")
	path := filepath.Join(t.TempDir(), "r.json")
	if code, stdout, stderr := s.verb("report", "--json", "--output", path); code != 0 || stdout != "" || stderr != "" {
		t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	text, err := os.ReadFile(path)
	var r report.Report
	if err != nil || json.Unmarshal(text, &r) != nil || r.Schema != report.Schema || r.Master.PID != s.Process.Pid || r.Master.State != "Running" {
		t.Errorf("error %v, the file has %s", err, text)
	}
	bad := filepath.Join(path, "x")
	code, _, stderr := s.verb("report", "--output", bad)
	if want := "wheatpaste: --output: open " + bad + ": not a directory\n"; code != 1 || stderr != want {
		t.Errorf("code %d, stderr %q, want 1 and %q", code, stderr, want)
	}
	s.finish()
}

func TestProfiles(t *testing.T) {
	s := supervise(t, file(t, "paste.ini", loadApp+server("workers = 2")), "my_password="+planted(0))
	s.serves("main")
	tests := []struct {
		path string
		code int
		want string // a part
	}{
		{"/debug/pprof/", 200, "goroutine"},
		{"/debug/pprof/goroutine?debug=1", 200, "launcher.(*Master).Run"},
		{"/debug/pprof/cmdline", 200, "my_password=****"},
		{"/debug/pprof/worker/1/goroutine?debug=1", 200, "launcher.(*Worker).obey"},
		{"/debug/pprof/worker/0/heap", 200, "\x1f\x8b"},
		{"/debug/pprof/worker/0/profile?seconds=1&server=main", 200, "\x1f\x8b"},
		{"/debug/pprof/worker/0/trace?seconds=1", 200, "trace"},
		{"/debug/pprof/worker/2/heap", 409, "the server main has no worker 2 now\n"},
		{"/debug/pprof/worker/0/heap?server=x", 409, "no server \"x\", want one of main\n"},
		{"/debug/pprof/worker/0/heat", 409, "no profile \"heat\", want profile, trace, heap, goroutine, allocs, block, mutex or threadcreate\n"},
		{"/debug/pprof/worker/x/heap", 404, ""},
	}
	for _, tt := range tests {
		code, text := get(t, s.admin, tt.path)
		if code != tt.code || !strings.Contains(text, tt.want) || strings.Contains(text, planted(0)) {
			t.Errorf("%s: %d and %.200q, want %d and %q", tt.path, code, text, tt.code, tt.want)
		}
	}
	s.finish()
}
