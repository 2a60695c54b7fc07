package launcher

import (
	"errors"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// errGone is for those who ask a master that has ended.
var errGone = errors.New("the server has stopped")

// errorLines gives each problem a line of its own.
func errorLines(err error) []string {
	if list, ok := errors.AsType[paste.Errors](err); ok {
		var lines []string
		for _, e := range paste.AllErrors(list) {
			lines = append(lines, e.Error())
		}
		return lines
	}
	return strings.Split(strings.TrimSpace(err.Error()), "\n")
}
