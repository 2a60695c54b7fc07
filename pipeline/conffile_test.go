package pipeline_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// confOptions has an option of each type that conf files write in their own way.
type confOptions struct {
	Size   paste.Size      `paste:"size,global" conf:"g.size,g.old_size,DEFAULT.older_size" help:"a size"`
	Flag   bool            `paste:"flag" conf:"g.flag" help:"a flag"`
	Words  []string        `paste:"words" conf:"g.words" help:"words"`
	Commas paste.CommaList `paste:"commas" conf:"g.commas" help:"a list"`
	Codes  []int           `paste:"codes" conf:"g.codes" help:"numbers"`
	Number int             `paste:"number" conf:"g.number" help:"a number"`
	Maybe  *int            `paste:"maybe" conf:"g.maybe" help:"a number or none"`
	Wait   time.Duration   `paste:"wait" conf:"g.wait" help:"a time"`
	Pin    int             `paste:"pin,secret" conf:"g.pin" help:"a secret"`
	Text   string          `paste:"text" conf:"service:x.text" help:"a text"`
	Plain  string          `paste:"plain" help:"not in conf files"`
	Group  string          `paste:"group" help:"a group to read"`
	Refuse string          `paste:"refuse" help:"an option to refuse"`
}

// written is what a factory has got.
func written(o confOptions) string {
	maybe := "nil"
	if o.Maybe != nil {
		maybe = fmt.Sprint(*o.Maybe)
	}
	return fmt.Sprintf("size=%d flag=%v words=%q commas=%q codes=%v number=%d maybe=%s wait=%s text=%q plain=%q",
		o.Size, o.Flag, o.Words, []string(o.Commas), o.Codes, o.Number, maybe, o.Wait, o.Text, o.Plain)
}

func confRegistry() *paste.Registry {
	var reg paste.Registry
	paste.RegisterApp("test:conf", confOptions{Size: 1, Number: 7}, func(b *paste.Build, o confOptions) (http.Handler, error) {
		if o.Refuse != "" {
			return nil, paste.BadOption(o.Refuse, "refused, want another")
		}
		out := written(o)
		for _, read := range []func(string, any) error{b.ReadConf, b.ReadOptions} {
			if o.Group == "" {
				break
			}
			into := confOptions{Number: 8}
			if err := read(o.Group, &into); err != nil {
				return nil, err
			}
			out += "\n" + written(into)
		}
		groups, err := b.ConfGroups()
		if err != nil {
			return nil, err
		}
		names, _ := b.ConfNames("g")
		files, _ := b.ConfFiles()
		out += fmt.Sprintf("\n%q %q %d files", groups, names, len(files))
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, out) }), nil
	}, paste.In(&reg))
	return &reg
}

// confAnswer loads a paste file with the conf file x.conf beside it, and the
// conf file of the process.
func confAnswer(t *testing.T, ini, conf, process string) string {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"x.conf": conf, "process.conf": process} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loader := &pipeline.Loader{Factories: confRegistry(), Logger: slog.New(slog.DiscardHandler)}
	if process != "" {
		c, err := osloconf.Load([]string{"process.conf"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		loader.Conf = osloconf.NewLookup(new(snapshot.Files), c).Open
	}
	app, err := pipelinetest.TryWith(t, loader, ini)
	if err != nil {
		return err.Error()
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	out := rec.Body.String()
	for _, w := range app.Warnings() {
		_, file := filepath.Split(w.Error())
		out += "\nwarning " + file
	}
	return out
}

func TestOptionsOfConfFiles(t *testing.T) {
	const (
		app   = "[app:main]\npaste.app_factory = test:conf\n"
		named = app + "oslo_config_file = x.conf\n"
		none  = `size=1 flag=false words=[] commas=[] codes=[] number=7 maybe=nil wait=0s text="" plain=""`
	)
	tests := []struct{ name, ini, conf, process, want string }{
		{"no conf file", app, "", "", none + "\n[] [] 0 files"},
		{"a file that sets nothing", named, "", "", none + "\n[] [] 1 files"},
		{"every type", named, "[g]\nsize = 1k\nflag = YES\nwords = a b, c,\ncommas = d, e\ncodes = 1,2\nnumber = 3\nmaybe = 4\nwait = 1.5\nplain = x\n[Service:X]\ntext = ' t '\n", "",
			`size=1024 flag=true words=["a b" "c"] commas=["d" "e"] codes=[1 2] number=3 maybe=4 wait=1.5s text=" t " plain=""` + "\n" +
				`["g" "Service:X"] ["size" "flag" "words" "commas" "codes" "number" "maybe" "wait" "plain"] 1 files`},
		{"the section goes first, then the globals", "[DEFAULT]\nsize = 5\nflag = true\n" + named + "number = 6\n", "[g]\nsize = 9\nflag = off\nnumber = 9\nwait = 9\n", "",
			`size=5 flag=false words=[] commas=[] codes=[] number=6 maybe=nil wait=9s text="" plain=""` + "\n" + `["g"] ["size" "flag" "number" "wait"] 1 files`},
		{"numbers that are set to nothing", named, "[g]\nnumber =\nmaybe =\n", "",
			`size=1 flag=false words=[] commas=[] codes=[] number=0 maybe=nil wait=0s text="" plain=""` + "\n" + `["g"] ["number" "maybe"] 1 files`},
		{"the file of the process", app, "", "[g]\nnumber = 2\n", strings.Replace(none, "number=7", "number=2", 1) + "\n" + `["g"] ["number"] 1 files`},
		{"a named file in place of the process's", named, "[g]\nmaybe = 1\n", "[g]\nnumber = 2\n", strings.Replace(none, "maybe=nil", "maybe=1", 1) + "\n" + `["g"] ["maybe"] 1 files`},
		{"named by the globals", "[DEFAULT]\noslo_config_file = x.conf\n" + app, "[g]\nmaybe = 1\n", "", strings.Replace(none, "maybe=nil", "maybe=1", 1) + "\n" + `["g"] ["maybe"] 1 files`},
		{"an empty name is none", app + "oslo_config_file =\n", "", "[g]\nmaybe = 1\n", strings.Replace(none, "maybe=nil", "maybe=1", 1) + "\n" + `["g"] ["maybe"] 1 files`},
		{"an old name", named, "[g]\nold_size = 2\n", "", strings.Replace(none, "size=1", "size=2", 1) + "\n" + `["g"] ["old_size"] 1 files` + "\nwarning x.conf:2:12: [g] old_size: deprecated name, want size in [g]"},
		{"an old name in another group", named, "[DEFAULT]\nolder_size = 2\n", "", strings.Replace(none, "size=1", "size=2", 1) + "\n" + `["DEFAULT"] [] 1 files` + "\nwarning x.conf:2:14: [DEFAULT] older_size: deprecated name, want size in [g]"},
		{"names of other options", named, "[DEFAULT]\nhost = h\n[g]\ncommas = $host, ${g.number}\nnumber = 5\n", "",
			`size=1 flag=false words=[] commas=["h" "5"] codes=[] number=5 maybe=nil wait=0s text="" plain=""` + "\n" + `["DEFAULT" "g"] ["commas" "number"] 1 files`},
		{"another group", named + "group = other\nnumber = 1\n", "[g]\nnumber = 2\n[other]\nnumber = 3\nmaybe = 4\nold_size = 6\n[DEFAULT]\nolder_size = 5\n", "",
			strings.Replace(strings.Replace(none, "size=1", "size=5", 1), "number=7", "number=1", 1) + "\n" +
				`size=6 flag=false words=[] commas=[] codes=[] number=3 maybe=4 wait=0s text="" plain=""` + "\n" +
				`size=6 flag=false words=[] commas=[] codes=[] number=1 maybe=4 wait=0s text="" plain=""` + "\n" +
				`["g" "other" "DEFAULT"] ["number"] 1 files` + "\nwarning x.conf:8:14: [DEFAULT] older_size: deprecated name, want size in [g]" +
				"\nwarning x.conf:6:12: [other] old_size: deprecated name, want size in [other]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := confAnswer(t, tt.ini, tt.conf, tt.process); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestErrorsOfConfFiles(t *testing.T) {
	const named = "[app:main]\npaste.app_factory = test:conf\noslo_config_file = x.conf\n"
	tests := []struct{ name, ini, conf, want string }{
		{"a boolean", named, "[g]\nflag = y\n", `x.conf:2:8: [g] flag: invalid boolean "y", want true, 1, on, yes or false, 0, off, no`},
		{"a number", named, "[g]\nnumber = x\n", "x.conf:2:10: [g] number: Bad integer value: 'x', want a whole number"},
		{"a list", named, "[g]\ncodes = 1, x\n", "x.conf:2:9: [g] codes: Bad integer value: 'x', want a whole number"},
		{"an old name", named, "[g]\nold_size = x\n", `x.conf:2:12: [g] old_size: invalid size "x", want bytes or a number with k, m or g`},
		{"a secret", named, "[g]\npin = hunter2\n", "x.conf:2:7: [g] pin: invalid value, want integer"},
		{"all of them", named, "[g]\nflag = y\nnumber = x\n",
			"x.conf:2:8: [g] flag: invalid boolean \"y\", want true, 1, on, yes or false, 0, off, no\nx.conf:3:10: [g] number: Bad integer value: 'x', want a whole number"},
		{"an unknown name in a value", named, "[g]\nwords = $x\n", `x.conf:2:9: [g] words: unknown name "x", want an option that is set or has a default or $$ for a dollar sign`},
		{"the syntax", named, "[g]\nflag\n", `x.conf:2:1: [g] no ':' or '=' found in assignment after "flag", want name = value`},
		{"a file that is not there", strings.Replace(named, "x.conf", "y.conf", 1), "", "paste.ini:3:20: [app:main] oslo_config_file: y.conf: no such file or directory, want a readable file"},
		{"the same in the globals", "[DEFAULT]\noslo_config_file = y.conf\n" + strings.Replace(named, "oslo_config_file = x.conf\n", "", 1), "", "paste.ini:2:20: [DEFAULT] oslo_config_file: y.conf: no such file or directory, want a readable file"},
		{"what the factory refuses", named + "refuse = number\n", "[g]\nnumber = 1\n", "x.conf:2:10: [g] number: refused, want another"},
		{"what the factory refuses in the section", named + "refuse = number\nnumber = 1\n", "[g]\nnumber = 2\n", "paste.ini:5:10: [app:main] number: refused, want another"},
		{"another group", named + "group = other\n", "[other]\nnumber = x\n", "x.conf:2:10: [other] number: Bad integer value: 'x', want a whole number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := confAnswer(t, tt.ini, tt.conf, ""); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestProjectWithoutConfFile(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	got := confAnswer(t, "[app:main]\npaste.app_factory = test:conf\noslo_config_project = wheatpaste-test\n", "", "[g]\nnumber = 2\n")
	want := `size=1 flag=false words=[] commas=[] codes=[] number=7 maybe=nil wait=0s text="" plain=""` + "\n[] [] 0 files" +
		"\n" + `warning paste.ini:3:23: [app:main] oslo_config_project: no conf file of "wheatpaste-test" was found, the defaults of all options count`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
