package test

import (
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
)

func TestOptionsInAFile(t *testing.T) {
	initest.Examples(t, paste.App, "egg:Paste#test", "egg:PasteScript#test")
	initest.Run(t, []initest.Case{
		{Name: "simple takes none", INI: "[app:main]\nuse = egg:Paste#test\ntext = true", Error: "paste.ini:3:8: [app:main] text: unknown option, egg:Paste#test takes none"},
		{Name: "text", INI: "[app:main]\nuse = egg:PasteScript#test\ntext = maybe",
			Error: "paste.ini:3:8: [app:main] text: String is not true/false: 'maybe', want true, yes, on, y, t, 1 or false, no, off, n, f, 0"},
		{Name: "lint", INI: "[app:main]\nuse = egg:PasteScript#test\nlint = true", Warnings: "lint: there is no WSGI to check here; it is ignored"},
	})
}
