package healthcheck

import (
	"net/http"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// TestDrainingServerIsUnhealthy is PAIN-27: from the stop on, each form of the
// answer says so, whatever the checks find.
func TestDrainingServerIsUnhealthy(t *testing.T) {
	healthy := Options{Path: defaultPath, Backends: paste.CommaList{"disable_by_file"}, DisableByFilePath: touch(t) + "-not"}
	tests := []struct {
		name, method, accept string
		options              Options
		status               int
		body                 string
	}{
		{"text", "GET", "", healthy, 503, "OK\nDRAINING"},
		{"no backends", "GET", "", Options{Path: defaultPath}, 503, "DRAINING"},
		{"HEAD", "HEAD", "", healthy, 503, ""},
		{"json", "GET", "application/json", healthy, 503,
			"{\n    \"detailed\": false,\n    \"reasons\": [\n        \"OK\",\n        \"DRAINING\"\n    ]\n}"},
		{"html", "GET", "text/html", Options{Path: defaultPath}, 503, "<HTML>\n<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>\n<BODY>\n\n" +
			"<H2>Result of 1 checks:</H2>\n<TABLE bgcolor=\"#ffffff\" border=\"1\">\n<TBODY>\n<TR>\n\n<TH>\nReason\n</TH>\n</TR>\n" +
			"<TR>\n\n    <TD>DRAINING</TD>\n\n</TR>\n</TBODY>\n</TABLE>\n<HR></HR>\n\n</BODY>\n</HTML>"},
	}
	for _, tt := range tests {
		filter, err := NewFilter(build(new([]string)), tt.options)
		if err != nil {
			t.Fatal(err)
		}
		for form, h := range map[string]http.Handler{"app": app(t, tt.options), "filter": filter(inner)} {
			t.Run(tt.name+", "+form, func(t *testing.T) {
				got := get(t, stopping(h), tt.method, "Accept", tt.accept)
				if got.Status != tt.status || got.Body != tt.body {
					t.Errorf("got %d %q, want %d %q", got.Status, got.Body, tt.status, tt.body)
				}
			})
		}
	}
}

// stopping serves as a server does that stops.
func stopping(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, ending := pipeline.WithEnding(r.Context())
		ending.Drain()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}
