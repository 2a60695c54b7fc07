package conformance

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestDiff(t *testing.T) {
	tests := []struct {
		name, want, got, ini string
		lines                []string
	}{
		{name: "equal", want: `{"apps":{"app:x":{"name":null}}}`, got: `{"apps":{"app:x":{"name":null}}}`},
		{name: "keys of one side are ignored", want: `{"oracle":"1","ini":{}}`, got: `{"source":{}}`},
		{name: "but not inside a conf map", want: `{"local_conf":{"ini":"1"}}`, got: `{"local_conf":{}}`,
			lines: []string{`.local_conf.ini: missing, want "1"`}},
		{name: "another value", want: `{"a":"1"}`, got: `{"a":"2"}`, lines: []string{`.a: want "1", got "2"`}},
		{name: "null is not the empty text", want: `{"a":null}`, got: `{"a":""}`, lines: []string{`.a: want <nil>, got ""`}},
		{name: "order of a list counts", want: `{"a":["1","2"]}`, got: `{"a":["2","1"]}`,
			lines: []string{`.a[0]: want "1", got "2"`, `.a[1]: want "2", got "1"`}},
		{name: "length of a list", want: `{"a":["1"]}`, got: `{"a":[]}`, lines: []string{`.a: want [1], got []`}},
		{name: "no list", want: `{"a":["1"]}`, got: `{"a":"1"}`, lines: []string{`.a: want [1], got "1"`}},
		{name: "no map", want: `{"a":{}}`, got: `{"a":"1"}`, lines: []string{`.a: want a map, got "1"`}},
		{name: "missing and extra", want: `{"a":"1"}`, got: `{"b":"2"}`, lines: []string{`.a: missing, want "1"`, `.b: extra "2"`}},
		{name: "a loose class is any error", want: `{"a":{"error":"KeyError","message":"'x'"}}`, got: `{"a":{"error":"LookupError","message":"no"}}`},
		{name: "a loose class is no success", want: `{"a":{"error":"KeyError","message":"'x'"}}`, got: `{"a":{"name":"x"}}`,
			lines: []string{`.a: want error KeyError "'x'", got none`}},
		{name: "the text is contained", want: `{"a":{"error":"LookupError","message":"No section"}}`,
			got: `{"a":{"error":"LookupError","message":"3:1: No section; did you mean y"}}`},
		{name: "another text", want: `{"a":{"error":"LookupError","message":"No section"}}`, got: `{"a":{"error":"LookupError","message":"none"}}`,
			lines: []string{`.a: want error text "No section" in "none"`}},
		{name: "another class", want: `{"a":{"error":"LookupError","message":"m"}}`, got: `{"a":{"error":"ParsingError","message":"m"}}`,
			lines: []string{`.a: want error LookupError "m", got error ParsingError "m"`}},
		{name: "unexpected error", want: `{"a":{"name":"x"}}`, got: `{"a":{"error":"LookupError","message":"m"}}`,
			lines: []string{`.a: unexpected error LookupError "m"`}},
		{name: "options called error and message", want: `{"local_conf":{"error":"1","message":"m"}}`, got: `{"local_conf":{"error":"2","message":"m"}}`,
			lines: []string{`.local_conf.error: want "1", got "2"`}},
		{name: "INT-16 may load", want: `{"a":{"error":"InterpolationSyntaxError","message":"m"}}`, got: `{"a":{}}`, ini: "use = config:x"},
		{name: "INT-06 without other files may not", want: `{"a":{"error":"InterpolationSyntaxError","message":"m"}}`, got: `{"a":{}}`,
			lines: []string{`.a: want error InterpolationSyntaxError "m", got none`}},
		{name: "the whole document", want: `{}`, got: `null`, lines: []string{`.: want a map, got <nil>`}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, d := range Diff(decode(t, tc.want), decode(t, tc.got), []byte(tc.ini)) {
				got = append(got, d.String())
			}
			if !slices.Equal(got, tc.lines) {
				t.Errorf("Diff(%s, %s) = %q, want %q", tc.want, tc.got, got, tc.lines)
			}
		})
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDifferencesOfOneCauseHaveOneShape(t *testing.T) {
	const want = `{"apps":{"app:v2.1":{"local_conf":{"a.b":"1","c":"2"},"sections":["x"]}}}`
	const got = `{"apps":{"app:v2.1":{"local_conf":{"a.b":"2","c":"1"},"sections":["y"]}}}`
	var shapes []string
	for _, d := range Diff(decode(t, want), decode(t, got), nil) {
		shapes = append(shapes, d.Shape)
	}
	if w := []string{"value of local_conf", "value of local_conf", "value of sections"}; !slices.Equal(shapes, w) {
		t.Errorf("shapes = %q, want %q", shapes, w)
	}
}
