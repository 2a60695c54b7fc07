// Package ident makes the ids of requests.
package ident

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/google/uuid"
)

// New gives a random UUID (version 4). It draws from the runtime's ChaCha8
// generator, which the kernel seeds: unlike crypto/rand it needs neither a
// system call nor a lock for each request. Such ids are unique, not secret.
func New() uuid.UUID {
	var id uuid.UUID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // RFC 9562's variant
	return id
}
