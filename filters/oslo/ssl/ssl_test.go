package ssl

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func TestScheme(t *testing.T) {
	const usual = "X-Forwarded-Proto"
	tests := []struct{ name, option, header, value, want string }{
		{"none", usual, "", "", "http"},
		{"https", usual, "X-Forwarded-Proto", "https", "https"},
		{"taken as it is", usual, "X-Forwarded-Proto", "HTTPS, http", "HTTPS, http"},
		{"other header", "X-Proto", "X-Proto", "https", "https"},
		{"other header, spelt otherwise", "x_proto", "X-PROTO", "https", "https"},
		{"not the usual one then", "X-Proto", "X-Forwarded-Proto", "https", "http"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			filter, err := New(paste.NewBuild(&paste.Context{}, paste.BuildConfig{}), Options{Header: tt.option})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			if tt.header != "" {
				r.Header.Set(tt.header, tt.value)
			}
			_, w, r := pipeline.Begin(httptest.NewRecorder(), r)
			got := ""
			filter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = pipeline.FromRequest(r).Scheme()
			})).ServeHTTP(w, r)
			if got != tt.want {
				t.Errorf("scheme %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWarnsThatItIsDeprecated(t *testing.T) {
	var got []string
	b := paste.NewBuild(&paste.Context{}, paste.BuildConfig{Warn: func(e *paste.Error) { got = append(got, e.Error()) }})
	if _, err := New(b, Options{}); err != nil {
		t.Fatal(err)
	}
	want := "[the ssl filter is deprecated and believes every client, want egg:oslo.middleware#http_proxy_to_wsgi with trusted_proxies]"
	if fmt.Sprint(got) != want {
		t.Errorf("warnings %s, want %s", got, want)
	}
}
