package correlationid

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

var random = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestCorrelationID(t *testing.T) {
	filter, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, header, value, want string }{
		{"none", "", "", ""},
		{"empty", Header, "", ""},
		{"sent", Header, "mine", "mine"},
		{"sent with underscores", "X_CORRELATION_ID", "mine", "mine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			var got []string
			rec := httptest.NewRecorder()
			filter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header[Header] })).ServeHTTP(rec, r)
			if len(got) != 1 || got[0] != tt.want && (tt.want != "" || !random.MatchString(got[0])) {
				t.Errorf("inside %q, want %q (a new one if empty)", got, tt.want)
			}
			if len(rec.Header()) != 0 {
				t.Errorf("answer %v, want no header", rec.Header())
			}
		})
	}
}
