package conformance

// The pools are small so that references hit what exists.

var appNames = []string{"main", "api", "root", "v2", "admin", "login", "web"}

var filterNames = []string{"f", "g", "log", "auth", "limit", "cors"}

var serverNames = []string{"main", "tls", "unix"}

// oddNames are legal names that a careless loader gets wrong: white space,
// schemes (SEC-11), quotes for repr (GEN-02), characters that are not printable.
var oddNames = []string{
	"my app", "v2.1", "1:app", "my:app", "foo2:x", "é", "名前", "it's", `say "x"`, `both'"`, `back\slash`, "a]b", "", "50%",
	"%(here)s", "x#y", "\U0001f600", "soft\u00adhyphen", "zero\u200bwidth", "a;b", "a=b", "nbsp\u00a0in", "line\u2028sep", "tab\tin",
	"fs\x1cin", "bell\ain", "\ufeffbom", "private\ue000", "none\u0378", "e\u0301", "Main", "[x", "-", "DEFAULT", "a,b", "nul\x00",
}

// appPrefixes has each app-kind prefix as often as it shall come.
var appPrefixes = []string{
	"app", "app", "app", "app", "app", "app", "app", "application", "composite", "composite", "composit",
	"pipeline", "pipeline", "pipeline", "filter-app", "filter-app",
}

// otherSections match no prefix, or only without a name (GEN-08, SEC-04, SEC-08).
var otherSections = []string{
	"loggers", "handler_x", "foo", "main", "exe", "app", "filter", "server", "pipeline", "filter-app", "composite", "application",
	"DEFAULT ", " DEFAULT", "default", "Default", "App:main", "app :main", " app:main", "APP:main", "apps:main", "[a", "app:", "filter:",
	"app: ", "filter_app:main", "composit", "egg:App", "%(here)s",
}

var optionKeys = []string{
	"a", "b", "c", "d", "debug", "x", "y", "path", "log", "name", "key", "max_size", "A", "Debug", "my key", "é", "key.1", "a-b",
	"/x", "domain a.com /y", "paste.debug", "setx", "Set q", "get", "set", "k%", "%(a)s", "ключ", `"q"`, "a\u00a0b", "a\tb", "set\tq",
	"[x", "x]", "here2", "_conf", "rem", "error", "message",
}

var words = []string{
	"true", "false", "1", "0", "/var/log/x.log", "a b c", "hello", "keystone", "http://127.0.0.1:8080/", "x:y=z", "é", "日本語",
	"1 # x", "1 ; x", ";x", "#x", `"quoted"`, "'single'", "`back`", `"""`, `trail\`, "${a}", "$(a)", "a,b", "  ", "[app:x]", "]", "b = 2",
	"a\u00a0b", "a\u2028b", "a\x1cb", "a\fb", "a\vb", "a\u0085b", "\u200bx", "\U0001f600", "(a)s", "a\tb", "NULL", "None", "<here>", "<file>", "x\x00y",
}

var eggApps = []string{"egg:App", "egg:App#main", "egg:Paste#static", "EGG:App#x", "Egg:my-app#web app", "egg:nova#osapi", "egg:App#a#b", "egg:App#"}

var eggFilters = []string{"egg:Paste#gzip", "egg:oslo.middleware#cors", "egg:F", "egg:swift#catch_errors", "egg:PasteDeploy#prefix", "EGG:F#é"}

var eggServers = []string{"egg:Paste#http", "egg:waitress#main", "egg:gunicorn", "egg:wheatpaste#http"}

var urlmaps = []string{"egg:Paste#urlmap", "egg:paste#urlmap", "egg:PASTE#urlmap", "egg:Rutter#urlmap", "call:nova.api.openstack.urlmap:urlmap_factory"}

var cascades = []string{"egg:Paste#cascade", "egg:paste#cascade", "call:my.Cascade:make"}

var strategies = []string{"call:nova.api.auth:pipeline_factory", "call:nova.api.auth:pipeline_factory_v21", "call:cinder.api.middleware.auth:Pipeline_Factory"}

var opaques = []string{"egg:Foo#bar", "egg:Paste", "call:pkg.mod:make"}

var mountKeys = []string{"/", "/v1", "/v2.1", "/a b", "domain a.com", "domain a.com port 80 /y", "httpx", "not_found_app", "/%", "/é"}

var calls = []string{"call:mod:attr", "call:pkg.mod:func", "CALL:m:a", "call:m:a#frag", "call:m:", "call::a", "call: m : a ", "call:mod:attr # x"}

var badCalls = []string{"call:mod", "call:a:b:c", "call:m:a.b", "call:", "call:m#a:b"}

// usualBadURIs come often enough for a run of 2,000 files to meet each.
var usualBadURIs = []string{"egg:App#config:second.ini", "config:nul\x00.ini", "config:paste.ini/x", "egg:", "config:.", "foo:bar", "config:missing.ini"}

// badURIs fail as they stand: schemes, distributions, files (EGG-04, URI-03, URI-05, URI-09).
var badURIs = []string{
	"foo:bar", "python:x", "http://a/b", "egg:", "egg:#x", "config:", "config:missing.ini", "config:none/missing.ini#x", "config:.",
	"config:paste.ini/x", "config: paste.ini", "config:nul\x00.ini", "egg:App#config:second.ini", "egg:App#egg:Other#x", "egg:App#foo:x",
	"config:it's.ini", `config:"q".ini`, "config:é.ini", "config:%%C3%%A9.ini", "config:%%FF.ini", "config:~/x.ini", "config:/none/x.ini",
	"config:///none/x.ini", "config://none/x.ini", "config:#main", "egg:App#call:m:a", "config:$HOME/x.ini", `config:C:\x.ini`, "config:%%",
}

// factories are values of explicit keys, in the forms of FAC-10.
var factories = []string{"mod:attr", "pkg.mod:Class.factory", "mod : attr", "mod", "mod:attr [extra]", "mod:attr[a, b]", "_m1:_a", "é:ü", "mod :attr", "mod:a b"}

var badFactories = []string{"", "mod:attr:x", "a b", "mod:", ":attr", "mod-x:attr", "mod:attr # x", "1 2:3", "mod:attr]", "a.:b"}

var appProtocols = []string{"paste.app_factory", "paste.composite_factory", "paste.composit_factory"}

var filterProtocols = []string{"paste.filter_factory", "paste.filter_app_factory"}

var serverProtocols = []string{"paste.server_factory", "paste.server_runner"}

// strayProtocols are no explicit key for any kind, or for another kind only.
var strayProtocols = []string{"paste.app_factory1", "paste.factory", "paste.server_factory", "paste.filter_factory", "paste.App_factory"}

// otherFiles are the names of second files.
var otherFiles = []string{
	"second.ini", "sub/third.ini", "sub/deep/fourth.ini", "my file.ini", "größe.ini", "100%.ini", "odd#name.ini", "a+b.ini",
	"50%/x.ini", "a%41/y.ini", "with space/z.ini", "日本/五.ini", ".hidden.ini", "a%20b.ini", "it's.ini", "sub/paste.ini", `qu"ote.ini`,
}

// brokenValues break interpolation (INT-04..INT-07).
var brokenValues = []string{
	"100%", "50% off", "%x", "%(here)d", "%(here", "%()s", "a%", "% (here)s", "%(none)s", "%( here)s", "%(HERE)s", "%(a(b)s", "%%%", "%(here)s%",
	"%(set x)s", "pa%ss%(word", "%\u00e9", "it's 5%", "%(no\u200bne)s",
}

// alphabets are spans of characters. What is assigned in them has been so for
// long: whether repr prints a newer one depends on the release of Python.
var alphabets = [][2]rune{
	{0x00, 0x7f}, {0x20, 0x7e}, {0x80, 0x24f}, {0x300, 0x36f}, {0x370, 0x3ff}, {0x400, 0x4ff}, {0x5d0, 0x5ea}, {0x2000, 0x206f},
	{0x2100, 0x218b}, {0x3000, 0x30ff}, {0x4e00, 0x9fa5}, {0xac00, 0xd7a3}, {0xe000, 0xf8ff}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},
	{0xfff9, 0xffff}, {0x1f300, 0x1f5ff}, {0x20000, 0x2a6d6}, {0xe0001, 0xe007f}, {0xf0000, 0xf00ff}, {0x10fff0, 0x10ffff},
}

// blanks are white space to Python (INI-04); the first three are the usual ones.
var blanks = []string{" ", "  ", "\t", "\f", "\v", "\u00a0", "\u2028", "\x1c", "\x1f", "\u0085", "\u3000", "\u2003"}

var comments = []string{"# note", "; note", "#", ";", "#!shebang", "# key = value", ";[app:x]", "#[filter:f]", "#####", "# é %(x)s 100%", ";;", "# \\"}

var usualDelimiters = []string{"=", " = ", ":", ": ", " = ", " = ", " = "}

var oddDelimiters = []string{"\t=\t", " :", "  =  ", "\u00a0=\u00a0", "=\f", "\x1c:\u2028", " =\u3000"}

// junkLines are no options, headers or comments.
var junkLines = []string{"no delimiter", "= value", ": value", "[]", "[", "rem a comment", "]", "\ufeff", "it's", `say "x"`, "é\u200b\U0001f600", "a\x00b", "  [x", "%", "\u0378"}

// bits are what the mutations insert.
var bits = []string{
	"%", "%%", "[", "]", "=", ":", "#", ";", " ", "\t", "\r", "\n", "\r\n", "(", ")s", "%(", "%(a)s", "\x00", "\u2028", "\u00a0", "\x1c", "\f",
	"\xff", "\"", "'", "`", "\\", "é", "\ufeff", "config:", "egg:", "use = ", "\n\n", "\n  ", "set ", "get ", "DEFAULT",
}
