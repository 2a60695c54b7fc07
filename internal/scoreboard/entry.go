package scoreboard

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// An entry is a series in a region:
//
//	its size in words, the family's number in the lower half
//	the length of the labels in bytes, in the lower half whether it is visible
//	the labels, padded
//	the values
//
// Only the process whose region it is appends entries, and it moves wordEnd
// over an entry when all of it is written: a reader sees whole entries, also
// when the writer is killed. After that only values change, and the entries of
// information, see Region.Info, under the lock of the folds.
const (
	entrySize   = 0
	entryLabels = 1
	entryText   = 2
)

// entry is what a reader has found to be one. The memory may hold anything, so
// that nothing of it is believed.
type entry struct {
	family  *Family
	key     string // the family's number and the labels
	at      int    // in the region
	size    int
	values  int // in the region
	visible bool
}

// separator stands between labels; UTF-8 never has it.
const separator = "\xff"

// seriesKey is what tells a series apart.
func seriesKey(f *Family, values []string) string {
	var b strings.Builder
	b.WriteByte(byte(f.id))
	for i, v := range values {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(strings.ToValidUTF8(v, "\uFFFD"))
	}
	return b.String()
}

// check finds a call that does not fit the family: a mistake in the program,
// as it is to client_golang.
func (f *Family) check(values []string) {
	if len(values) != len(f.Labels) {
		panic(fmt.Sprintf("scoreboard: %d values for the labels %q of %s", len(values), f.Labels, f.Name))
	}
}

// labels are the values of the labels.
func (e *entry) labels() []string { return strings.Split(e.key[1:], separator) }

// entryWords is the size of an entry.
func entryWords(f *Family, key string) int { return entryText + textWords(len(key)-1) + f.values }

func textWords(n int) int { return (n + 7) / 8 }

// reserveWords is the room that is kept for a series of each family with the
// labels "other".
var reserveWords = func() int {
	n := 0
	for _, f := range families[1:] {
		n += entryText + textWords(6*len(f.Labels)) + f.values
	}
	return n
}()

// wasteWords at the end of a region belong to no entry: there goes what a
// region counts that is not in order.
const wasteWords = 512

// appendEntry adds an entry, and leaves so many words free behind it. Its
// values are 0, as all is in a region that was freed.
func appendEntry(w words, f *Family, key string, leave int) (values int, ok bool) {
	begin := int(min(w.load(wordEnd), regionWords))
	size := entryWords(f, key)
	if begin < wordEntries || size > regionWords-wasteWords-leave-begin {
		return 0, false
	}
	text := key[1:]
	w.store(wordReserved, uint64(begin+size))
	w.store(begin+entrySize, uint64(size)<<32|uint64(f.id))
	w.store(begin+entryLabels, uint64(len(text))<<32|1)
	storeString(w[begin+entryText:], text)
	for i := begin + size - f.values; i < begin+size; i++ {
		w.store(i, 0)
	}
	w.store(wordEnd, uint64(begin+size))
	return begin + size - f.values, true
}

// setText gives an entry other labels of the same size.
func setText(w words, e *entry, key string, visible bool) {
	head := uint64(len(key)-1) << 32
	if visible {
		head |= 1
	}
	w.store(e.at+entryLabels, head)
	storeString(w[e.at+entryText:], key[1:])
}

// entries walks through the published entries of a region, as far as they make
// sense.
func entries(w words) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		end := int(min(w.load(wordEnd), uint64(len(w))))
		for at := wordEntries; at+entryText <= end; {
			size := int(w.load(at+entrySize) >> 32)
			if size < entryText || size > end-at {
				return
			}
			if e, ok := readEntry(w[:end], at, size); ok && !yield(e) {
				return
			}
			at += size
		}
	}
}

func readEntry(w words, at, size int) (entry, bool) {
	id := w.load(at+entrySize) & 0xffffffff
	if id == 0 || id >= uint64(len(families)) {
		return entry{}, false // of a version that knows more
	}
	f, head := families[id], w.load(at+entryLabels)
	n := int(head >> 32)
	if n < 0 || n > 8*size || entryText+textWords(n)+f.values != size {
		return entry{}, false
	}
	key := string(appendString([]byte{byte(id)}, w[at+entryText:], n))
	if strings.Count(key, separator) != len(f.Labels)-1 {
		return entry{}, false
	}
	e := entry{family: f, key: key, at: at, size: size, values: at + size - f.values, visible: head&1 == 1}
	return e, utf8.ValidString(strings.ReplaceAll(key[1:], separator, ""))
}

// storeString writes a string into as many words as it needs.
func storeString(w words, s string) {
	var b [8]byte
	for i := range textWords(len(s)) {
		clear(b[copy(b[:], s[i*8:]):])
		w.store(i, binary.LittleEndian.Uint64(b[:]))
	}
}

// appendString reads n bytes, at most as many as there are.
func appendString(to []byte, w words, n int) []byte {
	begin := len(to)
	for i := range min(textWords(n), len(w)) {
		to = binary.LittleEndian.AppendUint64(to, w.load(i))
	}
	return to[:min(begin+n, len(to))]
}

// server is the name in the head of a region.
func server(w words) string {
	n := int(min(w.load(wordServerLen), serverWords*8))
	return strings.ToValidUTF8(string(appendString(nil, w[wordServer:wordServer+serverWords], n)), "\uFFFD")
}
