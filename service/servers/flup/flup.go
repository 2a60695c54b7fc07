// Package flup names the FastCGI, SCGI and AJP servers of flup, which have no
// counterpart.
package flup

import "github.com/wheatpaste/wheatpaste/paste"

const reason = "only HTTP is spoken; use egg:wheatpaste#http, on a unix socket if you like, and let the web server in front proxy HTTP to it"

func init() {
	for _, protocol := range []string{"fcgi", "scgi", "ajp"} {
		for _, model := range []string{"fork", "thread"} {
			name := protocol + "_" + model
			paste.Refuse(paste.KindServer, reason, "egg:flup#"+name, paste.Alias("egg:PasteScript#flup_"+name))
		}
	}
}
