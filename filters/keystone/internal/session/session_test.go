package session

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/keystonetest"
)

func client(t *testing.T, c Config) *Client {
	t.Helper()
	if c.Interface == "" {
		c.Interface = "internal"
	}
	c.Logger, c.Catalog = slog.New(slog.DiscardHandler), true
	if c.Observe == nil {
		c.Observe = func(string, int, time.Duration) {}
	}
	client := New(c)
	if err := client.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func password(url string) Credentials {
	return Credentials{Type: "password", AuthURL: url, UserID: "u", Password: "p"}
}

func TestWaysToTheAPI(t *testing.T) {
	k := keystonetest.New(t)
	k.Put("tok", keystonetest.User(time.Hour, "", ""))
	for _, c := range []Credentials{
		password(k.URL), password(k.URL + "/"), password(k.URL + "/v3/"),
		{Type: "v3password", AuthURL: k.URL, UserID: "u"}, {Type: "v3token", AuthURL: k.URL + "/v3", Token: "t"},
	} {
		if _, err := client(t, Config{Credentials: c}).Validate(t.Context(), "tok", false); err != nil {
			t.Errorf("%s %s: %v", c.Type, c.AuthURL, err)
		}
	}
}

func TestVersionDocuments(t *testing.T) {
	const v3 = `{"id": "v3.14", "links": [{"rel": "other", "href": "http://x/"}, {"rel": "self", "href": "%s"}]}`
	tests := []struct{ name, body, href, want string }{
		{"one", `{"version": ` + v3 + `}`, "http://k/v3/", "http://k/v3"},
		{"list", `{"versions": [{"id": "v2.0", "links": [{"rel": "self", "href": "http://k/v2.0"}]}, ` + v3 + `]}`, "http://k/v3", "http://k/v3"},
		{"values", `{"versions": {"values": [` + v3 + `]}}`, "http://k/identity/v3", "http://k/identity/v3"},
		{"relative", `{"version": ` + v3 + `}`, "/v3/", "BASE/v3"},
		{"no URL", `{"version": ` + v3 + `}`, "file:///v3", ""},
		{"no version 3", `{"versions": []}`, "", ""},
		{"no JSON", `<html>`, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, strings.ReplaceAll(tt.body, "%s", tt.href))
			}))
			defer s.Close()
			got, err := client(t, Config{}).discover(t.Context(), s.URL)
			if want := strings.Replace(tt.want, "BASE", s.URL, 1); got != want || (want == "") != errors.Is(err, ErrUnavailable) {
				t.Errorf("%q %v, want %q", got, err, want)
			}
		})
	}
}

func TestRetriesWhenKeystoneCannotBeReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	var attempts atomic.Int64
	observe := func(_ string, status int, _ time.Duration) {
		if status == 0 {
			attempts.Add(1)
		}
	}
	c := client(t, Config{Credentials: Credentials{Type: "v3token", AuthURL: url, Token: "t"}, Retries: 1, Observe: observe})
	if _, err := c.Validate(t.Context(), "tok", false); !errors.Is(err, ErrUnavailable) || attempts.Load() != 2 {
		t.Errorf("%v after %d attempts, want %v after 2", err, attempts.Load(), ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	c = client(t, Config{Credentials: Credentials{Type: "v3token", AuthURL: url, Token: "t"}, Retries: 20, Observe: observe})
	if _, err := c.Validate(ctx, "tok", false); !errors.Is(err, ErrUnavailable) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v, want %v when the context ends", err, time.Since(start), ErrUnavailable)
	}
}

func TestPatience(t *testing.T) {
	c := New(Config{Timeout: 2 * time.Second, Retries: 3})
	if got, want := c.Patience(), 8*time.Second+3500*time.Millisecond; got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTokensAreNotSentToAnotherServer(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}))
	defer other.Close()
	k := keystonetest.New(t)
	k.Before = func(w http.ResponseWriter) bool {
		w.Header().Set("Location", other.URL+"/v3/auth/tokens")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	c := client(t, Config{Credentials: Credentials{Type: "admin_token", Token: "t", Endpoint: k.URL}})
	if _, err := c.Validate(t.Context(), "tok", false); !errors.Is(err, ErrUnavailable) || !errors.Is(err, errRedirect) {
		t.Errorf("%v, want %v", err, errRedirect)
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
	defer s.Close()
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	dir := t.TempDir()
	ca, bad := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "bad.pem")
	for name, text := range map[string][]byte{ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), bad: []byte("x")} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	admin := Credentials{Type: "admin_token", Token: "t", Endpoint: s.URL}
	for _, tt := range []struct {
		config Config
		want   error
	}{
		{Config{Credentials: admin}, ErrUnavailable},
		{Config{Credentials: admin, CAFile: ca}, ErrUnknown},
		{Config{Credentials: admin, Insecure: true}, ErrUnknown},
	} {
		if _, err := client(t, tt.config).Validate(t.Context(), "tok", false); !errors.Is(err, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.config.CAFile, err, tt.want)
		}
	}
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{Config{CAFile: bad}, "cafile: " + fmt.Sprintf("%q", bad) + " holds no certificate in PEM"},
		{Config{CAFile: dir + "/none"}, "cafile: open " + dir + "/none: no such file or directory"},
		{Config{CertFile: bad}, "certfile: tls: failed to find any PEM data in certificate input"},
	} {
		if err := New(tt.config).Open(); err == nil || err.Error() != tt.want {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

func TestCatalogWithoutTheEndpoint(t *testing.T) {
	k := keystonetest.New(t)
	c := client(t, Config{Credentials: password(k.URL), Interface: "admin", Region: "Two"})
	want := `keystone is unavailable: the catalog of the service user has no admin endpoint of the identity service in region "Two"`
	if _, err := c.Validate(t.Context(), "tok", false); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestRenewal(t *testing.T) {
	now := time.Unix(0, 0)
	for life, want := range map[time.Duration]time.Duration{time.Hour: 58 * time.Minute, time.Minute: 30 * time.Second, 0: 0} {
		if got := renewal(now, now.Add(life)).Sub(now); got != want {
			t.Errorf("a token for %v is renewed after %v, want %v", life, got, want)
		}
	}
}
