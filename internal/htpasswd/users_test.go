package htpasswd

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// cheap is a hash of bcrypt that takes little time.
func cheap(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestVerify(t *testing.T) {
	name := filepath.Join(t.TempDir(), "users")
	text := "# comment\n\nann:" + cheap(t, "secret") + "\nbob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	hashes, err := Read(name, true)
	if err != nil {
		t.Fatal(err)
	}
	u := NewUsers(hashes, time.Hour, 1)
	for _, tt := range []struct {
		user, password string
		want           Result
	}{
		{"ann", "secret", Right}, {"ann", "secret", Cached}, {"ann", "Secret", Refused}, {"ann", "", Refused}, {"bob", "secret", Right},
		{"bob", "x", Refused}, {"eve", "secret", Refused}, {"", "", Refused}, {"ann", string(make([]byte, 2*maxLength)), Refused},
	} {
		if got := u.Verify(t.Context(), tt.user, tt.password); got != tt.want {
			t.Errorf("Verify(%q, %.20q) = %s, want %s", tt.user, tt.password, got, tt.want)
		}
	}
}

func TestAnUnknownUserCostsTheSame(t *testing.T) {
	const cost = 7
	h, err := bcrypt.GenerateFromPassword([]byte("secret"), cost)
	if err != nil {
		t.Fatal(err)
	}
	u := NewUsers(map[string]Hash{"ann": {"bcrypt", string(h), cost}, "bob": {"bcrypt", cheap(t, "x"), bcrypt.MinCost}}, time.Minute, 1)
	if got, err := bcrypt.Cost([]byte(u.nobody.text)); got != cost || err != nil || len(u.nobody.text) != bcryptLength {
		t.Fatalf("the hash of nobody, %s, has cost %d, %v, want %d", u.nobody.text, got, err, cost)
	}
	best := func(user string) time.Duration {
		least := time.Hour
		for range 5 {
			start := time.Now()
			if got := u.Verify(t.Context(), user, "wrong"); got != Refused {
				t.Errorf("%s: %s", user, got)
			}
			least = min(least, time.Since(start))
		}
		return least
	}
	// Nothing but the time tells that the hash is computed; without, it would
	// be thousands of times less.
	if known, unknown := best("ann"), best("mallory"); unknown < known/10 {
		t.Errorf("%s for a wrong password, %s for an unknown user", known, unknown)
	}
}

func TestWhoLeavesDoesNotWait(t *testing.T) {
	u := NewUsers(map[string]Hash{"ann": {"sha", "{SHA}x", 0}}, 0, 1)
	u.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := u.Verify(ctx, "ann", "x"); got != Busy {
		t.Errorf("%s, want %s", got, Busy)
	}
}

func TestWhatIsRememberedEndsAndIsBounded(t *testing.T) {
	u := NewUsers(map[string]Hash{"ann": {"bcrypt", cheap(t, "x"), bcrypt.MinCost}}, time.Nanosecond, 1)
	if a, b := u.Verify(t.Context(), "ann", "x"), u.Verify(t.Context(), "ann", "x"); a != Right || b != Right {
		t.Errorf("%s, %s, want ok twice", a, b)
	}
	u.ttl = time.Hour
	for i := range maxRemembered + 10 {
		u.remember(u.key(strconv.Itoa(i), ""))
	}
	if len(u.right) > maxRemembered {
		t.Errorf("%d are remembered", len(u.right))
	}
}
