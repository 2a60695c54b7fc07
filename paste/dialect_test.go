package paste

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// dialectCase is a file and what the scanner makes of it: a line "line:col
// [section]" for each header and "line:col key = value" for each option, with
// the places at which they begin, or the lines of the errors.
type dialectCase struct {
	name   string
	text   string
	want   string
	python string // class and text of the error that stops Python
}

func (tc dialectCase) run(t *testing.T) {
	d, err := parse("f.ini", tc.text)
	var got string
	if err != nil {
		got = err.Error()
	} else {
		got = dump(d)
	}
	if want := strings.TrimSuffix(dedent(tc.want), "\n"); got != want {
		t.Errorf("parse(%q)\ngot:\n%s\nwant:\n%s", tc.text, got, want)
	}
	if got, want := pythonText(err, "\x00"), strings.TrimSuffix(dedent(tc.python), "\n"); got != want {
		t.Errorf("parse(%q)\n got %q\nwant %q", tc.text, got, want)
	}
}

func dump(d *document) string {
	var lines []string
	all := d.sections
	if d.defaults.line > 0 {
		all = append([]*section{d.defaults}, all...)
	}
	for _, s := range all {
		lines = append(lines, fmt.Sprintf("%s [%s]", short(s.pos()), s.name))
		for _, o := range s.all() {
			lines = append(lines, fmt.Sprintf("%s %s = %s", short(o.pos()), strconv.Quote(o.key), strconv.Quote(o.raw)))
		}
	}
	return strings.Join(lines, "\n")
}

func short(p Pos) string { return strings.TrimPrefix(p.String(), "f.ini:") }

func TestBytesAndLines(t *testing.T) {
	for _, tc := range []dialectCase{
		{
			name:   "INI-01 GO-05 bytes that are no UTF-8 are an error with its place",
			text:   "[app:main]\na = caf\xe9\n",
			want:   "f.ini:2:8: byte 0xe9 is not valid UTF-8; save the file as UTF-8",
			python: "UnicodeDecodeError: byte 0xe9 is not valid UTF-8",
		},
		{
			name:   "INI-01 an undecodable byte after carriage returns",
			text:   "[a]\r\rb = \u00e9\xff\r",
			want:   "f.ini:3:6: byte 0xff is not valid UTF-8; save the file as UTF-8",
			python: "UnicodeDecodeError: byte 0xff is not valid UTF-8",
		},
		{
			name: "INI-02 a byte order mark is not skipped",
			text: "\ufeff[app:main]\na = 1\n",
			want: `f.ini:1:1: File contains no section headers: '\ufeff[app:main]' stands before the first one; the file starts with a byte order mark, save it as UTF-8 without one`,
			python: `
				MissingSectionHeaderError: File contains no section headers.
				file: 'f.ini', line: 1
				'\ufeff[app:main]\n'
			`,
		},
		{
			name: "INI-03 CR LF, CR and LF end lines",
			text: "[a]\r\nb = 1\rc = 2\n\rd = 3",
			want: `
				1:1 [a]
				2:1 "b" = "1"
				3:1 "c" = "2"
				5:1 "d" = "3"
			`,
		},
		{
			name: "INI-03 vertical tab, form feed, NEL and U+2028 do not",
			text: "[a]\nb = 1\vx\fy\u0085z\u2028w\nc\x00 = \x00\n",
			want: `
				1:1 [a]
				2:1 "b" = "1\vx\fy\u0085z\u2028w"
				3:1 "c\x00" = "\x00"
			`,
		},
		{
			name: "INI-04 white space is Python's, with U+001C to U+001F",
			text: "[a]\n\x1fb\u00a0= \x1c\u30001\x1e\u0085\u2029\n",
			want: `
				1:1 [a]
				2:2 "b" = "1"
			`,
		},
		{
			name: "INI-04 U+200B and U+FEFF are no white space",
			text: "[a]\nb = \u200b1\ufeff\n",
			want: `
				1:1 [a]
				2:1 "b" = "\u200b1\ufeff"
			`,
		},
	} {
		t.Run(tc.name, tc.run)
	}
}

func TestComments(t *testing.T) {
	for _, tc := range []dialectCase{
		{
			name: "INI-05 a comment at any indentation neither adds to a value nor ends it",
			text: "[a]\n  # one\nb = 1\n    ; two\n# three\n  2\n",
			want: `
				1:1 [a]
				3:1 "b" = "1\n2"
			`,
		},
		{
			name: "INI-06 BUG-07 there are no comments behind a value",
			text: "[a]\nb = 1 # x\nc = 1 ; x\nd = ;x\npipeline = z # the app\n",
			want: `
				1:1 [a]
				2:1 "b" = "1 # x"
				3:1 "c" = "1 ; x"
				4:1 "d" = ";x"
				5:1 "pipeline" = "z # the app"
			`,
		},
		{
			name: "INI-07 rem is no comment and #! is one",
			text: "#!/usr/bin/paster serve\n[a]\nrem x = 1\n",
			want: `
				2:1 [a]
				3:1 "rem x" = "1"
			`,
		},
		{
			name: "INI-08 a blank line within a value stays, one at its end goes, a comment adds none",
			text: "[a]\nb = 1\n\n# c\n  2\n\n\nc = 3\n\n\n",
			want: `
				1:1 [a]
				2:1 "b" = "1\n\n2"
				8:1 "c" = "3"
			`,
		},
		{
			name: "INI-09 blank lines do not end a value",
			text: "[a]\nb = 1\n\n\n\n\n  2\n",
			want: `
				1:1 [a]
				2:1 "b" = "1\n\n\n\n\n2"
			`,
		},
	} {
		t.Run(tc.name, tc.run)
	}
}

func TestOptionLines(t *testing.T) {
	for _, tc := range []dialectCase{
		{
			name: "INI-10 the first = or : splits, both sides are stripped",
			text: "[a]\nc:d=e\nb = x:y=z\n/: home\nk   =   v   \n",
			want: `
				1:1 [a]
				2:1 "c" = "d=e"
				3:1 "b" = "x:y=z"
				4:1 "/" = "home"
				5:1 "k" = "v"
			`,
		},
		{
			name: "INI-11 so a key never holds : or =",
			text: "[a]\nhttp://a.com/x = main\n",
			want: `
				1:1 [a]
				2:1 "http" = "//a.com/x = main"
			`,
		},
		{
			name: "INI-12 keys are case-sensitive and hold inner white space as written",
			text: "[a]\nKey = 1\nkey = 2\nmy  \tkey = 3\ndomain a.com port 80 /y = 4\n/v2.1 = 5\n",
			want: `
				1:1 [a]
				2:1 "Key" = "1"
				3:1 "key" = "2"
				4:1 "my  \tkey" = "3"
				5:1 "domain a.com port 80 /y" = "4"
				6:1 "/v2.1" = "5"
			`,
		},
		{
			name: "INI-13 an empty value is legal",
			text: "[a]\nb =\nc:\n",
			want: `
				1:1 [a]
				2:1 "b" = ""
				3:1 "c" = ""
			`,
		},
		{
			name: "INI-14 lines without a delimiter are collected over the whole file",
			text: "[a]\nfoo\nb = 1\n[c]\n  bar baz \r\nd = 2\n'x'",
			want: `
				f.ini:2:1: [a] Source contains parsing errors: no "=" or ":" in 'foo'; want NAME = value, [section], or # before a comment
				f.ini:5:3: [c] Source contains parsing errors: no "=" or ":" in 'bar baz'; want NAME = value, [section], or # before a comment
				f.ini:7:1: [c] Source contains parsing errors: no "=" or ":" in "'x'"; want NAME = value, [section], or # before a comment
			`,
			python: "ParsingError: Source contains parsing errors: 'f.ini'\n\t[line  2]: 'foo\\n'\n\t[line  5]: '  bar baz \\n'\n\t[line  7]: \"'x'\"",
		},
		{
			name:   "INI-14 a line that may hold a secret is not shown",
			text:   "[a]\nadmin_password hunter2\n",
			want:   `f.ini:2:1: [a] Source contains parsing errors: no "=" or ":" in this line; want NAME = value, [section], or # before a comment`,
			python: "ParsingError: Source contains parsing errors: 'f.ini'\n\t[line  2]: 'admin_password hunter2\\n'",
		},
		{
			name:   "INI-14 a long line is cut",
			text:   "[a]\n" + strings.Repeat("x", 70) + "\n",
			want:   `f.ini:2:1: [a] Source contains parsing errors: no "=" or ":" in 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'; want NAME = value, [section], or # before a comment`,
			python: "ParsingError: Source contains parsing errors: 'f.ini'\n\t[line  2]: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\n'",
		},
		{
			name: "INI-15 an empty key is reported in the same way",
			text: "[a]\n= v\nb = 1\n[c]\n: w\n",
			want: `
				f.ini:2:1: [a] Source contains parsing errors: no name before "="; want NAME = value, [section], or # before a comment
				f.ini:5:1: [c] Source contains parsing errors: no name before ":"; want NAME = value, [section], or # before a comment
			`,
			python: "ParsingError: Source contains parsing errors: 'f.ini'\n\t[line  2]: '= v\\n'\n\t[line  5]: ': w\\n'",
		},
		{
			name: "INI-15 two empty keys in one section stop at once",
			text: "[a]\n= v\n: w\n",
			want: `
				f.ini:3:1: [a] option '' in section 'a' already exists (line 2); remove one of the two
				f.ini:2:1: [a] Source contains parsing errors: no name before "="; want NAME = value, [section], or # before a comment
				f.ini:3:1: [a] Source contains parsing errors: no name before ":"; want NAME = value, [section], or # before a comment
			`,
			python: "DuplicateOptionError: While reading from 'f.ini' [line  3]: option '' in section 'a' already exists",
		},
		{
			name: "INI-16 no quotes, escapes, line continuations or other variables",
			text: "[a]\nb = \"x\"\nc = x \\\nd = ${x} $(y)\ne = \\n\n",
			want: `
				1:1 [a]
				2:1 "b" = "\"x\""
				3:1 "c" = "x \\"
				4:1 "d" = "${x} $(y)"
				5:1 "e" = "\\n"
			`,
		},
		{
			name: "INI-17 a line that begins with [ and has no ] is an option",
			text: "[a]\n[x = 1\n",
			want: `
				1:1 [a]
				2:1 "[x" = "1"
			`,
		},
		{
			name: "INI-17 with a ] later in the line it is a section",
			text: "[a]\n[x = y]\n",
			want: `
				1:1 [a]
				2:1 [x = y]
			`,
		},
		{
			name: "INI-18 BUG-08 a duplicate option stops at once, before the lines without a delimiter",
			text: "[a]\nfoo\nb = 1\n   c = swallowed\nb: 2\n",
			want: `
				f.ini:5:1: [a] b: option 'b' in section 'a' already exists (line 3); remove one of the two
				f.ini:2:1: [a] Source contains parsing errors: no "=" or ":" in 'foo'; want NAME = value, [section], or # before a comment
			`,
			python: "DuplicateOptionError: While reading from 'f.ini' [line  5]: option 'b' in section 'a' already exists",
		},
		{
			name: "INI-18 keys of another case are others",
			text: "[a]\nA = 1\na = 2\n",
			want: `
				1:1 [a]
				2:1 "A" = "1"
				3:1 "a" = "2"
			`,
		},
		{
			name:   "INI-18 duplicates over several DEFAULT blocks count",
			text:   "[DEFAULT]\na = 1\n[b]\n[DEFAULT]\na = 2\n",
			want:   "f.ini:5:1: [DEFAULT] a: option 'a' in section 'DEFAULT' already exists (line 2); remove one of the two",
			python: "DuplicateOptionError: While reading from 'f.ini' [line  5]: option 'a' in section 'DEFAULT' already exists",
		},
		{
			name: "INI-18 all duplicates are reported, the first one is Python's",
			text: "[s]\na = 1\na = 2\na = 3\nb = 1\nb = 2\n",
			want: `
				f.ini:3:1: [s] a: option 'a' in section 's' already exists (line 2); remove one of the two
				f.ini:4:1: [s] a: option 'a' in section 's' already exists (line 2); remove one of the two
				f.ini:6:1: [s] b: option 'b' in section 's' already exists (line 5); remove one of the two
			`,
			python: "DuplicateOptionError: While reading from 'f.ini' [line  3]: option 'a' in section 's' already exists",
		},
	} {
		t.Run(tc.name, tc.run)
	}
}
