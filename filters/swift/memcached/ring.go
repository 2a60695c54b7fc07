package memcached

import (
	"crypto/md5" //nolint:gosec // the key format of Swift's caches, not a secret
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
)

// points is how many places on the ring each server has.
const points = 50

// hashKey is how Swift writes a key: the MD5 of it, so that any text is one.
func hashKey(key string) string {
	sum := md5.Sum([]byte(key)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// ring is Swift's consistent hash: servers that come or go move only their own
// share of the keys, and every proxy of a cluster finds the same one.
type ring struct {
	hashes  []string // sorted
	servers []*server
	tries   int
}

func newRing(servers []*server, tries int) ring {
	byHash := map[string]*server{}
	for _, s := range servers {
		for i := range points {
			byHash[hashKey(s.name+"-"+strconv.Itoa(i))] = s
		}
	}
	r := ring{tries: min(tries, len(servers))}
	for hash := range byHash {
		r.hashes = append(r.hashes, hash)
	}
	slices.Sort(r.hashes)
	for _, hash := range r.hashes {
		r.servers = append(r.servers, byHash[hash])
	}
	return r
}

// candidates gives the servers to try for a hashed key, best first. Swift
// begins one place behind the one that the hash points at; a shared cache has
// to do the same.
func (r *ring) candidates(hash string) iter.Seq[*server] {
	return func(yield func(*server) bool) {
		if len(r.hashes) == 0 {
			return
		}
		at, found := slices.BinarySearch(r.hashes, hash)
		if found {
			at++
		}
		served := make([]*server, 0, 4)
		for len(served) < r.tries {
			at = (at + 1) % len(r.hashes)
			s := r.servers[at]
			if slices.Contains(served, s) {
				continue
			}
			served = append(served, s)
			if !yield(s) {
				return
			}
		}
	}
}
