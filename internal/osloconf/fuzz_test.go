package osloconf

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wheatpaste/wheatpaste/paste"
)

// plain reads a text as oslo does, without ini.v1, places and good errors: what
// FuzzLoad holds against parse.
func plain(text string) (list []entry, ok bool) {
	group, open := "", false
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	for l := range strings.SplitSeq(text, "\n") {
		l = strings.TrimRightFunc(l, isSpace)
		switch {
		case l == "" || l[0] == '#' || l[0] == ';':
			open = false
		case l[0] == ' ' || l[0] == '\t':
			if !open {
				return nil, false
			}
			list[len(list)-1].text += "\n" + strip(l)
		case l[0] == '[':
			if len(l) < 3 || l[len(l)-1] != ']' {
				return nil, false
			}
			group, open = l[1:len(l)-1], false
		default:
			at := strings.IndexAny(l, "=:")
			if at < 0 || group == "" || strip(l[:at]) == "" {
				return nil, false
			}
			list = append(list, entry{group: group, name: strip(l[:at]), text: unquote(strip(l[at+1:]))})
			open = true
		}
	}
	return list, true
}

func FuzzLoad(f *testing.F) {
	for _, text := range handCases {
		f.Add([]byte(text))
	}
	for _, text := range []string{"", "[g]\n|a=|b\n[|g]\n|=|\n", "[g]\na=\"\"\"\n\"\"\"\nb=`\n`=1\n", "[g]\n-=1\n-=2\n", "\xff\xfe[\x00", "[g]\na=1\\\nb=2\n",
		"[DEFAULT]\na=$b\nb=${g.c}\n[g]\nc=$a\n", "[g]\na=1\n" + strings.Repeat("b=\nb=x\n y\n", chunk), "[\u2028]\n\u2028=\u2028\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, bad := checkText("f", data)
		if bad != nil {
			if utf8.Valid(data) && !strings.HasPrefix(string(data), "\ufeff") {
				t.Fatalf("checkText refuses %q: %v", data, bad)
			}
			oneLineEach(t, paste.Errors{bad})
			return
		}
		file, errs := parse("f", text)
		oneLineEach(t, errs)
		want, ok := plain(text)
		if ok != (len(errs) == 0) {
			t.Fatalf("parse(%q): %v, want errors: %v", text, errs, !ok)
		}
		if ok {
			sameEntries(t, text, file.entries, want)
		}
		readAll(t, file)
	})
}

func sameEntries(t *testing.T, text string, got, want []entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("parse(%q): %d options, want %d", text, len(got), len(want))
	}
	var all []string
	for l := range lines(text) {
		all = append(all, l.text)
	}
	for i, e := range got {
		line, col := e.line, e.col
		e.line, e.col = 0, 0
		if e != want[i] {
			t.Fatalf("parse(%q): option %d is %+v, want %+v", text, i, e, want[i])
		}
		if line < 1 || line > len(all) || !strings.Contains(all[line-1], e.name) || col < 2 || col > utf8.RuneCountInString(all[line-1])+1 {
			t.Fatalf("parse(%q): option %d stands at %d:%d", text, i, line, col)
		}
	}
}

// readAll reads every option of a file as every type.
func readAll(t *testing.T, f *file) {
	t.Helper()
	c := newConfig()
	c.files = []*file{f}
	for i, e := range f.entries[:min(len(f.entries), 50)] {
		o := Option{Group: e.group, Name: e.name, Type: Type(i % int(Multi+1)), Deprecated: []Name{{Name: "b"}, {Group: "g"}}}
		c.Declare(o)
		for _, kind := range []string{"int", "port", "float", "duration", "bool", "list", "multi", "string"} {
			if _, err := byKind(c, kind, o); err != nil {
				oneLineEach(t, paste.AllErrors(err))
			}
		}
	}
	for s := range c.All() {
		s.Masked()
	}
	c.Groups()
	oneLineEach(t, c.Warnings())
}

func oneLineEach(t *testing.T, errs paste.Errors) {
	t.Helper()
	for _, e := range errs {
		if strings.ContainsAny(e.Error(), "\n\r\x1b") || !strings.Contains(e.Error(), ", want ") {
			t.Fatalf("error %q, want one line with what is wanted", e.Error())
		}
	}
}

func FuzzSubstitute(f *testing.F) {
	for _, v := range []string{"", "$", "$$", `\$b`, `$\$b`, "${b}", "${b", "$b.c", "${g.b}$b", "${", "$bſ", "$a", "${DEFAULT.b}", "$c", "$b$d$d"} {
		f.Add(v, "$b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		c := newConfig()
		for i, typ := range []Type{Text, Int, Float, Bool, List, Multi} {
			c.Declare(Option{Name: string(rune('c' + i)), Default: b, Type: typ})
		}
		c.Declare(Option{Group: "g", Name: "b", Default: b})
		got, err := c.String(Option{Name: "a", Default: a})
		if err != nil {
			oneLineEach(t, paste.AllErrors(err))
			return
		}
		if !strings.Contains(a, "$") && got != a {
			t.Errorf("%q became %q", a, got)
		}
		quoted := strings.ReplaceAll(strings.ReplaceAll(a, `\`, ""), "$", "$$")
		if got, err := c.String(Option{Name: "a", Default: quoted}); err != nil || got != strings.ReplaceAll(quoted, "$$", "$") {
			t.Errorf("%q became %q, %v", quoted, got, err)
		}
	})
}
