package parity

import "net/http"

var pasteModules = []string{"paste"}

var pasteOwn = []*entry{
	{
		name: "paste/prefix", ini: filter("use = egg:PasteDeploy#prefix\nprefix = /v2"), modules: pasteModules,
		readme: "filters/paste/prefix/README.md",
		differs: map[string]string{
			"slash at the end": segment,
			"version path":     segment,
		},
	},
	{
		name: "paste/prefix of a port", ini: filter("use = egg:PasteDeploy#prefix\nprefix = /compute\nforce_port = 8774\nscheme = https"), modules: pasteModules,
	},
	{
		name: "paste/gzip", ini: filter("use = egg:Paste#gzip"), modules: pasteModules,
		readme: "filters/paste/gzip/README.md", because: "Vary is set and the ETag weakened; the original leaves caches in the dark.", scrub: withoutVary,
	},
	{name: "paste/test", ini: "[app:main]\nuse = egg:Paste#test\n", modules: pasteModules},
	{name: "paste/translogger", ini: filter("use = egg:Paste#translogger\nsetup_console_handler = false"), modules: pasteModules},
	{name: "paste/config", ini: filter("use = egg:PasteDeploy#config\na = b"), modules: pasteModules},
	{
		name: "paste/errordocument", modules: pasteModules,
		ini: "[pipeline:main]\npipeline = f map\n[filter:f]\nuse = egg:Paste#errordocument\n404 = /missing\n" +
			"[composite:map]\nuse = egg:Paste#urlmap\n/ = echo\n/missing = page\n[app:page]\nuse = egg:Paste#test\n",
	},
	{name: "paste/httpexceptions", ini: filter("use = egg:Paste#httpexceptions"), modules: pasteModules},
	{
		name:    "paste/urlmap",
		ini:     "[composite:main]\nuse = egg:Paste#urlmap\n/ = echo\n/v2 = echo\n/v2.1 = echo\ndomain c.a.example.com /a = echo\n",
		modules: pasteModules,
	},
	{name: "paste/cascade", ini: "[composite:main]\nuse = egg:Paste#cascade\napp1 = first\napp2 = echo\ncatch = 404\n[app:first]\nuse = egg:Paste#urlmap\n/v2 = echo\n", modules: pasteModules},
}

const segment = "The prefix is literal text that ends where a segment of the path ends."

func withoutVary(a *answer) {
	delete(a.Header, http.CanonicalHeaderKey("Vary"))
}
