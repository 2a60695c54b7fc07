package conformance

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// pair is a case that shows a planted defect, among things that do not matter.
var pair = Case{
	Files: []File{
		{"paste.ini", []byte("[DEFAULT]\na = 1\n[app:main]\nuse = config:sub/second.ini\nb = %(a)s\n[app:x]\nuse = egg:App\n")},
		{"sub/second.ini", []byte("[app:main]\nuse = egg:App\nc = %(here)s\n")},
	},
	Globals: map[string]string{"g": "1"},
}

func checker(t *testing.T, load Loader) Checker {
	t.Helper()
	oracle, err := StartOracle(filepath.Join(shared(), "oracle"))
	need(t, err)
	t.Cleanup(func() {
		if err := oracle.Close(); err != nil {
			t.Error(err)
		}
	})
	return Checker{Oracle: oracle, Load: load, Dir: t.TempDir()}
}

func TestCheckFindsPlantedDefects(t *testing.T) {
	tests := []struct {
		name, shape string
		load        Loader
	}{
		{"a wrong value", "value of protocol", func(path string, globals map[string]string) ([]byte, error) {
			text, err := load(path, globals)
			return bytes.ReplaceAll(text, []byte("paste.app_factory"), []byte("paste.app_factory1")), err
		}},
		{"globals of the caller forgotten", "missing global_conf", func(path string, _ map[string]string) ([]byte, error) {
			return load(path, nil)
		}},
		{"an error", "error", func(string, map[string]string) ([]byte, error) { return nil, errors.New("no") }},
		{"no JSON", "no JSON", func(string, map[string]string) ([]byte, error) { return []byte("{"), nil }},
		{"a panic", "panic", func(string, map[string]string) ([]byte, error) { panic("no") }},
	}
	k := checker(t, nil)
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			k := Checker{Oracle: k.Oracle, Load: tc.load, Dir: k.Dir}
			result, err := k.Check(pair)
			if err != nil {
				t.Fatal(err)
			}
			if len(result.Differences) == 0 || result.Differences[0].Shape != tc.shape {
				t.Errorf("Check = %v, want the shape %q", result.Differences, tc.shape)
			}
		})
	}
}

func TestCheckAgreesWithoutDefects(t *testing.T) {
	result, err := checker(t, load).Check(pair)
	if err != nil || len(result.Differences) > 0 {
		t.Errorf("Check = %v, %v", result.Differences, err)
	}
}

// TestOracleMendsOnly16And17 pins the second tree of an answer: INT-16 and
// INT-17 load there, a stray percent sign that a person wrote does not.
func TestOracleMendsOnly16And17(t *testing.T) {
	tests := []struct {
		name, second, ini, inner string
		raw, mended              string
	}{
		{"INT-16", "b.ini", "[DEFAULT]\nx = 50%%\n", "use = egg:App\n",
			`Error in file <here>/b.ini: '%' must be followed by '%' or '(', found: '%'`, ""},
		{"INT-17", "50%/b.ini", "", "use = egg:App\n",
			`Error in file <here>/50%/b.ini: '%' must be followed by '%' or '(', found: '%'`, ""},
		{"INT-06", "b.ini", "", "use = egg:App\na = 50%\n",
			`Error in file <here>/b.ini: '%' must be followed by '%' or '(', found: '%'`,
			`Error in file <here>/b.ini: '%' must be followed by '%' or '(', found: '%'`},
		{"INT-06 beside INT-16", "b.ini", "[DEFAULT]\nx = 50%%\n", "use = egg:App\na = %(y)s\ny = 6%x\n",
			`Error in file <here>/b.ini: '%' must be followed by '%' or '(', found: '%'`,
			`Error in file <here>/b.ini: '%' must be followed by '%' or '(', found: '%x'`},
	}
	k := checker(t, nil)
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := Case{Files: []File{
				{"a.ini", []byte(tc.ini + "[app:main]\nuse = config:" + strings.ReplaceAll(tc.second, "%", "%%25") + "\n")},
				{tc.second, []byte("[app:main]\n" + tc.inner)},
			}}
			path, err := c.Write(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			answer, err := k.Oracle.Ask(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := message(answer.Tree, "app:main"); got != tc.raw {
				t.Errorf("Tree has the error %q, want %q", got, tc.raw)
			}
			if got := message(answer.Mended, "app:main"); got != tc.mended {
				t.Errorf("Mended has the error %q, want %q", got, tc.mended)
			}
		})
	}
}

// message gives the text of the error in place of an app, if there is one.
func message(tree any, section string) string {
	apps, _ := tree.(map[string]any)["apps"].(map[string]any)
	app, _ := apps[section].(map[string]any)
	text, _ := app["message"].(string)
	return text
}

// TestOracleKeepsWhatPasteDeployKeeps pins two corners where the recorded
// oracle shows its tokens in place of what Paste Deploy has.
func TestOracleKeepsWhatPasteDeployKeeps(t *testing.T) {
	k := checker(t, nil)
	tests := []struct{ name, ini, want string }{
		{"INT-10: here of the file", "[DEFAULT]\nhere = /else\n[app:main]\nuse = egg:App\nx = %(here)s\n", "/else"},
		{"INT-10: here of the loader", "[app:main]\nuse = egg:App\nx = %(here)s\n", "<here>"},
		{"URI-07: blanks at the end of a path", "[app:main]\nuse = config:a.ini #other\n[app:other]\nuse = egg:App\nx = %(__file__)s\n", "<file>"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			path, err := Case{Files: []File{{"a.ini", []byte(tc.ini)}}}.Write(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			answer, err := k.Oracle.Ask(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := local(answer.Tree, "app:main", "x"); got != tc.want {
				t.Errorf("x = %q, want %q", got, tc.want)
			}
		})
	}
}

func local(tree any, section, option string) any {
	apps, _ := tree.(map[string]any)["apps"].(map[string]any)
	app, _ := apps[section].(map[string]any)
	conf, _ := app["local_conf"].(map[string]any)
	return conf[option]
}

func TestOracleGivesUpOnEndlessMounts(t *testing.T) {
	c := Case{Files: []File{{"a.ini", []byte("[composite:main]\nuse = egg:Paste#urlmap\n/ = config:./a.ini\n")}}}
	path, err := c.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checker(t, nil).Oracle.Ask(path, nil); !errors.Is(err, ErrUnusable) {
		t.Errorf("Ask = %v, want ErrUnusable", err)
	}
}

func TestStartOracleSaysWhatIsMissing(t *testing.T) {
	o, err := StartOracle(t.TempDir())
	if err == nil {
		t.Fatal("StartOracle without paste_tree.py succeeds", o.Close())
	}
	if !strings.Contains(err.Error(), "No module named 'paste_tree'") && !strings.Contains(err.Error(), "no such file") {
		t.Errorf("StartOracle = %v", err)
	}
}
