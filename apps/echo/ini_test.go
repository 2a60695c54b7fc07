package echo

import (
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
)

func TestOptionsInAFile(t *testing.T) {
	const app = "[app:main]\nuse = egg:wheatpaste#echo\n"
	initest.Examples(t, paste.App, "egg:wheatpaste#echo")
	initest.Run(t, []initest.Case{
		{Name: "all", INI: app + "body_limit = 64k"},
		{Name: "no size", INI: app + "body_limit = 1x", Error: `paste.ini:3:14: [app:main] body_limit: invalid size "1x", want bytes or a number with k, m or g`},
		{Name: "too much", INI: app + "body_limit = 1g", Error: "paste.ini:3:14: [app:main] body_limit: invalid size 1073741824, want at most 16M"},
	})
}
