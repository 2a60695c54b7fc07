package ratelimit

import "strings"

// validPolicy reports whether a name can be a string of structured fields (RFC
// 9651 3.3.3).
func validPolicy(name string) bool {
	for i := range len(name) {
		if name[i] < ' ' || name[i] > '~' {
			return false
		}
	}
	return name != ""
}

func quote(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}
