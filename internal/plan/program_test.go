package plan

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/service"
)

func serverAs(name, lines string) string {
	return "[server:" + name + "]\nuse = egg:wheatpaste#http\nlisten = 127.0.0.1:0\n" + lines
}

func TestSignalProfile(t *testing.T) {
	all := func(q *Request) { q.Servers = []string{"all"} }
	for _, tt := range []struct {
		name, text string
		change     func(*Request)
		want       []service.SignalProfile
		errors     []string
	}{
		{"none", echo + serverAs("main", ""), nil, []service.SignalProfile{""}, nil},
		{"of a section", echo + serverAs("main", "signal_profile = web\n"), nil, []service.SignalProfile{"web"}, nil},
		{"the same in two", echo + serverAs("a", "signal_profile = swift\n") + serverAs("b", "signal_profile = swift\n"), all, []service.SignalProfile{"swift", "swift"}, nil},
		{"in one of two", echo + serverAs("a", "") + serverAs("b", "signal_profile = web\n"), all, []service.SignalProfile{"", "web"}, nil},
		{"two that differ", echo + serverAs("a", "signal_profile = web\n") + serverAs("b", "signal_profile = swift\n"), all, []service.SignalProfile{"web", "swift"}, []string{
			"paste.ini:12:18: [server:b] signal_profile: swift, but the server a has web: signals are of the whole program, want the same in both, or one of them",
		}},
		{"one that is none", echo + serverAs("main", "signal_profile = uwsgi\n"), nil, []service.SignalProfile{""}, []string{
			`paste.ini:8:18: [server:main] signal_profile: unknown profile "uwsgi", want openstack, web or swift`,
		}},
		{"in Swift's manner", "[DEFAULT]\nbind_port = 0\nsignal_profile = swift\n" + echo, nil, []service.SignalProfile{"swift"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := request(t, tt.text)
			if tt.change != nil {
				tt.change(&q)
			}
			made, err := Make(q)
			if err != nil {
				t.Fatal(err)
			}
			if got := problems(made); !slices.Equal(got, tt.errors) {
				t.Errorf("errors %q, want %q", got, tt.errors)
			}
			var got []service.SignalProfile
			for _, g := range made.Groups {
				got = append(got, g.SignalProfile)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("profiles %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSignalProfileOfNova(t *testing.T) {
	made := makeNova(t, novaRequest(t, "[wheatpaste]\nsignal_profile = web\n"))
	if len(made.Errors) > 0 || len(made.Groups) != 2 || made.Groups[0].SignalProfile != service.WebSignals || made.Groups[1].SignalProfile != service.WebSignals {
		t.Errorf("errors %v, groups %+v, want two with the profile web", made.Errors, made.Groups)
	}
	made = makeNova(t, novaRequest(t, "[wheatpaste]\nsignal_profile = x\n"))
	if want := `nova.conf:2:18: [wheatpaste] signal_profile: unknown profile "x", want openstack, web or swift`; made.Errors.Error() != want {
		t.Errorf("errors %v, want %s", made.Errors, want)
	}
}

// A folder for reports that is not there is found by check, and by a rehearsal,
// but not by a worker, which must start without it.
func TestReportFolder(t *testing.T) {
	dir := t.TempDir()
	plain, shut := filepath.Join(dir, "file"), filepath.Join(dir, "shut")
	if err := errors.Join(os.WriteFile(plain, nil, 0o600), os.Mkdir(shut, 0o500)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, folder, only, want string }{
		{"none", "", "", ""},
		{"one", dir, "", ""},
		{"missing", "/none", "", "paste.ini:8:14: [server:main] report_dir: stat /none: no such file or directory, want a folder that exists"},
		{"a file", plain, "", `paste.ini:8:14: [server:main] report_dir: "` + plain + `" is no folder, want one`},
		{"not to be written to", shut, "", `paste.ini:8:14: [server:main] report_dir: "` + shut + `": permission denied, want a folder that this user may write to`},
		{"missing, for a worker", "/none", "main", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.folder == shut && os.Geteuid() == 0 {
				t.Skip("root may write everywhere")
			}
			q := request(t, echo+serverAs("main", "report_dir = "+tt.folder+"\n"))
			q.Only = tt.only
			made, err := Make(q)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(problems(made), "\n"); got != tt.want {
				t.Errorf("errors %q, want %q", got, tt.want)
			}
		})
	}
}

func TestReportFolderOfNovaIsAWarning(t *testing.T) {
	made := makeNova(t, novaRequest(t, "[DEFAULT]\nenabled_apis = metadata\n[oslo_reports]\nlog_dir = /none\n"))
	want := "nova.conf:4:11: [oslo_reports] log_dir: stat /none: no such file or directory, want a folder that exists; the reports that SIGUSR2 asks for cannot be written"
	if len(made.Errors) > 0 || made.Warnings.Error() != want {
		t.Errorf("errors %v, warnings %v, want %s", made.Errors, made.Warnings, want)
	}
}
