package plan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/echo"
	_ "github.com/wheatpaste/wheatpaste/apps/urlmap"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/service"
	_ "github.com/wheatpaste/wheatpaste/service/servers/pastehttp"
	_ "github.com/wheatpaste/wheatpaste/service/servers/wheatpaste"
)

// strange is a server that is no group of ours.
type strange struct{}

func (strange) Serve(context.Context, http.Handler) error { return nil }

func init() {
	paste.RegisterServer("egg:plantest#strange", struct{}{}, func(*paste.Build, struct{}) (paste.Server, error) { return strange{}, nil })
}

const (
	echo     = "[app:main]\nuse = egg:wheatpaste#echo\n[app:other]\nuse = egg:wheatpaste#echo\n"
	listen   = "use = egg:wheatpaste#http\nlisten = "
	defaults = "127.0.0.1:8080"
)

// request asks for a file of this text.
func request(t *testing.T, text string) Request {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("paste.ini", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Request{
		Loader: &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}, URI: "config:paste.ini",
		Options: []paste.LoadOption{paste.RelativeTo(".")},
	}
}

// summary is what a plan serves where: "main@127.0.0.1:8080=app".
func summary(r *Rehearsal) string {
	var list []string
	for _, g := range r.Groups {
		var addresses []string
		for _, a := range g.Listen {
			addresses = append(addresses, a.String())
		}
		list = append(list, g.Name+"@"+strings.Join(addresses, ",")+"="+g.Application.Context.Label())
	}
	return strings.Join(list, " ")
}

func TestWhatIsServedWhere(t *testing.T) {
	one, two := "[server:main]\n"+listen+"127.0.0.1:1\n", "[server:two]\n"+listen+"127.0.0.1:2\n"
	for _, tt := range []struct {
		name, text string
		change     func(*Request)
		want       string
	}{
		{"nothing said", echo, nil, "main@" + defaults + "=main"},
		{"a server section", echo + one, nil, "main@127.0.0.1:1=main"},
		{"the only one, whatever its name", echo + two, nil, "two@127.0.0.1:2=main"},
		{"main of several", echo + two + one, nil, "main@127.0.0.1:1=main"},
		{"one by name", echo + two + one, func(q *Request) { q.Servers = []string{"two"} }, "two@127.0.0.1:2=main"},
		{"several by name, each once", echo + two + one, func(q *Request) { q.Servers = []string{"two", "main", "two"} }, "two@127.0.0.1:2=main main@127.0.0.1:1=main"},
		{"all", echo + two + one, func(q *Request) { q.Servers = []string{"all"} }, "two@127.0.0.1:2=main main@127.0.0.1:1=main"},
		{"another application", echo + one, func(q *Request) { q.Name = new("other") }, "main@127.0.0.1:1=other"},
		{"the fragment of the URI", echo + one, func(q *Request) { q.URI += "#other" }, "main@127.0.0.1:1=other"},
		{"a name wins over the fragment", echo + one, func(q *Request) { q.URI += "#other"; q.Name = new("main") }, "main@127.0.0.1:1=main"},
		{"the server says what it serves", echo + one + "wheatpaste.app = other\n", func(q *Request) { q.Name = new("main") }, "main@127.0.0.1:1=other"},
		{"other addresses", echo + one, func(q *Request) { q.Listen = []string{"127.0.0.1:3", "unix:/x"} }, "main@127.0.0.1:3,unix:/x=main"},
		{"other addresses for the named one", echo + two + one, func(q *Request) { q.Servers = []string{"two"}; q.Listen = []string{":3"} }, "two@:3=main"},
		{"Swift's manner", "[DEFAULT]\nbind_ip = 127.0.0.2\nbind_port = 6000\n" + echo, nil, "main@127.0.0.2:6000=main"},
		{"a server section before Swift's manner", "[DEFAULT]\nbind_port = 6000\n" + echo + one, nil, "main@127.0.0.1:1=main"},
		{"an alias with its own options", echo + "[server:main]\nuse = egg:Paste#http\nport = 5000\n", nil, "main@127.0.0.1:5000=main"},
		{"a file without an application of its own", "", func(q *Request) { q.URI = "egg:wheatpaste#echo" }, "main@" + defaults + "=egg:wheatpaste#echo"},
		{"the same elsewhere", "", func(q *Request) { q.URI = "egg:wheatpaste#echo"; q.Listen = []string{":1"} }, "main@:1=egg:wheatpaste#echo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := request(t, tt.text)
			if tt.change != nil {
				tt.change(&q)
			}
			made, err := Make(q)
			if err != nil || len(made.Errors) > 0 {
				t.Fatalf("errors %v %v", err, made)
			}
			if got := summary(made); got != tt.want {
				t.Errorf("the plan is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWorkersReplaceThoseOfTheFile(t *testing.T) {
	q := request(t, echo+"[server:main]\nuse = egg:wheatpaste#http\nworkers = 7\n")
	made, err := Make(q)
	if err != nil || made.Groups[0].Workers != 7 {
		t.Fatalf("workers of the file: %v, error %v", made.Groups[0].Workers, err)
	}
	workers := service.Workers(3)
	q.Workers = &workers
	made, err = Make(q)
	if err != nil || made.Groups[0].Workers != 3 {
		t.Errorf("workers of the command line: %v, error %v", made.Groups[0].Workers, err)
	}
}

func TestMistakesOfTheCommandLine(t *testing.T) {
	several := echo + "[server:one]\n" + listen + ":1\n[server:two]\n" + listen + ":2\n"
	for _, tt := range []struct {
		name, text string
		change     func(*Request)
		want       string
	}{
		{"several servers", several, func(*Request) {}, "the file has the servers one, two and no [server:main], want --server-name NAME or --server-name all"},
		{"one address for several servers", several, func(q *Request) { q.Servers = []string{"all"}; q.Listen = []string{":3"} }, "--listen with several servers, want --server-name NAME for one of them"},
		{"an address that is none", echo, func(q *Request) { q.Listen = []string{"x"} }, `--listen: invalid listen address "x": no port, want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME`},
		{"the same without a file", echo, func(q *Request) { q.URI = "egg:wheatpaste#echo"; q.Listen = []string{"x"} }, `--listen: invalid listen address "x": no port, want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := request(t, tt.text)
			tt.change(&q)
			if _, err := Make(q); !errors.Is(err, ErrUsage) || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// problems are the errors of a rehearsal with their places.
func problems(r *Rehearsal) []string {
	var list []string
	for _, e := range r.Errors {
		list = append(list, e.Error())
	}
	return list
}

func TestEveryErrorIsKept(t *testing.T) {
	unknown := func(line int, section, ref string) string {
		return fmt.Sprintf("paste.ini:%d:7: [%s] use: no Go factory is registered for %s; remove it, write and register it in Go (docs/plugins.md), or serve a stub with --missing stub", line, section, ref)
	}
	for _, tt := range []struct {
		name, text string
		change     func(*Request)
		want       []string
	}{
		{"of the server and of the application that it names", "[app:a]\nuse = egg:nobody#a\n[server:main]\nuse = egg:wheatpaste#http\nprot = 1\nwheatpaste.app = a\n", nil, []string{
			"paste.ini:5:8: [server:main] prot: unknown option, did you mean port?", unknown(2, "app:a", "egg:nobody#a"),
		}},
		{"of a server that does not load", echo + "[server:main]\nuse = lost\n", nil, []string{
			"paste.ini:6:7: [server:main] use: No section 'lost' (prefixed by 'server') found in config ./paste.ini; the file has [server:main]",
		}},
		{"of a server that is not registered", echo + "[server:main]\nuse = egg:nobody#s\n", nil, []string{unknown(6, "server:main", "egg:nobody#s")}},
		{"of a server of another kind", echo + "[server:main]\nuse = egg:plantest#strange\n", nil, []string{
			"paste.ini:5:1: [server:main] use: egg:plantest#strange is a server of its own kind, which serve does not run; want egg:wheatpaste#http or one of its aliases",
		}},
		{"of files that the server names", echo + "[server:main]\nuse = egg:wheatpaste#http\ncert_file = missing.pem\naccess_log = missing/log\n", nil, []string{
			"paste.ini:7:13: [server:main] cert_file: open missing.pem: no such file or directory, want PEM files with a certificate and its key",
			"paste.ini:8:14: [server:main] access_log: stat missing: no such file or directory, want stdout, off or a path in a folder that exists",
		}},
		{"of Swift's options", "[DEFAULT]\nbind_port = high\n[app:main]\nuse = egg:nobody#a\n", nil, []string{
			`paste.ini:2:13: [DEFAULT] bind_port: invalid listen address "0.0.0.0:high": port "high" is no number from 0 to 65535, want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME`,
			unknown(4, "app:main", "egg:nobody#a"),
		}},
		{"of files that Swift's options name", "[DEFAULT]\nbind_port = 1\ncert_file = missing.pem\n" + echo, nil, []string{
			"paste.ini:3:13: [DEFAULT] cert_file: open missing.pem: no such file or directory, want PEM files with a certificate and its key",
		}},
		{"of an application that is not there", echo, func(q *Request) { q.Name = new("lost") }, []string{
			"paste.ini: No section 'lost' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config ./paste.ini; the file has [app:main], [app:other]",
		}},
		{"of an application that a server names", echo + "[server:main]\nuse = egg:wheatpaste#http\nwheatpaste.app = lost\n", nil, []string{
			"paste.ini:7:18: [server:main] wheatpaste.app: No section 'lost' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config ./paste.ini; the file has [app:main], [app:other]",
		}},
		{"without a file", "", func(q *Request) { q.URI = "egg:nobody#a" }, []string{
			"no Go factory is registered for egg:nobody#a; remove it, write and register it in Go (docs/plugins.md), or serve a stub with --missing stub",
		}},
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
			if got := problems(made); !slices.Equal(got, tt.want) {
				t.Errorf("errors\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestAFileThatDoesNotOpen(t *testing.T) {
	q := request(t, echo)
	q.URI = "config:missing.ini"
	if _, err := Make(q); err == nil || err.Error() != "missing.ini: No such file or directory" || errors.Is(err, ErrUsage) {
		t.Errorf("error %v", err)
	}
}

// What is not registered becomes a stub, with a warning: a server, too.
func TestStubs(t *testing.T) {
	q := request(t, "[app:main]\nuse = egg:nobody#a\n[server:main]\nuse = egg:nobody#s\nhost = 127.0.0.3\nport = 99\n")
	q.Loader.Missing = pipeline.MissingStub
	made, err := Make(q)
	if err != nil || len(made.Errors) > 0 {
		t.Fatalf("error %v, %v", err, made.Errors)
	}
	if got, want := summary(made), "main@127.0.0.3:99=main"; got != want {
		t.Errorf("the plan is %s, want %s", got, want)
	}
	want := []string{
		"paste.ini:4:7: [server:main] use: no Go factory is registered for egg:nobody#s; this program's own server takes its place, on 127.0.0.3:99",
		"paste.ini:2:7: [app:main] use: no Go factory is registered for egg:nobody#a; a stub answers 501",
	}
	var got []string
	for _, w := range made.Warnings {
		got = append(got, w.Error())
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSwiftOptionsWithoutMeaningAreWarnings(t *testing.T) {
	made, err := Make(request(t, "[DEFAULT]\nbind_port = 1\nbind_timeout = 30\n"+echo))
	if err != nil || len(made.Warnings) != 1 {
		t.Fatalf("error %v, warnings %v", err, made.Warnings)
	}
	want := "paste.ini:3:16: [DEFAULT] bind_timeout: has no meaning here: an address in use is an error at once"
	if got := made.Warnings[0].Error(); got != want {
		t.Errorf("warning %s, want %s", got, want)
	}
}

func TestFilesAreListed(t *testing.T) {
	q := request(t, "[app:main]\nuse = config:other.ini\n")
	if err := os.WriteFile("other.ini", []byte(echo), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := Make(q)
	if err != nil || len(made.Files) != 2 || !strings.HasSuffix(made.Files[0].Path, "/other.ini") || !strings.HasSuffix(made.Files[1].Path, "/paste.ini") {
		t.Errorf("files %v, error %v", made.Files, err)
	}
}

// Without a name and without main, All means what nothing uses, and every
// server.
func TestAll(t *testing.T) {
	rootless := "[composite:top]\nuse = egg:Paste#urlmap\n/ = used\n[app:used]\nuse = egg:wheatpaste#echo\n[app:alone]\nuse = egg:wheatpaste#echo\n"
	servers := "[server:one]\n" + listen + ":1\n[server:two]\n" + listen + ":2\nwheatpaste.app = used\n"
	for _, tt := range []struct {
		name, text    string
		change        func(*Request)
		apps, servers string
	}{
		{"main alone", echo, nil, "[main]", "[]"},
		{"what nothing uses", rootless, nil, "[top alone]", "[]"},
		{"every server", rootless + servers, nil, "[top alone used]", "[one two]"},
		{"those that are named", rootless + servers, func(q *Request) { q.Servers = []string{"two"} }, "[used]", "[two]"},
		{"the application that is named, also when no server has it", rootless + servers, func(q *Request) { q.Servers = []string{"two"}; q.Name = new("alone") }, "[used alone]", "[two]"},
		{"main of the servers", echo + servers + "[server:main]\n" + listen + ":3\n", nil, "[main]", "[main]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := request(t, tt.text)
			q.All = true
			if tt.change != nil {
				tt.change(&q)
			}
			made, err := Make(q)
			if err != nil || len(made.Errors) > 0 {
				t.Fatalf("error %v, %v", err, made.Errors)
			}
			if apps, servers := fmt.Sprint(made.Apps), fmt.Sprint(made.Servers); apps != tt.apps || servers != tt.servers {
				t.Errorf("apps %s, servers %s, want %s and %s", apps, servers, tt.apps, tt.servers)
			}
		})
	}
}
