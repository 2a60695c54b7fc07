package check_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/check"
	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// writeCertificate makes a certificate with its key that is good until a time.
func writeCertificate(t *testing.T, path string, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"a.test"}, NotBefore: until.AddDate(-1, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// An expired certificate is an error of check, and a warning where it is served.
func TestExpiredCertificates(t *testing.T) {
	t.Chdir(t.TempDir())
	const ini = "[app:main]\nuse = egg:Paste#test\n[server:main]\nuse = egg:wheatpaste#http\ncert_file = a.pem\n"
	if err := os.WriteFile("paste.ini", []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		until time.Time
		level string
		text  string
	}{
		{"good", time.Now().AddDate(0, 3, 0), "", ""},
		{"soon", time.Now().Add(10*24*time.Hour + time.Hour), "warning: ", "expires in 10 days, on "},
		{"over", time.Now().Add(-time.Hour), "", "expired on "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			writeCertificate(t, "a.pem", tt.until)
			want := ""
			if tt.text != "" {
				want = "paste.ini:5:13: " + tt.level + `[server:main] cert_file: the certificate of a.test in "a.pem" ` + tt.text + tt.until.UTC().Format(time.DateOnly) + ", want a new one\n"
			}
			if got := said(t, "paste.ini"); got != want {
				t.Errorf("check says\n%swant\n%s", got, want)
			}
			dir, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			made, err := check.Plan(plan.Request{
				Loader: &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}, URI: paste.FileURI(filepath.Join(dir, "paste.ini")),
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(made.Warnings) > 0; got != (want != "") {
				t.Errorf("serve warns: %v", made.Warnings)
			}
		})
	}
}
