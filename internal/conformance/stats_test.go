package conformance

import (
	"slices"
	"strings"
	"testing"
)

func TestStatsCountContextsAndErrors(t *testing.T) {
	var s Stats
	s.Add(decode(t, `{"file_error":{"error":"ParsingError","message":"Source contains parsing errors: 'f'\n\t[line  1]: 'x\\n'"}}`))
	s.Add(decode(t, `{"apps":{
		"pipeline:main":{"object_type":"pipeline","sections":["pipeline:main"],"local_conf":{"error":"1","message":"2"},
			"app":{"object_type":"application","protocol":null,"factory_kind":"egg","sections":["app:a","app:b"]},
			"filters":[{"object_type":"filter"}]},
		"app:x":{"error":"KeyError","message":"'none'"}},"filters":{},"servers":{}}`))
	s.Unusable()
	const want = `3 files, 1 parse, 1 without a usable answer
2 sections, 1 resolve, 3 contexts, deepest 2, longest use 2
      1  GLB-08 get of nothing
      1  INI-14 line without delimiter
      1  class KeyError
      1  class ParsingError
      1  factory_kind egg
      1  object_type application
      1  object_type filter
      1  object_type pipeline
      1  protocol <nil>
`
	if got := s.String(); got != want {
		t.Errorf("String() =\n%s\nwant\n%s", got, want)
	}
}

func TestStatsNameWhatIsNotReached(t *testing.T) {
	var s Stats
	all := s.Missing()
	s.Add(decode(t, `{"apps":{"app:x":{"error":"IndexError","message":"list index out of range"}}}`))
	left := s.Missing()
	const name = "PIPE-05 empty pipeline"
	if !slices.Contains(all, name) || slices.Contains(left, name) || len(left) != len(all)-1 {
		t.Errorf("Missing() = %s, then %s", strings.Join(all, ", "), strings.Join(left, ", "))
	}
}
