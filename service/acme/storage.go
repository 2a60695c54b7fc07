package acme

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// storage is the folder of account, keys and certificates. certmagic stores a
// proof there before it tells the CA to look: that is when all workers must have
// it.
type storage struct {
	*certmagic.FileStorage
	m *Manager
}

func isProof(key string) bool { return strings.Contains(key, "/challenge_tokens/") }

// Store is certmagic.Storage's.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.FileStorage.Store(ctx, key, value); err != nil || !isProof(key) {
		return err
	}
	var challenge acme.Challenge
	if err := json.Unmarshal(value, &challenge); err != nil {
		return err
	}
	if challenge.Type != acme.ChallengeTypeTLSALPN01 {
		return nil
	}
	p, err := newProof(challenge)
	if err != nil {
		return err
	}
	return s.m.show(ctx, key, p)
}

// Delete is certmagic.Storage's.
func (s *storage) Delete(ctx context.Context, key string) error {
	s.m.mu.Lock()
	delete(s.m.proofs, key)
	s.m.mu.Unlock()
	return s.FileStorage.Delete(ctx, key)
}

// show waits until the workers show a proof.
func (m *Manager) show(ctx context.Context, key string, p Proof) error {
	shown := make(chan struct{})
	m.mu.Lock()
	m.proofs[key] = p
	m.shown = append(m.shown, shown)
	m.mu.Unlock()
	select {
	case <-shown:
	case <-ctx.Done():
		return ctx.Err()
	}
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newProof(challenge acme.Challenge) (Proof, error) {
	cert, err := acmez.TLSALPN01ChallengeCert(challenge)
	if err != nil {
		return Proof{}, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return Proof{}, err
	}
	return Proof{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}, nil
}
