package parity

var pasteModules = []string{"paste"}

var pasteOwn = []*entry{
	{name: "paste/prefix", ini: filter("use = egg:PasteDeploy#prefix\nprefix = /v2"), modules: pasteModules},
	{name: "paste/gzip", ini: filter("use = egg:Paste#gzip"), modules: pasteModules},
	{name: "paste/translogger", ini: filter("use = egg:Paste#translogger\nsetup_console_handler = false"), modules: pasteModules},
}
