package parity

var osloModules = []string{"oslo_middleware"}

var oslo = []*entry{
	{name: "oslo/request_id", ini: filter("paste.filter_factory = oslo_middleware:RequestId.factory"), modules: osloModules},
	{name: "oslo/correlation_id", ini: filter("paste.filter_factory = oslo_middleware:CorrelationId.factory"), modules: osloModules},
	{name: "oslo/catch_errors", ini: filter("paste.filter_factory = oslo_middleware:CatchErrors.factory"), modules: osloModules},
	{
		name: "oslo/sizelimit", ini: filter("paste.filter_factory = oslo_middleware:RequestBodySizeLimiter.factory"), modules: osloModules,
		without: []string{"chunked and large"}, // waitress gives it a length
	},
	{name: "oslo/http_proxy_to_wsgi", ini: filter("paste.filter_factory = oslo_middleware:HTTPProxyToWSGI.factory\nenable_proxy_headers_parsing = true"), modules: osloModules},
	{name: "oslo/http_proxy_to_wsgi off", ini: filter("paste.filter_factory = oslo_middleware:HTTPProxyToWSGI.factory"), modules: osloModules},
	{name: "oslo/ssl", ini: filter("paste.filter_factory = oslo_middleware:SSLMiddleware.factory"), modules: osloModules},
	{name: "oslo/cors", ini: filter("paste.filter_factory = oslo_middleware:CORS.factory\nallowed_origin = https://horizon.example.com\nallow_headers = X-Auth-Token\nexpose_headers = X-A"), modules: osloModules},
	{name: "oslo/cors of all", ini: filter("paste.filter_factory = oslo_middleware:CORS.factory\nallowed_origin = *"), modules: osloModules},
	{
		name: "oslo/healthcheck", modules: osloModules,
		ini: "[app:main]\npaste.app_factory = oslo_middleware:Healthcheck.app_factory\nbackends = disable_by_file\ndisable_by_file_path = /nowhere/at/all\n",
	},
	{
		name: "oslo/healthcheck as a filter", modules: osloModules,
		ini: filter("paste.filter_factory = oslo_middleware:Healthcheck.factory\nbackends = disable_by_file\ndisable_by_file_path = /dev/null"),
	},
}
