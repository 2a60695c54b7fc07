// Package authfile is what Paste's filters for a login have in common: the file
// in place of the authfunc, htdigest's format, and the page they refuse with.
package authfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
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
