package ident

import (
	"testing"

	"github.com/google/uuid"
)

func TestNewGivesVersion4(t *testing.T) {
	seen := map[uuid.UUID]bool{}
	for range 1000 {
		id := New()
		if id.Version() != 4 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("New() = %v: version %d, variant %v, want 4 and RFC4122", id, id.Version(), id.Variant())
		}
		if seen[id] {
			t.Fatalf("New() = %v twice", id)
		}
		seen[id] = true
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		_ = New()
	}
}
