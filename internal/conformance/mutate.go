package conformance

import (
	"bytes"
	"slices"
)

// mutate makes one to four edits of lines or bytes.
func mutate(d dice, data []byte) []byte {
	for range d.between(1, 4) {
		if d.chance(60) {
			data = mutateLines(d, data)
		} else {
			data = mutateBytes(d, data)
		}
	}
	return data
}

func mutateLines(d dice, data []byte) []byte {
	lines := splitLines(data)
	if len(lines) == 0 {
		return data
	}
	i := d.IntN(len(lines))
	line := lines[i]
	d.oneOf(
		way{3, func() { lines = slices.Delete(lines, i, i+1) }},
		way{1, func() { lines = slices.Insert(lines, i, line) }},
		way{3, func() { j := d.IntN(len(lines)); lines[i], lines[j] = lines[j], line }},
		way{4, func() { lines[i] = append([]byte(d.pick(blanks)), line...) }},
		way{2, func() { lines[i] = bytes.TrimLeftFunc(line, isBlank) }},
		way{1, func() { lines[i] = bytes.TrimRight(line, "\r\n") }},
		way{1, func() { lines = slices.Insert(lines, i, []byte(d.pick(junkLines)+"\n")) }},
		way{2, func() { lines[i] = append([]byte("#"), line...) }},
	)
	return bytes.Join(lines, nil)
}

func mutateBytes(d dice, data []byte) []byte {
	if len(data) == 0 {
		return []byte(d.pick(bits))
	}
	at := d.IntN(len(data))
	d.oneOf(
		way{5, func() { data = slices.Insert(bytes.Clone(data), at, []byte(d.pick(bits))...) }},
		way{3, func() { data = slices.Delete(bytes.Clone(data), at, min(at+d.between(1, 3), len(data))) }},
		way{2, func() { data = bytes.Clone(data); data[at] = d.pick(bits)[0] }},
		way{1, func() { data = bytes.Clone(data[:at]) }},
	)
	return data
}
