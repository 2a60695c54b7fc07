package basicauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// decode reads NAME:PASSWORD as Python's base64 does: a pad may be too long, and
// the bits that are left over do not count.
func decode(token string) (name, password string, ok bool) {
	plain := strings.TrimRight(token, "=")
	pad := len(token) - len(plain)
	if pad > 2 || len(plain)%4 == 1 || len(plain)%4 == 2 && pad < 2 || len(plain)%4 == 3 && pad < 1 {
		return "", "", false
	}
	if strings.ContainsAny(plain, "\r\n") { // Go would skip them
		return "", "", false
	}
	data, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return "", "", false
	}
	name, password, ok = strings.Cut(string(data), ":")
	return name, password, ok && utf8.ValidString(name)
}

// check compares the password with the one in the file, and gives the problem;
// "" for none.
func (f *filter) check(ctx context.Context, name, password string) string {
	lines, err := readLines(f.file)
	if err != nil {
		f.log.Error("reading the file of users", "error", err)
		return "Problem reading auth file"
	}
	for _, line := range lines {
		if crypted, ok := strings.CutPrefix(line, name+":"); ok {
			return f.compare(ctx, name, crypted, password)
		}
	}
	f.log.Info("the user is not known", "user", name)
	return unauthorized
}

func (f *filter) compare(ctx context.Context, name, crypted, password string) string {
	if !isBcrypt(crypted) {
		f.log.Error("the user's password is not digested by bcrypt", "user", name)
		return "Only bcrypt digested passwords are supported for " + name
	}
	if strings.Contains(password, "\x00") {
		return "password and hashed_password may not contain NUL bytes"
	}
	if f.known.has(crypted, password) {
		return ""
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done(): // the client has left
		return unauthorized
	}
	err := bcrypt.CompareHashAndPassword([]byte(crypted), []byte(password))
	switch {
	case err == nil:
		f.known.add(crypted, password)
		return ""
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		f.log.Info("the password does not match", "user", name)
		return unauthorized
	}
	f.log.Error("the user's password is no bcrypt digest", "user", name)
	return "Invalid salt"
}

func isBcrypt(crypted string) bool {
	return strings.HasPrefix(crypted, "$2y$") || strings.HasPrefix(crypted, "$2a$") || strings.HasPrefix(crypted, "$2b$")
}

// readLines gives the lines without the white space around them.
func readLines(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(data) {
		return nil, errors.New("the file is not UTF-8")
	}
	lines := strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return lines, nil
}

// checkFile is what the original does at its start: whatever has a colon must be
// a user.
func checkFile(file string) error {
	lines, err := readLines(file)
	if err != nil {
		return err
	}
	for _, line := range lines {
		name, crypted, ok := strings.Cut(line, ":")
		if ok && !isBcrypt(crypted) {
			return fmt.Errorf("only bcrypt passwords are supported, the one of %q is another, want htpasswd -B", name)
		}
	}
	return nil
}

// known remembers which passwords were right, by a keyed hash of the password
// and of what the file has: a change of the file counts at once. A nil known
// remembers nothing.
type known struct {
	life time.Duration
	now  func() time.Time
	key  [sha256.Size]byte

	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

// maxKnown bounds the memory.
const maxKnown = 4096

func (k *known) sum(crypted, password string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, k.key[:])
	_, _ = mac.Write([]byte(crypted + "\x00" + password)) // never fails
	mac.Sum(sum[:0])
	return sum
}

func (k *known) has(crypted, password string) bool {
	if k == nil {
		return false
	}
	sum := k.sum(crypted, password)
	k.mu.Lock()
	defer k.mu.Unlock()
	until, ok := k.until[sum]
	return ok && k.now().Before(until)
}

func (k *known) add(crypted, password string) {
	if k == nil {
		return
	}
	sum := k.sum(crypted, password)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until == nil || len(k.until) >= maxKnown {
		k.until = map[[sha256.Size]byte]time.Time{}
	}
	k.until[sum] = k.now().Add(k.life)
}
