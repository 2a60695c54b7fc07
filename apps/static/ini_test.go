package static

import (
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
)

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:Paste#static\n"
	initest.Examples(t, paste.App, "egg:Paste#static")
	initest.Run(t, []initest.Case{
		{Name: "all", INI: app + "document_root = %(here)s\ncache_max_age = 60\nsymlinks = all"},
		{Name: "missing", INI: app, Error: "paste.ini:1:1: [app:main] document_root: missing, want document_root = text " +
			"(the folder; a relative one starts at the working directory, so write %(here)s/...)"},
		{Name: "empty", INI: app + "document_root =", Error: "paste.ini:3:16: [app:main] document_root: empty, want a folder such as %(here)s/htdocs"},
		{Name: "age", INI: app + "document_root = /x\ncache_max_age = 1h", Error: "paste.ini:4:17: [app:main] cache_max_age: Bad integer value: '1h', want a whole number"},
		{Name: "links", INI: app + "document_root = /x\nsymlinks = yes", Error: `paste.ini:4:12: [app:main] symlinks: invalid value "yes", want inside or all`},
		{Name: "unknown", INI: app + "document_root = /x\nindex = a", Error: "paste.ini:4:9: [app:main] index: unknown option, egg:Paste#static takes document_root, cache_max_age, symlinks"},
	})
}
