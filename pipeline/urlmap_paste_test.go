package pipeline

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// pasteCase is a map and requests with the answers of Paste's own urlmap.
type pasteCase struct {
	Keys []struct {
		Key   string
		Error string
	}
	Requests []struct {
		Host, Scheme, Path string
		Want               []string // application, SCRIPT_NAME, PATH_INFO; null when Paste fails
	}
}

// TestURLMapEqualsPaste compares with what Paste answered to random keys and
// requests; testdata/urlmap_paste.py wrote it down.
func TestURLMapEqualsPaste(t *testing.T) {
	file := os.Getenv("WHEATPASTE_URLMAP_CASES")
	if file == "" {
		file = "testdata/urlmap_paste.json"
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []pasteCase
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for i, c := range cases {
		m := NewURLMap(tagApp("none"), false)
		for j, k := range c.Keys {
			key, err := ParseMountKey(k.Key)
			if fmt.Sprint(err) != k.Error && (err != nil || k.Error != "") {
				t.Errorf("case %d: key %q: %v, want %s", i, k.Key, err, k.Error)
			}
			if err == nil {
				m.Mount(key, tagApp(fmt.Sprint(j)))
			}
		}
		for _, q := range c.Requests {
			want := "500"
			if q.Want != nil {
				want = fmt.Sprintf("%s %q %q", q.Want[0], q.Want[1], q.Want[2])
			}
			if got := pasteAnswer(m, q.Host, q.Scheme, q.Path); got != want {
				t.Errorf("case %d: %s %q %q = %s, want %s; keys %v", i, q.Scheme, q.Host, q.Path, got, want, c.Keys)
			}
		}
	}
}

func pasteAnswer(m http.Handler, host, scheme, path string) string {
	w := httptest.NewRecorder()
	e, _, r := Begin(w, request(host, path))
	e.SetScheme(scheme)
	e.SetScriptName("/s")
	m.ServeHTTP(w, r)
	if w.Code == http.StatusInternalServerError {
		return "500"
	}
	return w.Body.String()
}
