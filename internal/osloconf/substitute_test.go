package osloconf

import (
	"fmt"
	"strings"
	"testing"
)

func TestSubstitution(t *testing.T) {
	const unknown = "0.conf:2:3: [DEFAULT] a: unknown name "
	const want = ", want an option that is set or has a default or $$ for a dollar sign"
	for _, test := range []struct{ name, value, want, err string }{
		{"plain", "$b|${b}|$b$b|${b}c|$b-c|$bä", "1|1|11|1c|1-c|1ä", ""},
		{"escapes", `$$b \$b $$ \$$b $$$b \\$b`, `$b $b $ $1 $1 \$b`, ""},
		{"a backslash escape is replaced first", `$\$b`, "$1", ""},
		{"no names", "$ a$ $1 ${} ${b ${b } $- ${", "$ a$ $1 ${} ${b ${b } $- ${", ""},
		{"dotted", "${g.b} $g.b", "gb gb", ""},
		{"default of a declared option", "$d", "<1>", ""},
		{"declared option without value", "[$n]", "[]", ""},
		{"in its own group", "${g.own}", "gb", ""},
		{"hidden by an option of the group without value", "[${g.hidden}]", "[]", ""},
		{"from the group up to DEFAULT", "${g.up}", "1", ""},
		{"not searched again", "$esc", "$b", ""},
		{"set but not declared", "$loose", "x", ""},
		{"by a deprecated name", "$dep", "successor", ""},
		{"types", "$i $t $f $l $m ${g.p}", `8 True 1.0 ['a', '\'b"'] ['x', 'y'] `, ""},
		{"unknown", "x $nope", "", unknown + `"nope"` + want},
		{"unknown in a group", "${g.nope}", "", unknown + `"g.nope"` + want},
		{"unknown group", "${nope.b}", "", unknown + `"nope.b"` + want},
		{"dot at the end", "$b.", "", unknown + `"b.", want ${b} or $$ for a dollar sign`},
		{"no group DEFAULT", "${DEFAULT.b}", "", unknown + `"DEFAULT.b", want ${b} or $$ for a dollar sign`},
		{"case of options", "$B", "", unknown + `"B"` + want},
		{"case of groups", "${G.b}", "", unknown + `"G.b"` + want},
		{"a group as it is declared", "${Mixed.z} ", "z", ""},
		{"a group not as it is declared", "${mixed.z} ", "", unknown + `"mixed.z"` + want},
		{"a letter that folds to ASCII", "$bſ", "", unknown + `"bſ"` + want},
		{"itself", "$a", "", "0.conf:2:3: [DEFAULT] a: substitution cycle a > a, want a value that does not lead back to itself"},
		{"a cycle", "$c1", "", "0.conf:4:4: [g] c2: substitution cycle c1 > g.c2 > c1, want a value that does not lead back to itself"},
		{"a default with an unknown name", "$baddefault", "", `[DEFAULT] baddefault: unknown name "nope"` + want + "; reached by a > baddefault"},
		{"a value that does not fit its type", "$badint", "", `0.conf:20:8: [DEFAULT] badint: invalid integer "x", want a whole number; reached by a > badint`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, "[DEFAULT]\na="+test.value+"\n[g]\nc2=$c1\nb=gb\nown=$b\nhidden=$n2\nup=$only\n"+
				"[DEFAULT]\nb=1\nn2=no\nonly=$b\nesc=$$b\nloose=x\nnew=successor\nc1=${g.c2}\ni=+08\nt=yes\nf=1\nbadint=x\nl=a,'b\"\nm=x\nm=y\n[mixed]\nz=z\n")
			c.Declare(Option{Name: "a"}, Option{Name: "b"}, Option{Name: "d", Default: "<$b>"}, Option{Name: "n"}, Option{Group: "g", Name: "n2"},
				Option{Name: "new", Deprecated: []Name{{Name: "dep"}}}, Option{Name: "i", Type: Int}, Option{Name: "t", Type: Bool},
				Option{Name: "f", Type: Float}, Option{Name: "l", Type: List}, Option{Name: "m", Type: Multi}, Option{Group: "g", Name: "p", Type: List},
				Option{Group: "Mixed", Name: "z"}, Option{Name: "baddefault", Default: "$nope"}, Option{Name: "badint", Type: Int})
			if got, err := c.String(Option{Name: "a"}); got != test.want || text(err) != test.err {
				t.Errorf("%q = %q, %v, want %q, %s", test.value, got, err, test.want, test.err)
			}
		})
	}
}

func TestDeprecatedNameInAValueIsWarnedOf(t *testing.T) {
	c := load(t, "[g]\na=$dep $dep\nnew=1\n")
	c.Declare(Option{Group: "g", Name: "new", Deprecated: []Name{{Name: "dep"}}})
	if got, err := c.String(Option{Group: "g", Name: "a"}); got != "1 1" || err != nil {
		t.Errorf("a = %q, %v, want 1 1", got, err)
	}
	want := `0.conf:2:3: [g] a: deprecated name "dep", want new of [g]`
	if got := c.Warnings().Error(); got != want {
		t.Errorf("warnings %s, want %s", got, want)
	}
}

func TestReprAsPython(t *testing.T) {
	for value, want := range map[string]string{
		"1e16": "1e+16", "1e15": "1000000000000000.0", "123456789012345678": "1.2345678901234568e+17", "0.0001": "0.0001",
		"0.00001": "1e-05", "1e400": "inf", "-inf": "-inf", "nan": "nan", "-0": "-0.0", "1.5e300": "1.5e+300", "": "",
	} {
		if got, bad := oneAsPython(value, Float); got != want || bad != nil {
			t.Errorf("float %q = %q, %v, want %q", value, got, bad, want)
		}
	}
	for value, want := range map[string]string{
		"it's": `"it's"`, `"`: `'"'`, `'"`: `'\'"'`, "a\\\n\r\t": `'a\\\n\r\t'`, "\x00\x7f\u2028\U000e0001 ä": `'\x00\x7f\u2028\U000e0001 ä'`,
	} {
		if got := repr(value); got != want {
			t.Errorf("repr(%q) = %s, want %s", value, got, want)
		}
	}
	if got, _ := digits(" -0 "); got != "0" {
		t.Errorf("digits(-0) = %q, want 0", got)
	}
	if got, _ := digits("99999999999999999999"); got != "99999999999999999999" {
		t.Errorf("digits = %q, want any size", got)
	}
}

func TestSubstitutionIsBounded(t *testing.T) {
	var deep, wide strings.Builder
	deep.WriteString("[DEFAULT]\n")
	wide.WriteString("[DEFAULT]\na0=12345678\n")
	for i := range 200 {
		fmt.Fprintf(&deep, "a%d=$a%d\n", i, i+1)
	}
	for i := range 90 { // without a bound: 2 to the 90th
		fmt.Fprintf(&wide, "a%d=$a%d$a%d\n", i+1, i, i)
	}
	_, err := load(t, deep.String()).String(Option{Name: "a0"})
	if want := "0.conf:101:5: [DEFAULT] a99: more than 100 substitutions within each other, want fewer"; !strings.HasPrefix(text(err), want) {
		t.Errorf("deep: %.200s, want %s", text(err), want)
	}
	_, err = load(t, wide.String()).String(Option{Name: "a90"})
	if want := "the substitution grows beyond 16777216 bytes, want fewer names"; !strings.Contains(text(err), want) {
		t.Errorf("wide: %.200s, want %s", text(err), want)
	}
}

func TestManyEmptyNamesTakeLittleTime(t *testing.T) {
	var b strings.Builder
	b.WriteString("[DEFAULT]\na0=\n")
	for i := range 90 {
		fmt.Fprintf(&b, "a%d=$a%d$a%d\n", i+1, i, i)
	}
	if got, err := load(t, b.String()).String(Option{Name: "a90"}); got != "" || err != nil {
		t.Errorf("a90 = %q, %v, want nothing", got, err)
	}
}
