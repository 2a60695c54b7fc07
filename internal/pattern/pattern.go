// Package pattern compiles regular expressions when they are used first.
package pattern

import (
	"regexp"
	"sync"
)

// Lazy gives a function that compiles an expression at its first call. As
// package variables the expressions of all filters would be compiled at each
// start of each worker, most of them in vain. The expression is the program's
// own: a wrong one panics, so that a test must use it.
func Lazy(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
