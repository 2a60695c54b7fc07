package oauth2token_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/keystonetest"
	_ "github.com/wheatpaste/wheatpaste/filters/keystone/oauth2token"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("test:shows", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Header.Get("X-User-Id"), " ", r.Header["X-Identity-Status"], " ", pipeline.FromRequest(r).Identity().UserID)
		}), nil
	})
}

func ini(filter, options string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:keystonemiddleware#" + filter + "\n" + options +
		"\n[app:app]\npaste.app_factory = test:shows\n"
}

const (
	refused = `401 [Keystone uri="http://public"] {"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}`
	passed  = "200 [] u1 [] u1"
)

func answer(app http.Handler, r *http.Request) string {
	rec := httptest.NewRecorder()
	app.ServeHTTP(rec, r)
	return fmt.Sprint(rec.Code, " ", rec.Header()["Www-Authenticate"], " ", rec.Body)
}

func TestRequests(t *testing.T) {
	k := keystonetest.New(t)
	k.Put("good", keystonetest.User(time.Hour, "", ""))
	k.Put("old", keystonetest.User(-time.Hour, "", ""))
	k.Put("rules", keystonetest.User(time.Hour, "", `, "catalog": [{"type": "nfv"}], "application_credential": {"access_rules": []}`))
	app := pipelinetest.Load(t, ini("oauth2_token", k.Options()+"delay_auth_decision = true\nservice_type = nfv"))
	tests := []struct {
		name   string
		header http.Header
		want   string
	}{
		{"nothing", http.Header{}, refused},
		{"good", http.Header{"Authorization": {"Bearer good"}}, passed},
		{"other spelling", http.Header{"Authorization": {"bearer good"}}, refused},
		{"twice", http.Header{"Authorization": {"Bearer good", "Bearer good"}}, refused},
		{"other scheme", http.Header{"Authorization": {"Basic good"}}, refused},
		{"no token", http.Header{"Authorization": {"Bearer"}}, refused},
		{"not known", http.Header{"Authorization": {"Bearer bad"}}, refused},
		{"expired", http.Header{"Authorization": {"Bearer old"}}, refused},
		{"in the header of auth_token", http.Header{"X-Auth-Token": {"good"}}, refused},
		{"forged", http.Header{"Authorization": {"Bearer bad"}, "X-User-Id": {"root"}, "X-Identity-Status": {"Confirmed"}}, refused},
		{"around the access rules", http.Header{"Authorization": {"Bearer rules"}, "X-Service-Token": {"x"}}, refused},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = tt.header
		if got := answer(app, r); got != tt.want {
			t.Errorf("%s: got  %s\nwant %s", tt.name, got, tt.want)
		}
	}
	k.Before = func(w http.ResponseWriter) bool { w.WriteHeader(500); return true }
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer new")
	rec := httptest.NewRecorder()
	if app.ServeHTTP(rec, r); rec.Code != http.StatusServiceUnavailable {
		t.Errorf("%d without keystone, want 503", rec.Code)
	}
}

func TestTokenOfAnotherCertificateIsRefused(t *testing.T) {
	own, other := &x509.Certificate{Raw: []byte("own")}, &x509.Certificate{Raw: []byte("other")}
	thumb := func(b []byte) string {
		sum := sha256.Sum256(b)
		return `, "oauth2_credential": {"x5t#S256": "` + base64.URLEncoding.EncodeToString(sum[:]) + `"}`
	}
	k := keystonetest.New(t)
	k.Put("pem", keystonetest.User(time.Hour, "", thumb(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Raw}))))
	k.Put("der", keystonetest.User(time.Hour, "", thumb(own.Raw)))
	k.Put("unbound", keystonetest.User(time.Hour, "", ""))
	app := pipelinetest.Load(t, ini("oauth2_mtls_token", k.Options()))
	tests := []struct {
		token string
		certs []*x509.Certificate
		want  string
	}{
		{"pem", []*x509.Certificate{own}, passed},
		{"der", []*x509.Certificate{own, other}, passed},
		{"pem", []*x509.Certificate{other, own}, refused},
		{"pem", nil, refused},
		{"unbound", []*x509.Certificate{own}, refused},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+tt.token)
		r.TLS = &tls.ConnectionState{PeerCertificates: tt.certs}
		if got := answer(app, r); got != tt.want {
			t.Errorf("%v: got  %s\nwant %s", tt, got, tt.want)
		}
	}
}

func BenchmarkOAuth2Token(b *testing.B) {
	k := keystonetest.New(b)
	k.Put("good", keystonetest.User(time.Hour, "", ""))
	app := pipelinetest.Load(b, ini("oauth2_token", k.Options()))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer good")
	app.ServeHTTP(httptest.NewRecorder(), r)
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(httptest.NewRecorder(), r)
	}
}
