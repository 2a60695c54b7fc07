package osprofiler

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// signed was made by osprofiler 3.4.3:
// signed_pack({"base_id": "b", "parent_id": "p"}, "SECRET_KEY").
const (
	signedInfo = "eyJiYXNlX2lkIjogImIiLCAicGFyZW50X2lkIjogInAifQ=="
	signedMAC  = "1c2e230dfa3d4ac49ce13c80b986570da2057b6e"
)

func filterOf(t testing.TB, o Options) func(http.Handler) http.Handler {
	t.Helper()
	f, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// traceOf is what the application gets to know.
func traceOf(t *testing.T, o Options, headers map[string]string) (Trace, bool) {
	t.Helper()
	var trace Trace
	found := false
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	_, w, r := pipeline.Begin(httptest.NewRecorder(), r)
	filterOf(t, o)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		trace, found = Current.Get(pipeline.FromRequest(r))
	})).ServeHTTP(w, r)
	return trace, found
}

var on = Options{Enabled: true, Keys: paste.CommaList{"other", "SECRET_KEY"}}

func TestATraceOfTheOriginalIsTaken(t *testing.T) {
	trace, ok := traceOf(t, on, map[string]string{InfoHeader: signedInfo, HMACHeader: " " + signedMAC + " "})
	if !ok || trace.Base != "b" || trace.Parent != "p" || len(trace.ID) != 36 {
		t.Errorf("trace %+v, %t, want base b and parent p", trace, ok)
	}
}

func TestATraceIsPassedOn(t *testing.T) {
	trace, _ := traceOf(t, on, map[string]string{InfoHeader: signedInfo, HMACHeader: signedMAC})
	h := http.Header{}
	trace.Sign(h)
	next, ok := traceOf(t, on, map[string]string{InfoHeader: h.Get(InfoHeader), HMACHeader: h.Get(HMACHeader)})
	if !ok || next.Base != "b" || next.Parent != trace.ID {
		t.Errorf("the next trace is %+v, %t, want one below %+v", next, ok, trace)
	}
}

func TestOtherTracesAreNotTaken(t *testing.T) {
	pack := func(doc string) map[string]string {
		info := base64.URLEncoding.EncodeToString([]byte(doc))
		return map[string]string{InfoHeader: info, HMACHeader: sign(info, "SECRET_KEY")}
	}
	tests := []struct {
		name    string
		options Options
		headers map[string]string
	}{
		{"off", Options{Keys: on.Keys}, map[string]string{InfoHeader: signedInfo, HMACHeader: signedMAC}},
		{"no key", Options{Enabled: true}, map[string]string{InfoHeader: signedInfo, HMACHeader: signedMAC}},
		{"other key", Options{Enabled: true, Keys: paste.CommaList{"x"}}, map[string]string{InfoHeader: signedInfo, HMACHeader: signedMAC}},
		{"no signature", on, map[string]string{InfoHeader: signedInfo}},
		{"empty signature", on, map[string]string{InfoHeader: signedInfo, HMACHeader: " "}},
		{"no trace", on, map[string]string{HMACHeader: signedMAC}},
		{"changed trace", on, map[string]string{InfoHeader: "x" + signedInfo, HMACHeader: signedMAC}},
		{"no object", on, pack(`["base_id"]`)},
		{"no JSON", on, pack(`{`)},
		{"no base", on, pack(`{"parent_id": "p"}`)},
		{"unknown key", on, pack(`{"base_id": "b", "zzz": "p"}`)},
		{"number", on, pack(`{"base_id": 1}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if trace, ok := traceOf(t, tt.options, tt.headers); ok {
				t.Errorf("the trace %+v is taken", trace)
			}
		})
	}
}

func BenchmarkOsprofiler(b *testing.B) {
	h := filterOf(b, on)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
