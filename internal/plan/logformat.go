package plan

import (
	"cmp"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
)

// logFormat reads the template of the access log, nova's own without one
// (OPT-06).
func (n *nova) logFormat() *accesslog.Format {
	text := n.read.String(wsgiLogFormat)
	f, err := accesslog.ParseFormat(cmp.Or(text, accesslog.NovaFormat))
	if err != nil {
		n.read.Bad(wsgiLogFormat, "%v", err)
	}
	return f
}
