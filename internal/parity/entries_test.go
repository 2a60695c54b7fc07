package parity

import "slices"

// entries are all factories that have an original in Debian.
var entries = slices.Concat(oslo, pasteOwn, swiftOwn, servicesOwn)

// filter is a paste file with one filter.
func filter(section string) string {
	return "[pipeline:main]\npipeline = f echo\n\n[filter:f]\n" + section + "\n"
}
