package forwarded

import (
	"net/http"
	"net/http/httptest"
	"testing"

	_ "github.com/wheatpaste/wheatpaste/apps/respond"
	_ "github.com/wheatpaste/wheatpaste/filters/ipallow"
	_ "github.com/wheatpaste/wheatpaste/filters/ratelimit"
	_ "github.com/wheatpaste/wheatpaste/filters/redirect"
	_ "github.com/wheatpaste/wheatpaste/filters/secureheaders"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// TestOtherFiltersGoByWhatWasFound: behind a proxy of ours the client counts,
// and what a stranger writes changes nothing.
func TestOtherFiltersGoByWhatWasFound(t *testing.T) {
	app := pipelinetest.Load(t, `
[pipeline:main]
pipeline = forwarded secure https allow limit app
[filter:forwarded]
use = egg:wheatpaste#forwarded
trusted_proxies = 10.0.0.0/8
[filter:secure]
use = egg:wheatpaste#secure_headers
[filter:https]
use = egg:wheatpaste#redirect
https = true
[filter:allow]
use = egg:wheatpaste#ip_allow
allow = 203.0.113.0/24
[filter:limit]
use = egg:wheatpaste#ratelimit
rate = 2/hour
[app:app]
use = egg:wheatpaste#respond
`)
	const proxy, stranger = "10.0.0.1:1", "192.0.2.1:1"
	tests := []struct {
		name, remote string
		headers      []string
		want         int
		hsts         bool
	}{
		{"through the proxy", proxy, []string{"X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: https"}, 200, true},
		{"the same client with a lie before it", proxy, []string{"X-Forwarded-For: 203.0.113.6, 203.0.113.5", "X-Forwarded-Proto: https"}, 200, true},
		{"and a third time", proxy, []string{"X-Forwarded-For: 203.0.113.7, 203.0.113.5", "X-Forwarded-Proto: https"}, 429, true},
		{"another client", proxy, []string{"X-Forwarded-For: 203.0.113.8", "X-Forwarded-Proto: https"}, 200, true},
		{"one who is not allowed", proxy, []string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https"}, 403, true},
		{"by http", proxy, []string{"X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: http"}, 308, false},
		{"a stranger who says https", stranger, []string{"X-Forwarded-For: 203.0.113.5", "X-Forwarded-Proto: https"}, 308, false},
	}
	for _, tt := range tests {
		rec := httptest.NewRecorder()
		app.ServeHTTP(rec, request(tt.remote, tt.headers...))
		if hsts := rec.Header().Get("Strict-Transport-Security") != ""; rec.Code != tt.want || hsts != tt.hsts {
			t.Errorf("%s: %d, HSTS %v, want %d, %v", tt.name, rec.Code, hsts, tt.want, tt.hsts)
		}
	}
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, request(stranger))
	if got := rec.Header().Get("Location"); got != "https://in.test/x" || rec.Code != http.StatusPermanentRedirect {
		t.Errorf("Location %q", got)
	}
}
