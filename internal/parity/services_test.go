package parity

// servicesOwn are those of which filters/services asks less than 30 requests.
var servicesOwn = []*entry{
	service("nova/compute_req_id", "nova.api.compute_req_id:ComputeReqIdMiddleware.factory", "nova"),
	service("nova/requestlog", "nova.api.openstack.requestlog:RequestLog.factory", "nova"),
	service("nova/legacy_v2", "nova.api.openstack:LegacyV2CompatibleWrapper.factory", "nova"),
	{
		name: "osprofiler", ini: filter("paste.filter_factory = osprofiler.web:WsgiMiddleware.factory"), modules: []string{"osprofiler"},
		readme: "filters/osprofiler/README.md", differs: map[string]string{"302": "A relative Location stays as the application wrote it"},
	},
}

func service(name, factory, module string) *entry {
	return &entry{name: name, ini: filter("paste.filter_factory = " + factory), modules: []string{module}}
}
