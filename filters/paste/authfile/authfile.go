// Package authfile reads the files with users that Apache's htpasswd and
// htdigest write, for the filters that want a login, and has the page they
// refuse with.
package authfile

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the format {SHA} of htpasswd
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/bcrypt"
)

// Path gives the file that an authfunc names, which in Python is a function.
func Path(authfunc string) (string, error) {
	if strings.ContainsAny(authfunc, "/\\") {
		return strings.TrimPrefix(authfunc, "file:"), nil
	}
	return "", fmt.Errorf("a Python function such as %q cannot be called, want the path of a file with users", authfunc)
}

// lines reads a file; comments and empty lines are left out.
func lines(path string, fields int) ([][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list [][]string
	scan := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		parts := strings.SplitN(line, ":", fields)
		if len(parts) != fields {
			return nil, fmt.Errorf("%s:%d: want %d fields between colons", path, n, fields)
		}
		list = append(list, parts)
	}
	return list, scan.Err()
}

// Passwords are the users of a file of htpasswd.
type Passwords struct {
	users map[string]string
	dummy []byte

	key  [32]byte
	mu   sync.Mutex
	good map[[32]byte]struct{} // logins that were checked, by a keyed hash
}

// most is how many logins are remembered.
const most = 4096

// ReadPasswords reads a file of htpasswd, with hashes of bcrypt (htpasswd -B)
// or, though they are weak, {SHA}.
func ReadPasswords(path string) (*Passwords, error) {
	list, err := lines(path, 2)
	if err != nil {
		return nil, err
	}
	p := &Passwords{users: map[string]string{}, good: map[[32]byte]struct{}{}}
	for _, l := range list {
		user, hash := l[0], l[1]
		if !strings.HasPrefix(hash, "$2") && !strings.HasPrefix(hash, "{SHA}") {
			return nil, fmt.Errorf("%s: the hash of user %q is of no known kind, want one of htpasswd -B", path, user)
		}
		p.users[user] = hash
	}
	if _, err := rand.Read(p.key[:]); err != nil {
		return nil, err
	}
	p.dummy, err = bcrypt.GenerateFromPassword(p.key[:], bcrypt.DefaultCost)
	return p, err
}

// Check reports whether a password is the user's. It takes as long for a user
// who is not there; what was right once is remembered, as bcrypt is slow.
func (p *Passwords) Check(user, password string) bool {
	hash, known := p.users[user]
	if !known {
		_ = bcrypt.CompareHashAndPassword(p.dummy, []byte(password))
		return false
	}
	if sum, ok := strings.CutPrefix(hash, "{SHA}"); ok {
		got := sha1.Sum([]byte(password)) //nolint:gosec // the format of the file
		return subtle.ConstantTimeCompare([]byte(sum), []byte(base64.StdEncoding.EncodeToString(got[:]))) == 1
	}
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(user + "\x00" + password))
	id := [32]byte(mac.Sum(nil))
	if p.remembers(id) {
		return true
	}
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
		return false
	}
	p.remember(id)
	return true
}

func (p *Passwords) remembers(id [32]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.good[id]
	return ok
}

func (p *Passwords) remember(id [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.good) >= most {
		clear(p.good)
	}
	p.good[id] = struct{}{}
}

// Digests are the users of a file of htdigest.
type Digests struct {
	users map[[2]string]string
	// Sum is a secret that all who read the same file have in common.
	Sum [32]byte
}

// ReadDigests reads a file of htdigest.
func ReadDigests(path string) (*Digests, error) {
	list, err := lines(path, 3)
	if err != nil {
		return nil, err
	}
	d := &Digests{users: map[[2]string]string{}}
	all := sha256.New()
	for _, l := range list {
		d.users[[2]string{l[0], l[1]}] = strings.ToLower(l[2])
		all.Write([]byte(strings.Join(l, ":") + "\n"))
	}
	all.Sum(d.Sum[:0])
	return d, nil
}

// Get gives the hash of user:realm:password.
func (d *Digests) Get(user, realm string) (string, bool) {
	h, ok := d.users[[2]string{user, realm}]
	return h, ok
}
