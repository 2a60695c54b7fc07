package conformance

import (
	"bytes"
	"slices"
)

// Shrink makes c small while differs holds for it: first it leaves out whole
// files, then lines, then single characters, larger pieces before smaller
// ones. It asks at most budget times.
func Shrink(c Case, budget int, differs func(Case) bool) Case {
	s := &shrinker{differs: differs, budget: budget, best: c}
	s.files()
	for key := range c.Globals {
		s.try(s.best.withoutGlobal(key))
	}
	for range 3 { // until nothing changes, for most cases
		before := s.best.size()
		s.pieces(splitLines)
		if s.best.size() == before {
			break
		}
	}
	s.pieces(splitRunes)
	s.files()
	return s.best
}

// files leaves out all but the first.
func (s *shrinker) files() {
	for i := len(s.best.Files) - 1; i > 0; i-- {
		s.try(s.best.without(i))
	}
}

type shrinker struct {
	differs func(Case) bool
	budget  int
	best    Case
}

// try takes c over when it still differs.
func (s *shrinker) try(c Case) bool {
	if s.budget--; s.budget < 0 || !s.differs(c) {
		return false
	}
	s.best = c
	return true
}

func (c Case) size() int {
	n := 0
	for _, f := range c.Files {
		n += len(f.Data)
	}
	return n
}

// pieces leaves out runs of what split gives, by halves down to one.
func (s *shrinker) pieces(split func([]byte) [][]byte) {
	for file := range s.best.Files {
		parts := split(s.best.Files[file].Data)
		for size := max(len(parts)/2, 1); size > 0; size /= 2 {
			parts = s.sweep(file, parts, size)
		}
	}
}

// sweep tries to leave out each run of size parts.
func (s *shrinker) sweep(file int, parts [][]byte, size int) [][]byte {
	for at := 0; at < len(parts); {
		fewer := slices.Delete(slices.Clone(parts), at, min(at+size, len(parts)))
		if s.try(s.best.replace(file, bytes.Join(fewer, nil))) {
			parts = fewer
			continue
		}
		at += size
	}
	return parts
}

// splitRunes cuts data into characters; undecodable bytes stand alone.
func splitRunes(data []byte) [][]byte {
	return bytes.Split(data, nil)
}
