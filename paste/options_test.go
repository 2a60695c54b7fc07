package paste

import (
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// everything has an option of each type.
type everything struct {
	Text     string         `paste:"text" help:"a text"`
	Flag     bool           `paste:"flag" help:"a flag"`
	Number   int            `paste:"number" help:"a number"`
	Small    int32          `paste:"small" help:"a small number"`
	Ratio    float64        `paste:"ratio" help:"a ratio"`
	Wait     time.Duration  `paste:"wait" help:"a time"`
	Max      Size           `paste:"max" help:"a size" old:"limit,maximum"`
	Words    []string       `paste:"words" help:"words"`
	Codes    []int          `paste:"codes" help:"codes"`
	Nets     []netip.Prefix `paste:"nets" help:"networks"`
	Addr     netip.Addr     `paste:"addr" help:"an address"`
	Methods  CommaList      `paste:"methods" help:"methods"`
	Maybe    *bool          `paste:"maybe" help:"three states"`
	Debug    bool           `paste:"debug,global" help:"debug"`
	Password string         `paste:"pw,secret" help:"the word"`
	Pin      int            `paste:"pin,secret" help:"the number"`
	Token    int            `paste:"auth_token" help:"secret by its name"`
	Needed   string         `paste:"needed,required" help:"what is needed"`
	Headers  *Conf          `paste:"header *" help:"headers"`

	Ignored string
}

var defaultsOfEverything = everything{
	Text: "x", Number: 7, Wait: 90 * time.Second, Max: 64 << 10, Words: []string{"a", "b"}, Methods: CommaList{"GET", "PUT"}, Ratio: 0.5,
}

func everythingFactory() *Factory {
	var reg Registry
	RegisterApp("egg:E#e", defaultsOfEverything, func(*Build, everything) (http.Handler, error) { return http.NotFoundHandler(), nil },
		In(&reg), Alias("strict:alias"), LooseAlias("loose:alias"))
	return reg.Factories()[0]
}

func confOf(pairs ...string) *Conf {
	c := &Conf{}
	for i := 0; i < len(pairs); i += 2 {
		c.Set(pairs[i], Value{Text: pairs[i+1], via: ViaSection})
	}
	return c
}

// confFrom is an option that the caller gave.
func confFrom(key, text string) *Conf { return NewConf(map[string]string{key: text}) }

func TestDecode(t *testing.T) {
	f := everythingFactory()
	yes := true
	want := defaultsOfEverything
	want.Text, want.Flag, want.Number, want.Small, want.Ratio = " keep ", true, -3, 5, 0.25
	want.Wait, want.Max = 1500*time.Millisecond, 10<<20
	want.Words, want.Codes = []string{"c,", "d"}, []int{404, 500}
	want.Nets = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	want.Addr, want.Methods, want.Maybe, want.Debug = netip.MustParseAddr("127.0.0.1"), CommaList{"PATCH"}, &yes, true
	want.Password, want.Pin, want.Token, want.Needed = "hunter2", 1, 2, ""
	want.Headers = confOf("X-A", "1", "X-B", "2")
	local := confOf("text", " keep ", "flag", "on", "number", "-3", "small", "5", "ratio", "0.25", "wait", "1.5", "max", "10M",
		"words", "c, d", "codes", "404, 500", "nets", "10.0.0.0/8,\n::1/128", "addr", " 127.0.0.1 ", "methods", "PATCH", "maybe", "t",
		"pw", "hunter2", "pin", "1", "auth_token", "2", "needed", "", "header X-A", "1", "header   X-B", "2")
	got, errs := f.decode(&reading{local: local, global: confOf("debug", "true", "text", "not taken"), loose: false, warn: func(o, p string) { t.Errorf("warning about %s: %s", o, p) }})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decode\n got %+v\nwant %+v", got, want)
	}
	t.Run("what is not given keeps the default", func(t *testing.T) {
		got, errs := f.decode(&reading{local: confOf("needed", "1"), global: nil, loose: false, warn: nil})
		want := defaultsOfEverything
		want.Needed, want.Headers = "1", &Conf{}
		if len(errs) > 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("decode = %+v, %v, want %+v", got, errs, want)
		}
	})
	t.Run("a local option wins over the global one", func(t *testing.T) {
		got, _ := f.decode(&reading{local: confOf("needed", "1", "debug", "no"), global: confOf("debug", "yes"), loose: false, warn: nil})
		if got.(everything).Debug {
			t.Error("debug = true, want the local no")
		}
	})
}

func TestDecodeErrors(t *testing.T) {
	f := everythingFactory()
	for _, tc := range []struct {
		name          string
		local, global *Conf
		want          string
	}{
		{"GO-02 a missing option", confOf(), nil, "needed: missing, want needed = text (what is needed)"},
		{"GO-02 an unknown option with a near one", confOf("numbre", "1"), nil, "numbre: unknown option, did you mean number?"},
		{"GO-02 an unknown option", confOf("colour", "red"), nil, "colour: unknown option, egg:E#e takes text, flag, number, small, ratio, wait, max, words, codes, nets, addr, methods, maybe, debug, pw, pin, auth_token, needed, header *"},
		{"header alone is no header", confOf("header ", "1"), nil, "header : unknown option, egg:E#e takes text, flag, number, small, ratio, wait, max, words, codes, nets, addr, methods, maybe, debug, pw, pin, auth_token, needed, header *"},
		{"CONV-01 a bad boolean", confOf("flag", "maybe"), nil, "flag: String is not true/false: 'maybe', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"CONV-01 an empty boolean of the globals", confOf(), confOf("debug", ""), "debug: String is not true/false: '', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"CONV-02 a bad number", confOf("number", "1.5"), nil, "number: Bad integer value: '1.5', want a whole number"},
		{"a number that does not fit", confOf("small", "3000000000"), nil, "small: integer 3000000000 is out of range"},
		{"a bad fraction", confOf("ratio", "x"), nil, `ratio: invalid number "x", want one such as 0.5`},
		{"a bad time", confOf("wait", "soon"), nil, `wait: invalid duration "soon", want seconds or a number with ms, s, m or h`},
		{"a bad size under an old name", confOf("limit", "1x"), nil, `limit: invalid size "1x", want bytes or a number with k, m or g`},
		{"a bad item of a list", confOf("codes", "404 x"), nil, "codes: Bad integer value: 'x', want a whole number"},
		{"a bad network", confOf("nets", "10.0.0.0/99"), nil, `nets: invalid network "10.0.0.0/99", want one such as 10.0.0.0/8`},
		{"a bad address", confOf("addr", "localhost"), nil, `addr: invalid address "localhost", want one such as 127.0.0.1`},
		{"a bad pointer", confOf("maybe", "2"), nil, "maybe: String is not true/false: '2', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{"a bad secret is not shown", confOf("pin", "hunter2"), nil, "pin: invalid value, want integer"},
		{"nor one that is secret by its name", confOf("auth_token", "hunter2"), nil, "auth_token: invalid value, want integer"},
		{"nor one from outside", confFrom("number", "hunter2"), nil, "number: invalid value, want integer"},
		{"all errors at once", confOf("flag", "x", "number", "y", "zz", "1"), nil, "flag: String is not true/false: 'x', want true, yes, on, y, t, 1 or false, no, off, n, f, 0\nnumber: Bad integer value: 'y', want a whole number\nzz: unknown option, egg:E#e takes text, flag, number, small, ratio, wait, max, words, codes, nets, addr, methods, maybe, debug, pw, pin, auth_token, needed, header *"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.local.Len() > 0 || tc.global.Len() > 0 {
				tc.local.Set("needed", Value{Text: "1"})
			}
			_, errs := f.decode(&reading{local: tc.local, global: tc.global, loose: false, warn: func(string, string) {}})
			var lines []string
			for _, e := range errs {
				lines = append(lines, e.Error())
			}
			if got := strings.Join(lines, "\n"); got != tc.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tc.want)
			}
		})
	}
}

func TestDecodeWarnings(t *testing.T) {
	f := everythingFactory()
	for _, tc := range []struct {
		name  string
		local *Conf
		loose bool
		want  string
		max   Size
	}{
		{"an old name", confOf("limit", "5"), false, "limit: old name, want max", 5},
		{"the new name wins", confOf("maximum", "5", "max", "6"), false, "maximum: old name, want max", 6},
		{"FAC-11 an unknown option of an original that takes any", confOf("numbre", "1"), true, "numbre: unknown option, did you mean number?; it is ignored", 64 << 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.local.Set("needed", Value{Text: "1"})
			var got []string
			made, errs := f.decode(&reading{local: tc.local, global: nil, loose: tc.loose, warn: func(o, p string) { got = append(got, o+": "+p) }})
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if strings.Join(got, "\n") != tc.want || made.(everything).Max != tc.max {
				t.Errorf("warnings %q and max %d, want %q and %d", got, made.(everything).Max, tc.want, tc.max)
			}
		})
	}
}

type restOptions struct {
	Known string `paste:"known" help:"known"`
	Rest  *Conf  `paste:",rest" help:"anything"`
}

func TestRest(t *testing.T) {
	var reg Registry
	RegisterApp("egg:R#r", restOptions{}, func(*Build, restOptions) (http.Handler, error) { return nil, nil }, In(&reg))
	made, errs := reg.Factories()[0].decode(&reading{local: confOf("b", "1", "known", "k", "a", "2"), global: nil, loose: false, warn: nil})
	if got := made.(restOptions); len(errs) > 0 || got.Known != "k" || showValues(got.Rest) != "b=1 a=2" {
		t.Errorf("decode = %+v, %v", got, errs)
	}
	if got, want := fmt.Sprint(reg.Factories()[0].Options()), "[{known text  false false false [] [] known} {* any  false false false [] [] anything}]"; got != want {
		t.Errorf("Options = %s, want %s", got, want)
	}
}

func TestOptionsOfConfFilesAreDescribed(t *testing.T) {
	type o struct {
		A string `paste:"a" conf:"a.b.name,DEFAULT.old" help:"the text"`
	}
	var reg Registry
	RegisterApp("egg:X", o{}, func(*Build, o) (http.Handler, error) { return http.NotFoundHandler(), nil }, In(&reg))
	list := reg.Factories()[0].Options()
	if got, want := fmt.Sprintf("%q", list[0].Conf), `["[a.b] name" "[DEFAULT] old"]`; got != want {
		t.Errorf("in conf files %s, want %s", got, want)
	}
	names := ""
	for _, option := range list {
		names += option.Name + " "
	}
	if want := "a oslo_config_project oslo_config_program oslo_config_file "; names != want {
		t.Errorf("options %s, want %s", names, want)
	}
}

func TestNoOptions(t *testing.T) {
	var reg Registry
	RegisterApp("egg:N#n", noOptions{}, plainApp, In(&reg))
	_, errs := reg.Factories()[0].decode(&reading{local: confOf("a", "1"), global: nil, loose: false, warn: nil})
	if len(errs) != 1 || errs[0].Error() != "a: unknown option, egg:N#n takes none" {
		t.Errorf("errors = %v", errs)
	}
}

func TestDescribe(t *testing.T) {
	var got []string
	for _, o := range everythingFactory().Options() {
		line := strings.TrimSpace(fmt.Sprintf("%s %s %s", o.Name, o.Type, o.Default))
		for word, on := range map[string]bool{"required": o.Required, "global": o.Global, "secret": o.Secret} {
			if on {
				line += " " + word
			}
		}
		got = append(got, line+strings.TrimRight(" "+strings.Join(o.Old, "/"), " "))
	}
	want := []string{
		"text text x", "flag bool false", "number integer 7", "small integer 0", "ratio number 0.5", "wait seconds 90",
		"max size 65536 limit/maximum", "words word-list a b", "codes integer-list", "nets network-list", "addr address",
		"methods comma-list GET, PUT", "maybe bool", "debug bool false global", "pw text secret", "pin integer 0 secret",
		"auth_token integer 0", "needed text required", "header * text",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Options\n got %q\nwant %q", got, want)
	}
}

// colour names its own type.
type colour string

func (colour) OptionType() string { return "colour" }

// palette is one text with a type of its own.
type palette []string

func (*palette) OptionType() string             { return "palette" }
func (p *palette) UnmarshalText(t []byte) error { *p = strings.Split(string(t), "+"); return nil }

func TestTypesNameThemselves(t *testing.T) {
	type options struct {
		One  colour   `paste:"one"`
		Many []colour `paste:"many"`
		Not  *colour  `paste:"not"`
		All  palette  `paste:"all,required" help:"colours"`
	}
	var reg Registry
	RegisterApp("egg:E#c", options{One: "red"}, func(*Build, options) (http.Handler, error) { return http.NotFoundHandler(), nil }, In(&reg))
	f := reg.Factories()[0]
	var got []string
	for _, o := range f.Options() {
		got = append(got, o.Type)
	}
	if want := []string{"colour", "colour-list", "colour", "palette"}; !reflect.DeepEqual(got, want) {
		t.Errorf("types %q, want %q", got, want)
	}
	_, errs := f.decode(&reading{local: confOf(), global: confOf(), loose: false, warn: nil})
	if want := "[all: missing, want all = palette (colours)]"; fmt.Sprint(errs) != want {
		t.Errorf("errors %v, want %s", errs, want)
	}
}

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"admin_password": true, "PASSWD": true, "auth_tkt_secret": true, "token": true, "hmac_key": true, "sql_connection": true,
		"transport_url": true, "sqlalchemy.url": true, "user_admin_admin": true, "user64_x_y": true, "aws_credential": true,
		"token_cache_time": false, "keystone": false, "key": false, "username": false, "connection_timeout": false, "debug": false, "": false,
	} {
		if got := SecretName(name); got != want {
			t.Errorf("SecretName(%q) = %v, want %v", name, got, want)
		}
	}
	f := everythingFactory()
	for name, want := range map[string]bool{"pw": true, "text": false, "my_password": true} {
		if got := f.Secret(name); got != want {
			t.Errorf("Secret(%q) = %v, want %v", name, got, want)
		}
	}
	if f = nil; !f.Secret("password") || f.Secret("pw") {
		t.Error("without a factory only the name counts")
	}
}

// A bad options struct is a mistake of the program: it panics when it is
// registered, and says what is wrong.
func TestBadOptionStructs(t *testing.T) {
	for _, tc := range []struct {
		name     string
		register func(*Registry)
		want     string
	}{
		{"no struct", func(r *Registry) { register(KindApp, "egg:X", 5, nil, []RegisterOption{In(r)}) }, "paste: the options of egg:X are a int, want a struct"},
		{"a flag that is none", func(r *Registry) {
			type o struct {
				A string `paste:"a,secrte"`
			}
			register(KindApp, "egg:X", o{}, nil, []RegisterOption{In(r)})
		}, `paste: unknown flag "secrte" in the tag of field A`},
		{"a type that no text gives", func(r *Registry) {
			type o struct {
				A map[string]string `paste:"a"`
			}
			register(KindApp, "egg:X", o{}, nil, []RegisterOption{In(r)})
		}, `paste: option "a" of egg:X has the type map[string]string, which cannot be read from a text`},
		{"a name in conf files without its group", func(r *Registry) {
			type o struct {
				A string `paste:"a" conf:"g.a,b"`
			}
			register(KindApp, "egg:X", o{}, nil, []RegisterOption{In(r)})
		}, `paste: invalid name "b" in the conf tag of field A, want GROUP.name`},
		{"a list of lists", func(r *Registry) {
			type o struct {
				A [][]string `paste:"a"`
			}
			register(KindApp, "egg:X", o{}, nil, []RegisterOption{In(r)})
		}, `paste: option "a" of egg:X has the type [][]string, which cannot be read from a text`},
		{"a rest that is no Conf", func(r *Registry) {
			type o struct {
				A string `paste:",rest"`
			}
			register(KindApp, "egg:X", o{}, nil, []RegisterOption{In(r)})
		}, "paste: field A of egg:X collects options, so it must be a *paste.Conf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != tc.want {
					t.Errorf("panic = %v, want %s", got, tc.want)
				}
			}()
			tc.register(&Registry{})
		})
	}
}
