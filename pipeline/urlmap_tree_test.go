package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestMountTreeWithEqualHashes shows that nothing depends on hashes being
// different.
func TestMountTreeWithEqualHashes(t *testing.T) {
	for _, keep := range []uint64{0, 0x1c} { // all hashes are equal; there are 8
		rnd := rand.New(rand.NewPCG(1, keep))
		for range 300 {
			n := &naive{wildcards: true}
			m := NewURLMap(tagApp("none"), true)
			m.tree.keep = keep
			for i := range 1 + rnd.IntN(10) {
				path, _ := CollapsePath(randomPath(rnd))
				key := MountKey{[]string{"", "a", "a:80"}[rnd.IntN(3)], strings.TrimRight(path, "/")}
				n.mount(key, fmt.Sprint(i))
				m.Mount(key, tagApp(fmt.Sprint(i)))
			}
			for range 20 {
				path, _ := CollapsePath(randomPath(rnd))
				want, script := n.match("a", "80", path)
				text := fmt.Sprintf("%s %q %q", want, script, path[len(script):])
				if want == "" {
					text = fmt.Sprintf("none %q %q", "", path)
				}
				if got := answer(m, request("a", path)).Body.String(); got != text {
					t.Fatalf("keep %x: %q = %s, want %s; mounts %q", keep, path, got, text, n.mounts)
				}
			}
		}
	}
}

func TestMountTreeGrows(t *testing.T) {
	m := NewURLMap(nil, false)
	const count = 5000
	for i := range count {
		m.Mount(MountKey{Path: fmt.Sprintf("/service/v%d/x", i)}, tagApp(fmt.Sprint(i)))
	}
	for i := range count {
		got := answer(m, request("x", fmt.Sprintf("/service/v%d/x/y", i))).Body.String()
		if want := fmt.Sprintf(`%d "/service/v%d/x" "/y"`, i, i); got != want {
			t.Fatalf("mount %d = %s, want %s", i, got, want)
		}
	}
	if used, slots := m.tree.used, len(m.tree.slots); used != 2*count+1 || 3*slots < 4*used {
		t.Errorf("%d of %d slots are used, want %d and at most three quarters", used, slots, 2*count+1)
	}
}
