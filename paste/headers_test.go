package paste

import (
	"strings"
	"testing"
)

func TestSectionHeaders(t *testing.T) {
	for _, tc := range []dialectCase{
		{
			name: "INI-20 a line before the first header is reported once",
			text: "# c\n\nuse = egg:X\nother = 1\n[app:main]\n",
			want: "f.ini:3:1: File contains no section headers: 'use = egg:X' stands before the first one; want [app:main] or another section above it",
			python: `
				MissingSectionHeaderError: File contains no section headers.
				file: 'f.ini', line: 3
				'use = egg:X\n'
			`,
		},
		{
			name: "INI-20 the first line that is no section, without a line end",
			text: "it's",
			want: `f.ini:1:1: File contains no section headers: "it's" stands before the first one; want [app:main] or another section above it`,
			python: `
				MissingSectionHeaderError: File contains no section headers.
				file: 'f.ini', line: 1
				"it's"
			`,
		},
		{
			name: "INI-20 a secret before the first header is not shown",
			text: "admin_password = hunter2\n",
			want: "f.ini:1:1: File contains no section headers: this line stands before the first one; want [app:main] or another section above it",
			python: `
				MissingSectionHeaderError: File contains no section headers.
				file: 'f.ini', line: 1
				'admin_password = hunter2\n'
			`,
		},
		{name: "INI-21 an empty file is legal", text: "", want: ""},
		{name: "INI-21 so is one of comments only", text: "# a\n\n  ; b\n", want: ""},
		{
			name: "INI-22 the name reaches to the last bracket, the text behind it is ignored",
			text: "[app:main] # c\n[b] junk\n[y]z = 2\n[[a]]\n[a] ]\n  [ind]\n",
			want: `
				1:1 [app:main]
				2:1 [b]
				3:1 [y]
				4:1 [[a]]
				5:1 [a] ]
				6:3 [ind]
			`,
		},
		{
			name: "INI-22 [] before any section is no header",
			text: "[]\n",
			want: "f.ini:1:1: File contains no section headers: '[]' stands before the first one; want [app:main] or another section above it",
			python: `
				MissingSectionHeaderError: File contains no section headers.
				file: 'f.ini', line: 1
				'[]\n'
			`,
		},
		{
			name:   "INI-22 [] in a section is a line without a delimiter",
			text:   "[a]\n[]\n",
			want:   `f.ini:2:1: [a] Source contains parsing errors: no "=" or ":" in '[]'; want NAME = value, [section], or # before a comment`,
			python: "ParsingError: Source contains parsing errors: 'f.ini'\n\t[line  2]: '[]\\n'",
		},
		{
			name: "INI-23 names are neither stripped nor case-folded",
			text: "[ app:main ]\n[App:main]\n",
			want: `
				1:1 [ app:main ]
				2:1 [App:main]
			`,
		},
		{
			name: "INI-24 a header indented deeper than the option is part of its value",
			text: "[a]\nb = 1\n  [c]\nd = 2\n",
			want: `
				1:1 [a]
				2:1 "b" = "1\n[c]"
				4:1 "d" = "2"
			`,
		},
		{
			name:   "INI-25 BUG-08 a duplicate section stops at once",
			text:   "[a]\nb = 1\n[c]\n[a]\nb = 2\n",
			want:   "f.ini:4:1: [a] section 'a' already exists (line 1); sections are not merged, rename or remove one",
			python: "DuplicateSectionError: While reading from 'f.ini' [line  4]: section 'a' already exists",
		},
		{
			name: "INI-26 DEFAULT blocks merge wherever they stand",
			text: "[a]\nb = 1\n[DEFAULT]\nc = 2\n[d]\n[DEFAULT]\ne = 3\n",
			want: `
				3:1 [DEFAULT]
				4:1 "c" = "2"
				7:1 "e" = "3"
				1:1 [a]
				2:1 "b" = "1"
				5:1 [d]
			`,
		},
		{
			name: "INI-26 the name DEFAULT is exact",
			text: "[default]\na = 1\n[Default]\na = 2\n[DEFAULT ]\na = 3\n",
			want: `
				1:1 [default]
				2:1 "a" = "1"
				3:1 [Default]
				4:1 "a" = "2"
				5:1 [DEFAULT ]
				6:1 "a" = "3"
			`,
		},
	} {
		t.Run(tc.name, tc.run)
	}
}

func TestValuesOfSeveralLines(t *testing.T) {
	for _, tc := range []dialectCase{
		{
			name: "INI-30 a tab counts as one, so two blanks are deeper",
			text: "[a]\n\tb = 1\n  c = 2\n\td = 3\n",
			want: `
				1:1 [a]
				2:2 "b" = "1\nc = 2"
				4:2 "d" = "3"
			`,
		},
		{
			name: "INI-31 deeper lines are stripped and joined, whatever they look like",
			text: "[a]\nb = 1\n  c = 2  \n\t[x]\n  - y: 1\n",
			want: `
				1:1 [a]
				2:1 "b" = "1\nc = 2\n[x]\n- y: 1"
			`,
		},
		{
			name: "INI-32 the option's line is what counts, not the line before",
			text: "[a]\nb = 0\n  two\n    four\n one\n",
			want: `
				1:1 [a]
				2:1 "b" = "0\ntwo\nfour\none"
			`,
		},
		{
			name: "INI-33 options may be indented as a block",
			text: "[a]\n  b = 1\n  c = 2\n d = 3\n  e\n",
			want: `
				1:1 [a]
				2:3 "b" = "1"
				3:3 "c" = "2"
				4:2 "d" = "3\ne"
			`,
		},
		{
			name: "INI-34 an option indented by slip is swallowed",
			text: "[app:x]\na = 1\n  b = 2\n  [app:y]\n",
			want: `
				1:1 [app:x]
				2:1 "a" = "1\nb = 2\n[app:y]"
			`,
		},
		{
			name: "INI-35 a value that begins on the next line begins with an empty line",
			text: "[a]\nb =\n  1\n  2\n",
			want: `
				1:1 [a]
				2:1 "b" = "\n1\n2"
			`,
		},
		{
			name: "INI-36 the joined value is stripped at its end",
			text: "[a]\nb = 1\n  \n \t\n",
			want: `
				1:1 [a]
				2:1 "b" = "1"
			`,
		},
		{
			name: "INI-36 an empty value with blank lines stays empty",
			text: "[a]\nb =\n\n\nc =\n",
			want: `
				1:1 [a]
				2:1 "b" = ""
				5:1 "c" = ""
			`,
		},
	} {
		t.Run(tc.name, tc.run)
	}
}

// The places of a value's lines are what errors inside it point at.
func TestPlacesInValues(t *testing.T) {
	d, err := parse("f.ini", "[a]\r\nb = one\r\n   two\r\n\r\n\tthree four\r\n é = ü%\n")
	if err != nil {
		t.Fatal(err)
	}
	b := d.sections[0].all()[0]
	if want := "one\ntwo\n\nthree four\né = ü%"; b.raw != want {
		t.Fatalf("raw = %q, want %q", b.raw, want)
	}
	for word, want := range map[string]string{
		"one": "2:5", "two": "3:4", "three": "5:2", "four": "5:8", "é": "6:2", "%": "6:7",
	} {
		if got := short(b.valueAt(strings.Index(b.raw, word))); got != want {
			t.Errorf("place of %q = %s, want %s", word, got, want)
		}
	}
	if got := short(b.valueAt(len(b.raw) + 10)); got != "6:8" {
		t.Errorf("a place behind the value = %s, want the end of the value", got)
	}
}
