package diff

import (
	"slices"

	"github.com/wheatpaste/wheatpaste/internal/tree"
)

// items is a list of filters with an application at its end.
type items struct {
	names   []string
	filters []*tree.Node
	app     *tree.Node
}

func (l items) filterNames() []string { return l.names[:len(l.names)-1] }
func (l items) last() object          { return object{"app", l.names[len(l.names)-1], l.app} }

func (d *differ) pipeline(where string, before, after items) {
	d.filters(where, before, after)
	d.inner(where, "its app", before.last(), after.last())
}

// filters compares the filters of two pipelines: what stays in order is compared
// in detail.
func (d *differ) filters(where string, before, after items) {
	a, b := before.filterNames(), after.filterNames()
	keep := common(a, b)
	keptOld, keptNew := map[int]bool{}, map[int]bool{}
	for _, k := range keep {
		keptOld[k[0]], keptNew[k[1]] = true, true
	}
	i, j := 0, 0
	for _, k := range append(keep, [2]int{len(a), len(b)}) {
		for ; i < k[0]; i++ {
			if indexBut(b, a[i], keptNew) >= 0 {
				d.say("~ %s: filter %s moves", where, a[i])
			} else {
				d.say("- %s: filter %s", where, a[i])
			}
		}
		for ; j < k[1]; j++ {
			if indexBut(a, b[j], keptOld) < 0 { // else it was told as a move
				d.say("+ %s: filter %s, %s", where, b[j], behind(b, j))
			}
		}
		if i < len(a) && j < len(b) {
			d.node(object{"filter", a[i], before.filters[i]}, object{"filter", b[j], after.filters[j]})
			i, j = i+1, j+1
		}
	}
}

// indexBut finds a name at an index that is not taken.
func indexBut(names []string, name string, taken map[int]bool) int {
	for i, n := range names {
		if n == name && !taken[i] {
			return i
		}
	}
	return -1
}

func behind(items []string, i int) string {
	if i == 0 {
		return "first"
	}
	return "behind " + items[i-1]
}

// maxCompared bounds the table of common, in cells.
const maxCompared = 4 << 20

// common finds a longest common subsequence, as pairs of indexes; of lists that
// nobody writes by hand, only what they begin and end with.
func common(a, b []string) [][2]int {
	var head, tail [][2]int
	begin := 0
	for ; begin < min(len(a), len(b)) && a[begin] == b[begin]; begin++ {
		head = append(head, [2]int{begin, begin})
	}
	i, j := len(a), len(b)
	for i > begin && j > begin && a[i-1] == b[j-1] {
		i, j = i-1, j-1
		tail = append(tail, [2]int{i, j})
	}
	slices.Reverse(tail)
	if (i-begin)*(j-begin) <= maxCompared {
		for _, k := range longest(a[begin:i], b[begin:j]) {
			head = append(head, [2]int{k[0] + begin, k[1] + begin})
		}
	}
	return append(head, tail...)
}

func longest(a, b []string) [][2]int {
	best := make([][]int32, len(a)+1)
	for i := range best {
		best[i] = make([]int32, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := len(b) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if a[i] == b[j] {
				best[i][j] = best[i+1][j+1] + 1
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case best[i+1][j] >= best[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}
