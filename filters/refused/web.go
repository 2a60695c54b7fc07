package refused

// The reasons that several frameworks share.
const (
	debugger = "it runs Python that the browser sends; remove it, egg:wheatpaste#catch_errors logs panics with their stacks"
	theme    = "it rewrites pages by rules that only its Python reads; let the application behind egg:wheatpaste#proxy do it"
	session  = "its sessions are objects of Python; keep them in the application behind egg:wheatpaste#proxy"
	inside   = "it hands Python objects to a Python application; leave it to that application behind egg:wheatpaste#proxy"
)

// frameworks are filters of Pyramid, Pylons, Zope, repoze, CKAN and their like.
var frameworks = []entry{
	{debugger, []string{
		"egg:WebError#evalerror", "egg:WebError#evalexception", "weberror.evalexception:make_eval_exception",
		"egg:pyramid_debugtoolbar", "egg:z3c.evalexception#ajax", "egg:z3c.evalexception#pdb",
		"egg:z3c.evalexception#debugger", "egg:grokcore.startup#debug", "egg:repoze.debug#pdbpm", "egg:repoze.debug#responselogger",
		"egg:repoze.debug#threads", "egg:repoze.debug#canary", "egg:repoze.debug#debug", "egg:WebError#pdb",
	}},
	{"errors of Go are panics; use egg:wheatpaste#catch_errors or egg:Paste#error_catcher", []string{
		"egg:WebError#error_catcher", "egg:WebError#xml", "egg:WebError#cgitb", "egg:repoze.errorlog#errorlog", "egg:repoze.errorlog",
		"egg:mediagoblin#errors", "mozsvc.middlewares:make_err_mdw",
	}},
	{"transactions are objects of Python; leave them to the application behind egg:wheatpaste#proxy", []string{
		"egg:repoze.tm2#tm", "egg:repoze.tm2", "egg:repoze.tm#tm", "egg:repoze.tm", "egg:repoze.retry#retry", "egg:repoze.retry",
		"egg:pyramid_tm", "egg:repoze.zodbconn#closer", "egg:repoze.zodbconn#transferlog", "egg:repoze.zodbconn#cachecleanup",
	}},
	{"its plugins are Python; use egg:Paste#auth_basic, egg:Paste#auth_tkt or egg:keystonemiddleware#auth_token", []string{
		"egg:repoze.who#config", "egg:repoze.who#test", "egg:repoze.who#predicate_restrict", "egg:AuthKit#main",
	}},
	{"it measures Python; use wheatpaste serve --pprof", []string{
		"egg:repoze.profile", "egg:repoze.profile#profile", "egg:linesman#profiler", "egg:keas.profile#profiler",
	}},
	{"use egg:PasteDeploy#prefix", []string{"egg:repoze.vhm#vhm_path", "egg:repoze.vhm#vhm_explicit", "egg:repoze.vhm#vhm_xheaders"}},
	{theme, []string{
		"deliverance.wsgimiddleware:make_filter", "egg:Deliverance", "egg:Deliverance#garbagecollect", "egg:libopencore#deliverance",
		"egg:diazo", "egg:dv.xdvserver#xdv", "egg:afpy.wsgi#skin", "egg:svenweb#content_type",
	}},
	{session, []string{"egg:Beaker#beaker_session", "egg:Beaker#beaker_cache", "egg:Beaker"}},
	{inside, []string{
		"egg:fanstatic#fanstatic", "egg:fanstatic#injector", "egg:fanstatic#publisher", "egg:cromlech.i18n#locale", "egg:ToscaWidgets#middleware",
		"egg:mauritsresources#filter", "egg:islay.simplecaptcha#captcha", "egg:islay.simplecaptcha#capcha",
		"egg:encoded#memlimit", "egg:Products.CMFCore", "egg:Zope#httpexceptions", "egg:repoze.xmliter",
	}},
	{"it reports to a service from inside of Python; watch the metrics and logs of wheatpaste, or use that service's agent", []string{
		"egg:appenlight_client", "egg:raven#raven", "egg:raven", "egg:sentry-sdk",
	}},
	{"Swift dropped it long ago; use egg:swift#tempauth", []string{"egg:swift#auth"}},
	{"Swift dropped the name long ago; use egg:swift#memcache", []string{"egg:swift#cache"}},
	{"it is Swift's own storage logic, in Python; run Swift behind egg:wheatpaste#proxy", []string{
		"egg:swift3#swift3", "egg:swauth#swauth", "egg:gluster_swift#gswauth", "egg:pfs_middleware#pfs", "egg:swift#swauth", "egg:swift#swift3",
		"egg:swift#mpu", "swift.common.middleware.enoss.enoss:enoss_factory",
		"swift.common.middleware.new_data_trigger:new_data_trigger_factory",
	}},
}

// pasteOnly are those of Paste that make no sense in Go, or are broken in Paste.
var pasteOnly = []entry{
	{debugger, []string{"egg:Paste#evalerror", "paste.evalexception.middleware:make_eval_exception"}},
	{"it shows tracebacks of Python; use egg:Paste#error_catcher", []string{"egg:Paste#cgitb", "paste.cgitb_catcher:make_cgitb_middleware"}},
	{session + ", or sign a cookie with egg:Paste#auth_tkt", []string{
		"egg:Paste#paste_session", "egg:Paste#session", "egg:Paste#flup_session", "paste.session:make_session_middleware", "paste.flup_session:make_session_middleware",
	}},
	{"its login page loses the body of requests on Python 3; use egg:Paste#auth_basic or egg:Paste#auth_tkt", []string{
		"egg:Paste#auth_form", "paste.auth.form:make_form",
	}},
	{"it carries the environ of Python in a cookie; use egg:Paste#auth_tkt", []string{"egg:Paste#auth_cookie", "paste.auth.cookie:make_auth_cookie"}},
	{"OpenID 1 is dead; let a proxy such as oauth2-proxy speak OpenID Connect in front", []string{
		"egg:Paste#openid", "paste.auth.open_id:make_open_id_middleware",
	}},
	{"it prints what Python writes to sys.stdout; use egg:oslo.middleware#debug", []string{"egg:Paste#printdebug", "paste.debug.prints:PrintDebugMiddleware"}},
	{"it measures Python; use wheatpaste serve --pprof", []string{"egg:Paste#profile", "paste.debug.profile:make_profile_middleware"}},
	{"it asks a program that no distribution has any more; check pages with a validator outside", []string{
		"egg:Paste#wdg_validate", "paste.debug.wdg_validate:make_wdg_validate_middleware",
	}},
	{"it is a joke, and broken in Paste; remove it", []string{"egg:Paste#pony", "paste.pony:make_pony", "egg:Paste#cowbell", "paste.cowbell:make_cowbell"}},
}
