package paste

import (
	"fmt"
	"math"
	"reflect"
	"testing"
)

func TestAsBool(t *testing.T) {
	const want = ", want true, yes, on, y, t, 1 or false, no, off, n, f, 0"
	for text, want := range map[string]string{
		"true": "true", "yes": "true", "on": "true", "y": "true", "t": "true", "1": "true",
		"false": "false", "no": "false", "off": "false", "n": "false", "f": "false", "0": "false",
		"YES": "true", " Off\n": "false", "\x1dTrue\u00a0": "true",
		"":         "String is not true/false: ''" + want,
		"2":        "String is not true/false: '2'" + want,
		" None ":   "String is not true/false: 'none'" + want,
		"tr ue":    "String is not true/false: 'tr ue'" + want,
		"it's":     `String is not true/false: "it's"` + want,
		"\u200bon": `String is not true/false: '\u200bon'` + want,
	} {
		got, err := AsBool(text)
		if shown := result(got, err); shown != want {
			t.Errorf("CONV-01 AsBool(%q) = %s, want %s", text, shown, want)
		}
	}
}

// result shows a value or, in its place, the error.
func result(v any, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(v)
}

func TestAsInt(t *testing.T) {
	bad := func(shown string) string { return "Bad integer value: " + shown + ", want a whole number" }
	for text, want := range map[string]string{
		"007": "7", " +1_0 ": "10", "-5": "-5", "1\u00a0": "1", "-0": "0",
		fmt.Sprint(math.MaxInt64): fmt.Sprint(math.MaxInt64),
		fmt.Sprint(math.MinInt64): fmt.Sprint(math.MinInt64),
		"1__0":                    bad("'1__0'"), "_1": bad("'_1'"), "1_": bad("'1_'"), "+_1": bad("'+_1'"),
		"0x10": bad("'0x10'"), "1.5": bad("'1.5'"), "1e3": bad("'1e3'"), "": bad("''"), "+": bad("'+'"),
		"- 1": bad("'- 1'"), "1-": bad("'1-'"), "\u0663": bad("'\u0663'"),
		"9223372036854775808": "integer 9223372036854775808 is out of range, want at most 9223372036854775807",
	} {
		got, err := AsInt(text)
		if shown := result(got, err); shown != want {
			t.Errorf("CONV-02 GO-10 AsInt(%q) = %s, want %s", text, shown, want)
		}
	}
}

func TestAsList(t *testing.T) {
	for _, tc := range []struct {
		text string
		got  []string
		want []string
	}{
		{"words", AsList("a  b\nc"), []string{"a", "b", "c"}},
		{"Python's white space", AsList("\u2003a\x1cb\u200bc "), []string{"a", "b\u200bc"}},
		{"nothing", AsList(" \n"), []string{}},
		{"empty items are kept", AsListSep("a,,b", ",", true), []string{"a", "", "b"}},
		{"one empty item", AsListSep("", ",", true), []string{""}},
		{"items are stripped", AsListSep(" a , b ", ",", true), []string{"a", "b"}},
		{"or not", AsListSep(" a , b ", ",", false), []string{" a ", " b "}},
	} {
		if !reflect.DeepEqual(append([]string{}, tc.got...), tc.want) {
			t.Errorf("CONV-03 %s = %q, want %q", tc.text, tc.got, tc.want)
		}
	}
}

func TestAsDuration(t *testing.T) {
	bad := func(s string) string {
		return fmt.Sprintf("invalid duration %q, want seconds or a number with ms, s, m or h", s)
	}
	for text, want := range map[string]string{
		"30": "30s", "0.5": "500ms", "0": "0s", " 2 ": "2s", "1m30s": "1m30s", "250ms": "250ms", "1e3": "16m40s",
		"":   bad(""),
		"-1": bad("-1"), "-1s": bad("-1s"), "NaN": bad("NaN"), "inf": bad("inf"), "1e18": bad("1e18"), "x": bad("x"), "5 s": bad("5 s"),
	} {
		got, err := AsDuration(text)
		if shown := result(got, err); shown != want {
			t.Errorf("AsDuration(%q) = %s, want %s", text, shown, want)
		}
	}
}

func TestSize(t *testing.T) {
	bad := func(s string) string {
		return fmt.Sprintf("invalid size %q, want bytes or a number with k, m or g", s)
	}
	for text, want := range map[string]string{
		"0": "0", "114688": "114688", "64k": "65536", "10M": "10485760", "1 GiB": "1073741824", "2kb": "2048",
		"7b": "7", "1t": "1099511627776", " 3MiB ": "3145728",
		"": bad(""), "k": bad("k"), "-1": bad("-1"), "1.5m": bad("1.5m"), "1x": bad("1x"), "8388608t": bad("8388608t"),
		"99999999999999999999": bad("99999999999999999999"),
	} {
		var z Size
		err := z.UnmarshalText([]byte(text))
		if shown := result(z, err); shown != want {
			t.Errorf("Size(%q) = %s, want %s", text, shown, want)
		}
	}
}

func TestCommaList(t *testing.T) {
	for text, want := range map[string]string{"": "[]", "a": "[a]", " a , b,,c, ": "[a b c]", "a b": "[a b]"} {
		l := CommaList{"old"}
		if err := l.UnmarshalText([]byte(text)); err != nil || fmt.Sprint([]string(l)) != want {
			t.Errorf("CommaList(%q) = %q, %v, want %s", text, l, err, want)
		}
	}
	if got := (CommaList{"a", "b"}).String(); got != "a, b" {
		t.Errorf("String = %q, want %q", got, "a, b")
	}
}

func TestRepr(t *testing.T) {
	for text, want := range map[string]string{
		"a":                  "'a'",
		"":                   "''",
		"it's":               `"it's"`,
		`it's "x"`:           `'it\'s "x"'`,
		`say "x"`:            `'say "x"'`,
		"a\\b":               `'a\\b'`,
		"\n\r\t":             `'\n\r\t'`,
		"\x00\x1f\x7f\u0085": `'\x00\x1f\x7f\x85'`,
		"é中\u00a0\u2028":     `'é中\xa0\u2028'`,
		"\U0001f600\ufeff":   "'\U0001f600\\ufeff'",
		"\U000e0001":         `'\U000e0001'`,
	} {
		if got := repr(text); got != want {
			t.Errorf("GEN-02 GO-04 repr(%q) = %s, want %s", text, got, want)
		}
	}
	if got, want := reprList([]string{"a", "b'"}), `['a', "b'"]`; got != want {
		t.Errorf("GEN-02 list = %s, want %s", got, want)
	}
}
