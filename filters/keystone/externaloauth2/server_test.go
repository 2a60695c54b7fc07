package externaloauth2_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// server is an authorization server that checks who asks.
type server struct {
	*httptest.Server
	t      *testing.T
	dir    string
	method string
	keys   map[string]any // to verify assertions with, by algorithm
	ca     *x509.CertPool // that client certificates must be of

	calls  atomic.Int64
	gate   chan struct{} // nil, or what answers wait for
	mu     sync.Mutex
	tokens map[string]string // the answer for each
	seen   map[string]bool   // jti of assertions
}

const (
	clientID = "nova-1"
	secret   = "s e+c%ret&="
	audience = "https://idp.example.com/token"
)

func newServer(t *testing.T, method string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), method: method, keys: map[string]any{}, tokens: map[string]string{}, seen: map[string]bool{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.answer))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if method == "tls_client_auth" {
		certificate := s.certificate("client")
		s.ca = x509.NewCertPool()
		s.ca.AddCert(certificate)
		s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, s.ca
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	s.write("ca.pem", "CERTIFICATE", s.Certificate().Raw)
	return s
}

func (s *server) file(name string) string { return filepath.Join(s.dir, name) }

func (s *server) write(name, kind string, der []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// certificate makes name.pem and name.key.
func (s *server) certificate(name string) *x509.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(name+".pem", "CERTIFICATE", der)
	s.write(name+".key", "PRIVATE KEY", private)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	return certificate
}

func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// rsaKey makes rsa.key.
func (s *server) rsaKey() {
	s.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("rsa.key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
	s.keys["RS256"], s.keys["PS256"] = &key.PublicKey, &key.PublicKey
}

// ecKey makes ec.key.
func (s *server) ecKey() {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("ec.key", "EC PRIVATE KEY", der)
	s.keys["ES256"] = &key.PublicKey
}

func (s *server) set(token, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = answer
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	if s.gate != nil {
		<-s.gate
	}
	if err := s.authenticate(r); err != nil {
		s.t.Logf("the server refuses: %v", err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	text, ok := s.tokens[r.PostFormValue("token")]
	s.mu.Unlock()
	if !ok {
		text = `{"active": false}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, text)
}

// authenticate checks the request as the chosen method wants it, and that no
// other one is used.
func (s *server) authenticate(r *http.Request) error {
	if r.Method != "POST" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.PostFormValue("token_type_hint") != "access_token" {
		return fmt.Errorf("no request for introspection: %s %v", r.Method, r.Header)
	}
	if r.URL.RawQuery != "" {
		return fmt.Errorf("a query: %s", r.URL.RawQuery)
	}
	id, password, basic := r.BasicAuth()
	form := r.PostForm
	switch {
	case s.method == "client_secret_basic":
		if !basic || id != clientID || password != secret || form.Has("client_secret") {
			return fmt.Errorf("basic %t %q", basic, id)
		}
		return nil
	case basic || form.Get("client_id") != clientID:
		return fmt.Errorf("client_id %q", form.Get("client_id"))
	case s.method == "client_secret_post" && form.Get("client_secret") == secret:
		return nil
	case form.Has("client_secret"):
		return fmt.Errorf("a secret that is not wanted or wrong")
	case s.method == "tls_client_auth":
		if len(r.TLS.VerifiedChains) == 0 || r.TLS.PeerCertificates[0].Subject.CommonName != "client" {
			return fmt.Errorf("no client certificate")
		}
		return nil
	case s.method == "client_secret_jwt" || s.method == "private_key_jwt":
		return s.assertion(form.Get("client_assertion_type"), form.Get("client_assertion"))
	}
	return fmt.Errorf("nothing to authenticate with")
}

// assertion verifies a JWT as RFC 7523, 3 wants it.
func (s *server) assertion(kind, text string) error {
	if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return fmt.Errorf("client_assertion_type %q", kind)
	}
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		if key, ok := s.keys[t.Method.Alg()]; ok {
			return key, nil
		}
		return nil, fmt.Errorf("no key for %s", t.Method.Alg())
	}, jwt.WithAudience(audience), jwt.WithIssuer(clientID), jwt.WithSubject(clientID), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil {
		return err
	}
	issued, _ := claims.GetIssuedAt()
	expires, _ := claims.GetExpirationTime()
	if d := expires.Sub(issued.Time); d != 90*time.Second {
		return fmt.Errorf("good for %v", d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	jti, _ := claims["jti"].(string)
	if jti == "" || s.seen[jti] {
		return fmt.Errorf("jti %q is there twice", jti)
	}
	s.seen[jti] = true
	return nil
}
