package osloconf

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

func TestTypes(t *testing.T) {
	const bad = "0.conf:2:5: [g] o: "
	for _, test := range []struct {
		kind, text string
		want       any
		err        string
	}{
		{"int", "42", 42, ""},
		{"int", `" +1_000 "`, 1000, ""},
		{"int", "-007", -7, ""},
		{"int", "", 0, ""},
		{"int", "0x10", 0, bad + `invalid integer "0x10", want a whole number`},
		{"int", "1.0", 0, bad + `invalid integer "1.0", want a whole number`},
		{"int", "1__0", 0, bad + `invalid integer "1__0", want a whole number`},
		{"int", "+ 5", 0, bad + `invalid integer "+ 5", want a whole number`},
		{"int", "9223372036854775808", 0, bad + `invalid integer "9223372036854775808", want a number from -9223372036854775808 to 9223372036854775807`},
		{"int", "x" + strings.Repeat("y", 99), 0, bad + `invalid integer "x` + strings.Repeat("y", 39) + `...", want a whole number`},
		{"port", "65535", 65535, ""},
		{"port", "0", 0, ""},
		{"port", "65536", 0, bad + `invalid port "65536", want a whole number from 0 to 65535`},
		{"port", "-1", 0, bad + `invalid port "-1", want a whole number from 0 to 65535`},
		{"port", "http", 0, bad + `invalid port "http", want a whole number from 0 to 65535`},
		{"float", "1_0.5e1_0", 10.5e10, ""},
		{"float", ".5", 0.5, ""},
		{"float", "5.", 5.0, ""},
		{"float", "1e999", math.Inf(1), ""},
		{"float", "-Infinity", math.Inf(-1), ""},
		{"float", "", 0.0, ""},
		{"float", "0x1p3", 0.0, bad + `invalid number "0x1p3", want a number such as 1.5`},
		{"float", ".", 0.0, bad + `invalid number ".", want a number such as 1.5`},
		{"duration", "60", time.Minute, ""},
		{"duration", "0.5", 500 * time.Millisecond, ""},
		{"duration", "-1", time.Duration(0), bad + `invalid duration "-1", want a number of seconds, 0 or more`},
		{"duration", "1m", time.Duration(0), bad + `invalid duration "1m", want a number of seconds, 0 or more`},
		{"duration", "nan", time.Duration(0), bad + `invalid duration "nan", want a number of seconds, 0 or more`},
		{"duration", "1e30", time.Duration(0), bad + `invalid duration "1e30", want a number of seconds, 0 or more`},
		{"duration", "9223372035", 9223372035 * time.Second, ""},
		{"bool", "True", true, ""},
		{"bool", "1", true, ""},
		{"bool", "ON", true, ""},
		{"bool", "yes", true, ""},
		{"bool", "false", false, ""},
		{"bool", "0", false, ""},
		{"bool", "Off", false, ""},
		{"bool", "NO", false, ""},
		{"bool", "y", false, bad + `invalid boolean "y", want true, 1, on, yes or false, 0, off, no`},
		{"bool", `" true"`, false, bad + `invalid boolean " true", want true, 1, on, yes or false, 0, off, no`},
		{"list", "a , b,c", []string{"a", "b", "c"}, ""},
		{"list", "a,,b,,", []string{"a", "", "b"}, ""},
		{"list", "a, ,", []string{"a", ""}, ""},
		{"list", ",", []string(nil), ""},
		{"list", "[a,b]", []string{"[a", "b]"}, ""},
		{"list", `"a","b"`, []string{`a"`, `"b`}, ""},
		{"list", "x\n y,\n z", []string{"x\ny", "z"}, ""},
		{"string", "a $$ b", "a $ b", ""},
	} {
		t.Run(test.kind+" "+test.text, func(t *testing.T) {
			c := load(t, "[g]\no = "+test.text+"\n")
			got, err := byKind(c, test.kind, Option{Group: "g", Name: "o"})
			if !reflect.DeepEqual(got, test.want) || text(err) != test.err {
				t.Errorf("%s of %q = %#v, %v, want %#v, %s", test.kind, test.text, got, err, test.want, test.err)
			}
		})
	}
}

func byKind(c *Config, kind string, o Option) (any, error) {
	switch kind {
	case "int":
		return c.Int(o)
	case "port":
		return c.Port(o)
	case "float":
		return c.Float(o)
	case "duration":
		return c.Duration(o)
	case "bool":
		return c.Bool(o)
	case "list":
		return c.List(o)
	case "multi":
		return c.Multi(o)
	}
	return c.String(o)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNeitherSetNorDefaultIsZero(t *testing.T) {
	c := load(t, "")
	for kind, want := range map[string]any{"int": 0, "port": 0, "float": 0.0, "duration": time.Duration(0), "bool": false,
		"list": []string(nil), "multi": []string(nil), "string": ""} {
		if got, err := byKind(c, kind, Option{Name: "o"}); !reflect.DeepEqual(got, want) || err != nil {
			t.Errorf("%s = %#v, %v, want %#v", kind, got, err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := load(t, "[g]\nhost = h\n")
	o := Option{Group: "g", Name: "url", Default: `"http://$host/"`}
	if got, err := c.String(o); got != `"http://h/"` || err != nil {
		t.Errorf("String = %q, %v, want the quotes of a default to stay", got, err)
	}
	if got, err := c.Multi(Option{Name: "m", Default: "a,b\n$$c"}); !slices.Equal(got, []string{"a,b", "$c"}) || err != nil {
		t.Errorf("Multi = %q, %v, want two values", got, err)
	}
	want := `[g] n: invalid integer "x", want a whole number`
	if _, err := c.Int(Option{Group: "g", Name: "n", Default: "x"}); text(err) != want {
		t.Errorf("Int = %v, want %s", err, want)
	}
}

func TestNames(t *testing.T) {
	c := load(t, "[Mixed]\nfoo_bar=under\nfoo-bar=hyphen\nFoo_Bar=upper\n[default]\na=lower\n")
	for _, test := range []struct {
		option Option
		want   string
	}{
		{Option{Group: "mixed", Name: "foo_bar"}, "under"},
		{Option{Group: "MIXED", Name: "foo-bar"}, "under"},
		{Option{Group: "mixed", Name: "FOO_BAR"}, ""},
		{Option{Group: "mixed", Name: "Foo_Bar"}, "upper"},
		{Option{Name: "a"}, ""},
		{Option{Group: "DEFAULT", Name: "a"}, ""},
		{Option{Group: "Default", Name: "a"}, "lower"},
	} {
		if got, err := c.String(test.option); got != test.want || err != nil {
			t.Errorf("String(%+v) = %q, %v, want %q", test.option, got, err, test.want)
		}
	}
}

func TestDeprecatedNames(t *testing.T) {
	for _, test := range []struct {
		name     string
		texts    []string
		old      []Name
		want     string
		warnings string
	}{
		{"the name wins in a file", []string{"[g]\nold=1\nnew=2\n"}, []Name{{Name: "old"}}, "2", ""},
		{"a later file wins over the name", []string{"[g]\nnew=2\n", "[G]\nold=1\n"}, []Name{{Name: "old"}}, "1",
			"1.conf:2:5: [G] old: deprecated name, want new in [g]"},
		{"the first deprecated name wins", []string{"[h]\no2=2\n[g]\no1=1\n"}, []Name{{Name: "o1"}, {Group: "H", Name: "o2"}}, "1",
			"0.conf:4:4: [g] o1: deprecated name, want new in [g]"},
		{"without a group it is one of the option's", []string{"[DEFAULT]\nold=1\n"}, []Name{{Name: "old"}}, "", ""},
		{"DEFAULT is named", []string{"[DEFAULT]\nold=1\n"}, []Name{{Group: "DEFAULT", Name: "old"}}, "1",
			"0.conf:2:5: [DEFAULT] old: deprecated name, want new in [g]"},
		{"moved", []string{"[Old]\nnew=1\n"}, []Name{{Group: "OLD"}}, "1", "0.conf:2:5: [Old] new: deprecated name, want new in [g]"},
		{"a hyphen counts as underscore too", []string{"[g]\nold_name=1\n"}, []Name{{Name: "old-name"}}, "1",
			"0.conf:2:10: [g] old_name: deprecated name, want new in [g]"},
		{"a hyphen as written", []string{"[g]\nold-name=1\n"}, []Name{{Name: "old-name"}}, "1",
			"0.conf:2:10: [g] old-name: deprecated name, want new in [g]"},
		{"no hyphen for an underscore", []string{"[g]\nold-name=1\n"}, []Name{{Name: "old_name"}}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, test.texts...)
			o := Option{Group: "g", Name: "new", Deprecated: test.old}
			for range 2 { // warned of once
				if got, err := c.String(o); got != test.want || err != nil {
					t.Errorf("String = %q, %v, want %q", got, err, test.want)
				}
			}
			if got := c.Warnings().Error(); got != test.warnings {
				t.Errorf("warnings:\n%s\nwant\n%s", got, test.warnings)
			}
		})
	}
}

func TestMultiCollects(t *testing.T) {
	c := load(t, "[DEFAULT]\nnew=1\nold=2\nnew=\nnew=$x,y\n", "[DEFAULT]\nold=4\n", "[DEFAULT]\nx=5\n")
	o := Option{Name: "new", Type: Multi, Deprecated: []Name{{Name: "old"}}}
	want := []string{"2", "1", "", "5,y", "4"}
	if got, err := c.Multi(o); !slices.Equal(got, want) || err != nil {
		t.Errorf("Multi = %q, %v, want %q", got, err, want)
	}
	if got, err := c.String(o); got != "4" || err != nil {
		t.Errorf("String = %q, %v, want the last, 4", got, err)
	}
	if n := len(c.Warnings()); n != 1 {
		t.Errorf("%d warnings, want 1 for the name", n)
	}
}

func TestErrorIsTyped(t *testing.T) {
	c := load(t, "[api]\nport=x\n")
	_, err := c.Port(Option{Group: "api", Name: "port"})
	var e *paste.Error
	if !errors.As(err, &e) || e.Pos != (paste.Pos{File: "0.conf", Line: 2, Col: 6}) || e.Section != "api" || e.Option != "port" || !errors.Is(err, paste.ErrOption) {
		t.Errorf("Port = %#v, want a *paste.Error with its place", err)
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	const place = "0.conf:2:"
	for _, test := range []struct {
		text   string
		option Option
		want   string
	}{
		{"admin_password=hunter2", Option{Name: "admin_password"}, place + "16: [DEFAULT] admin_password: invalid integer (a secret, not shown), want a whole number"},
		{"pin=hunter2", Option{Name: "pin", Secret: true}, place + "5: [DEFAULT] pin: invalid integer (a secret, not shown), want a whole number"},
		{"n=${b}\nb=$admin_password\nadmin_password=hunter2", Option{Name: "n"}, place + "3: [DEFAULT] n: invalid integer (a secret, not shown), want a whole number"},
		{"n=amqp://u:hunter2@mq/" + strings.Repeat("v", 40), Option{Name: "n"}, place + `3: [DEFAULT] n: invalid integer "amqp://u:****@mq/vvvvvvvvvvvvvvvvvvvvvvv...", want a whole number`},
		{"n=$pin\npin=$$hunter2", Option{Name: "n"}, "0.conf:3:5: [DEFAULT] pin: invalid integer (a secret, not shown), want a whole number; reached by n > pin"},
	} {
		c := load(t, "[DEFAULT]\n"+test.text+"\n")
		c.Declare(Option{Name: "pin", Secret: true, Type: Int})
		if _, err := c.Int(test.option); text(err) != test.want {
			t.Errorf("Int of %q = %v, want %s", test.text, err, test.want)
		}
	}
}

func TestReaderKeepsAllErrors(t *testing.T) {
	c := load(t, "[g]\na=x\nb=y\nc=7\nd=$nope\nl=1,2\nf=1.5\ns=text\nm=1\nm=2\nt=on\np=80\n")
	o := func(name string) Option { return Option{Group: "g", Name: name} }
	r := c.Read()
	got := fmt.Sprint(r.Int(o("a")), r.Bool(o("b")), r.Int(o("c")), r.String(o("d")), r.List(o("l")), r.Float(o("f")),
		r.Duration(o("f")), r.String(o("s")), r.Multi(o("m")), r.Bool(o("t")), r.Port(o("p")), r.Int(o("a")))
	if want := "0 false 7[1 2] 1.5 1.5stext[1 2] true 80 0"; got != want {
		t.Errorf("values %q, want %q", got, want)
	}
	r.Bad(o("c"), "%d workers, want at most 4", 7)
	r.Bad(o("unset"), "missing, want a name")
	want := strings.Join([]string{
		`0.conf:2:3: [g] a: invalid integer "x", want a whole number`,
		`0.conf:3:3: [g] b: invalid boolean "y", want true, 1, on, yes or false, 0, off, no`,
		`0.conf:5:3: [g] d: unknown name "nope", want an option that is set or has a default or $$ for a dollar sign`,
		`0.conf:4:3: [g] c: 7 workers, want at most 4`,
		`[g] unset: missing, want a name`,
	}, "\n")
	if text(r.Err()) != want {
		t.Errorf("Err:\n%v\nwant\n%s", r.Err(), want)
	}
	if err := c.Read().Err(); err != nil {
		t.Errorf("Err of a new Reader = %v, want nil", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	c := load(t, "[g]\nold=$x\nx=1\n")
	o := Option{Group: "g", Name: "new", Deprecated: []Name{{Name: "old"}}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c.Declare(o)
			if got, err := c.Int(o); got != 1 || err != nil {
				t.Errorf("Int = %d, %v, want 1", got, err)
			}
			for s := range c.All() {
				_ = s.Masked()
			}
		})
	}
	wg.Wait()
	if n := len(c.Warnings()); n != 1 {
		t.Errorf("%d warnings, want 1", n)
	}
}
