// Package htpasswd reads the files of users that Apache's htpasswd writes, and
// checks passwords against them, for the filters that ask for a login.
package htpasswd

import (
	"bufio"
	"bytes"
	"crypto/md5"  //nolint:gosec // of $apr1$, if the operator allows it
	"crypto/sha1" //nolint:gosec // of {SHA}, if the operator allows it
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Hash is a password as the file holds it.
type Hash struct {
	kind string // bcrypt, apr1 or sha
	text string
	cost int // of bcrypt
}

// Read reads a file; weak accepts $apr1$ and {SHA}. Its errors name the line, and
// nothing of what stands in it but the user.
func Read(path string, weak bool) (map[string]Hash, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	hashes := map[string]Hash{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		user, text, ok := strings.Cut(line, ":")
		if !ok || user == "" {
			return nil, fmt.Errorf("%s, line %d: no user, want user:hash", path, n)
		}
		if _, twice := hashes[user]; twice {
			return nil, fmt.Errorf("%s, line %d: user %q is there twice", path, n, user)
		}
		h, err := parseHash(text, weak)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: user %q: %w", path, n, user, err)
		}
		hashes[user] = h
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("%s: no users in it, want lines user:hash", path)
	}
	return hashes, nil
}

func parseHash(text string, weak bool) (Hash, error) {
	h := Hash{text: text}
	switch {
	case strings.HasPrefix(text, "$2"):
		cost, err := bcrypt.Cost([]byte(text))
		if err != nil || len(text) != bcryptLength {
			return h, errors.New("invalid bcrypt hash, want one of htpasswd -B")
		}
		h.kind, h.cost = "bcrypt", cost
		return h, nil
	case strings.HasPrefix(text, "$apr1$") && strings.Count(text, "$") == 3:
		h.kind = "apr1"
	case strings.HasPrefix(text, "{SHA}"):
		h.kind = "sha"
	default:
		return h, errors.New("unknown kind of hash, want bcrypt (htpasswd -B)")
	}
	if !weak {
		return h, fmt.Errorf("its hash is %s, want bcrypt (htpasswd -B), or allow_weak = true", map[string]string{"apr1": "MD5", "sha": "SHA-1"}[h.kind])
	}
	return h, nil
}

func (h Hash) matches(password string) bool {
	var want string
	switch h.kind {
	case "bcrypt":
		return bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password)) == nil
	case "apr1":
		salt, _, _ := strings.Cut(h.text[len("$apr1$"):], "$")
		want = apr1(password, salt)
	case "sha":
		sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
		want = "{SHA}" + base64.StdEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(h.text), []byte(want)) == 1
}

// bcryptLength is that of every hash of bcrypt.
const bcryptLength = 60

// fake is a hash of bcrypt without its $2 and its version, of no password.
const fake = "$%02d$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

// slowest makes a hash that takes as long to compute as the slowest of all.
func slowest(hashes map[string]Hash) Hash {
	slow := Hash{}
	for _, h := range hashes {
		if slow.kind == "" || h.cost > slow.cost {
			slow = h
		}
	}
	if slow.kind == "bcrypt" {
		slow.text = "$2y" + fmt.Sprintf(fake, slow.cost)
	}
	return slow
}

const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// apr1 is Apache's variant of the MD5 crypt of FreeBSD.
func apr1(password, salt string) string {
	salt = salt[:min(len(salt), 8)]
	inner := md5.Sum([]byte(password + salt + password)) //nolint:gosec // see above
	b := []byte(password + "$apr1$" + salt)
	for left := len(password); left > 0; left -= md5.Size {
		b = append(b, inner[:min(left, md5.Size)]...)
	}
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			b = append(b, 0)
		} else {
			b = append(b, password[0])
		}
	}
	sum := md5.Sum(b) //nolint:gosec // see above
	for round := range 1000 {
		sum = apr1Round(round, sum, password, salt)
	}
	return "$apr1$" + salt + "$" + apr1Text(sum)
}

func apr1Round(round int, sum [md5.Size]byte, password, salt string) [md5.Size]byte {
	var b []byte
	first, last := []byte(password), sum[:]
	if round%2 == 0 {
		first, last = last, first
	}
	b = append(b, first...)
	if round%3 != 0 {
		b = append(b, salt...)
	}
	if round%7 != 0 {
		b = append(b, password...)
	}
	return md5.Sum(append(b, last...)) //nolint:gosec // see above
}

func apr1Text(sum [md5.Size]byte) string {
	var b strings.Builder
	write := func(v uint32, n int) {
		for range n {
			b.WriteByte(cryptAlphabet[v&0x3f])
			v >>= 6
		}
	}
	for _, i := range [][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		write(uint32(sum[i[0]])<<16|uint32(sum[i[1]])<<8|uint32(sum[i[2]]), 4)
	}
	write(uint32(sum[11]), 2)
	return b.String()
}
