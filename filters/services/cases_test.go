package services_test

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ask makes a request; headers are "Name: value".
func ask(method, path string, do spec, headers ...string) request {
	if do.Status == "" {
		do.Status = "200 OK"
	}
	text, err := json.Marshal(do)
	if err != nil {
		panic(err)
	}
	req := request{Method: method, Path: path, Headers: [][]string{{"Host", "api.example.com"}, {"X-Probe", string(text)}}}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		req.Headers = append(req.Headers, []string{name, strings.TrimSpace(value)})
	}
	return req
}

func get(do spec, headers ...string) request { return ask("GET", "/a/b?c=d", do, headers...) }

// filtered is a pipeline of one filter with its options.
func filtered(factory, options string) string {
	return "[pipeline:main]\npipeline = f app\n[filter:f]\npaste.filter_factory = " + factory + "\n" + options
}

// bare is an application under the path of a mount; the composite is Paste's.
func bare(factory string) string {
	return "[composite:main]\nuse = egg:Paste#urlmap\n/ = v\n/mnt = v\n[app:v]\npaste.app_factory = " + factory + "\n"
}

var show, hi, fail = spec{Show: true}, spec{Body: "hi"}, spec{Fail: true}

func with(status string, headers ...string) spec {
	s := spec{Status: status, Body: "hi"}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		s.Headers = append(s.Headers, []string{name, strings.TrimSpace(value)})
	}
	return s
}

// identities are what auth_token may have left.
var identities = []request{
	get(show),
	get(show, "X-User-Id: u1"),
	get(show, "X-User: u1"),
	get(show, "X-User: old", "X-User-Id: u1"),
	get(show, "X-User-Id: u1", "X-Project-Id: p1", "X-Roles: member, reader"),
	get(show, "X-User-Id: u1", "X-Tenant-Id: p1", "X-Role: member"),
	get(show, "X-User-Id: u1", "X-Tenant: p1", "X-Roles: admin"),
	get(show, "X-User-Id: u1", "X-Project-Id: p1", "X-Tenant-Id: p2", "X-Roles: member,admin"),
	get(show, "X-User-Id: u1", "X-Roles: Admin"),
	get(show, "X-User-Id: u1", "X-Roles: ,member"),
	get(show, "X-User-Id: u1", "X-Forwarded-For: 1.2.3.4"),
	get(show, "X-Identity-Status: Invalid"),
	get(show, "X-Identity-Status: Confirmed"),
	get(show, "Accept: text/html"),
	get(show, "Accept: application/json"),
	ask("HEAD", "/", show),
	ask("POST", "/x", show),
	get(with("302 Found", "Location: /x"), "X-User-Id: u1"),
	ask("OPTIONS", "/x", hi, "X-User-Id: u1"),
	ask("GET", "/a%20b/%C3%A9", show, "X-User-Id: u1"),
}

// catalogs are for the filters that read them.
var catalogs = []request{
	get(show, "X-User-Id: u1", "X-Service-Catalog: []"),
	get(show, "X-User-Id: u1", `X-Service-Catalog: [{"type": "image"}]`),
	get(show, "X-User-Id: u1", "X-Service-Catalog: {"),
	get(show, "X-User-Id: u1", "X-Service-Catalog: {", "Accept: application/json"),
	get(show, "X-Service-Catalog: nonsense"),
	get(show, "X-User-Id: u1", "X-Service-Catalog: nonsense", "Accept: text/html"),
}

// noauths are for the filters that believe everybody.
var noauths = []request{
	get(show), ask("GET", "/", show), ask("GET", "/v2/", show), ask("GET", "/v2//", show), ask("GET", "/v2?x=y", show),
	get(show, "X-Auth-User: joe"), get(show, "X-Auth-User: joe", "X-Auth-Project-Id: p"), get(show, "X-Auth-Project-Id: p"),
	get(show, "X-Auth-Key: secret"),
	get(show, "X-Auth-Token: joe:p"), get(show, "X-Auth-Token: joe"), get(show, "X-Auth-Token: joe:"), get(show, "X-Auth-Token: :p"),
	get(show, "X-Auth-Token: admin:p"), get(show, "X-Auth-Token: admin"), get(show, "X-Auth-Token: Admin"), get(show, "X-Auth-Token: a:b:c"),
	get(show, "X-Auth-Token: joe:p", "X-Forwarded-For: 1.2.3.4"),
	get(show, "X-Auth-Token: joe:p", "X-Roles: admin"),
	ask("POST", "/x/y", show), ask("HEAD", "/x/y", show), ask("HEAD", "/x/y", show, "X-Auth-Token: joe:p"),
	ask("DELETE", "/x", show, "X-Auth-Token: joe:p"), ask("OPTIONS", "/x", show), ask("GET", "/a%20b", show),
	ask("GET", "/a%20b", show, "X-Auth-Token: joe:p"), get(with("302 Found", "Location: /x"), "X-Auth-Token: joe:p"),
	get(with("404 Not Found"), "X-Auth-Token: joe:p"), get(show, "Accept: application/json"), get(show, "X-Auth-Token: joe:p", "Accept: text/html"),
}

// faults are for the fault wrappers.
var faults = []request{
	get(hi), get(fail), get(fail, "Accept: */*"), get(fail, "Accept: application/json"), get(fail, "Accept: text/html"),
	get(fail, "Accept-Language: de"), ask("HEAD", "/", fail), ask("POST", "/x", fail), ask("PUT", "/x", fail), ask("DELETE", "/x", fail),
	get(fail, "X-OpenStack-Nova-API-Version: 2.1"), get(fail, "OpenStack-API-Version: compute 2.1"),
	get(with("404 Not Found")), get(with("500 Internal Server Error")), get(with("503 Service Unavailable", "Retry-After: 5")),
	get(spec{Status: "204 No Content"}), ask("HEAD", "/", hi), get(with("302 Found", "Location: /x")), get(with("302 Found", "Location: x?y#z")),
	get(with("302 Found", "Location: //other/x")), get(with("302 Found", "Location: https://other/x")), get(with("201 Created", "Location: ../x")),
	ask("GET", "/a%20b/c", with("302 Found", "Location: d")), get(with("200 OK", "X-Own: 1", "Vary: Accept")), ask("OPTIONS", "/", hi),
	ask("PATCH", "/x", fail), ask("GET", "/%C3%A9", fail), get(with("401 Unauthorized")), get(with("418 Teapot")), get(with("202 Accepted")),
}

// versionRequests are for the lists of versions.
// A mount of manila's list is left out: the original takes its last segment off
// the links. So are versions of other services for cinder, which it fails at.
func versionRequests(own, service string) []request {
	var list []request
	if service != "shared-file-system" {
		list = append(list, ask("GET", "/mnt/", hi), ask("GET", "/mnt//", hi))
	}
	for _, path := range []string{"/", "/mnt", "/x", "/x/y%20z", "/v2", "/v2/", "/mnt/x", "/v2.1/", "/v3/", "/x?y=z", "/%C3%A9/"} {
		list = append(list, ask("GET", path, hi))
	}
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
		list = append(list, ask(method, "/", hi))
	}
	for _, accept := range []string{"*/*", "application/json", own, "text/plain, application/json"} {
		list = append(list, ask("GET", "/", hi, "Accept: "+accept))
	}
	for _, v := range []string{service + " 2.5", service + " 3.5", service + " latest", service + " 9.9", service + " x"} {
		list = append(list, ask("GET", "/", hi, "OpenStack-API-Version: "+v))
	}
	if service != "volume" {
		list = append(list, ask("GET", "/", hi, "OpenStack-API-Version: other 2.5"), ask("GET", "/", hi, "OpenStack-API-Version: 2.5"))
	}
	return append(list, ask("GET", "/", hi, "X-Forwarded-Proto: https"))
}

// paths are for the filters that look at the path.
func paths(headers ...string) []request {
	var list []request
	for _, path := range []string{
		"/", "//", "/versions", "/versions/", "/versions/x", "/v1", "/v1/", "/v1/x/y", "//v1//x", "/v1.0/x", "/v1.1/x", "/v1.", "/v1.x/y",
		"/v2", "/v2/images", "/v2//images", "/v2.0/images", "/v2.7/images", "/v2.8/x", "/v2.9/x", "/v2.15/x", "/v2.16/x", "/v2.99/x", "/v3/x",
		"/v10/x", "/v01/x", "/vx", "/x/v1", "/V2/x", "/v2/a%20b/%C3%A9",
	} {
		list = append(list, ask("GET", path, show, headers...))
	}
	return list
}

var cases = []conformance{
	{"nova context", "nova", filtered("nova.api.auth:NovaKeystoneContext.factory", ""), append(identities, catalogs...)},
	{"cinder context", "cinder", filtered("cinder.api.middleware.auth:CinderKeystoneContext.factory", ""), append(identities, catalogs...)},
	{"manila context", "manila", filtered("manila.api.middleware.auth:ManilaKeystoneContext.factory", ""), append(identities, catalogs...)},
	{"neutron context", "neutron", filtered("neutron.auth:NeutronKeystoneContext.factory", ""), identities},
	{"neutron fake project", "neutron", filtered("neutron.auth:NoauthFakeProjectId.factory", ""), identities},
	{"glance context", "glance", filtered("glance.api.middleware.context:ContextMiddleware.factory", ""), confirmed()},
	{"glance without keystone", "glance", filtered("glance.api.middleware.context:UnauthenticatedContextMiddleware.factory", ""), identities},
	{"barbican context", "barbican", filtered("barbican.api.middleware.context:ContextMiddleware.factory", ""), withProject(confirmed())},
	{"barbican without keystone", "barbican", filtered("barbican.api.middleware.context:UnauthenticatedContextMiddleware.factory", ""), projects()},
	{"heat context", "heat", filtered("heat.common.context:ContextMiddleware_filter_factory", ""), identities},
	{"nova noauth", "nova", filtered("nova.api.openstack.auth:NoAuthMiddleware.factory", ""), noauths},
	{"nova noauth 2.18", "nova", filtered("nova.api.openstack.auth:NoAuthMiddlewareV2_18.factory", ""), noauths},
	{"cinder noauth", "cinder", filtered("cinder.api.middleware.auth:NoAuthMiddleware.factory", ""), noauths},
	{"cinder noauth with project", "cinder", filtered("cinder.api.middleware.auth:NoAuthMiddlewareIncludeProjectID.factory", ""), noauths},
	{"manila noauth", "manila", filtered("manila.api.middleware.auth:NoAuthMiddleware.factory", ""), noauths},
	{"manila noauth 2.60", "manila", filtered("manila.api.middleware.auth:NoAuthMiddlewarev2_60.factory", ""), noauths},
	{"nova fault", "nova", filtered("nova.api.openstack:FaultWrapper.factory", ""), faults},
	{"cinder fault", "cinder", filtered("cinder.api.middleware.fault:FaultWrapper.factory", ""), faults},
	{"manila fault", "manila", filtered("manila.api.middleware.fault:FaultWrapper.factory", ""), faults},
	{"nova versions", "nova", bare("nova.api.openstack.compute.versions:Versions.factory"), versionRequests("application/vnd.openstack.compute+json", "compute")},
	{"nova version", "nova", bare("nova.api.openstack.compute.versions:VersionsV2.factory"), versionRequests("application/vnd.openstack.compute+json", "compute")},
	{"nova legacy version", "nova", legacy, versionRequests("application/vnd.openstack.compute+json", "compute")},
	{"cinder versions", "cinder", bare("cinder.api.versions:Versions.factory"), versionRequests("application/vnd.openstack.volume+json", "volume")},
	{"manila versions", "manila", bare("manila.api.versions:VersionsRouter.factory"), versionRequests("application/vnd.openstack.share+json", "shared-file-system")},
	{"neutron versions", "neutron", bare("neutron.pecan_wsgi.app:versions_factory"), versionRequests("application/json", "network")},
	{"nova request id", "nova", filtered("nova.api.compute_req_id:ComputeReqIdMiddleware.factory", ""), requestIDs},
	{"cinder request id", "cinder", filtered("cinder.api.middleware.request_id:RequestId.factory", ""), requestIDs},
	{"nova request log", "nova", filtered("nova.api.openstack.requestlog:RequestLog.factory", ""), answers},
	{"nova legacy", "nova", filtered("nova.api.openstack:LegacyV2CompatibleWrapper.factory", ""), append(varies, answers...)},
	{"glance negotiation", "glance", filtered("glance.api.middleware.version_negotiation:VersionNegotiationFilter.factory", ""),
		append(paths(), vendors("application/vnd.openstack.images-")...)},
	{"heat negotiation", "heat", heat("heat.api.openstack:version_negotiation_filter"),
		append(paths(), vendors("application/vnd.openstack.orchestration-")...)},
	{"heat negotiation of cfn", "heat", heat("heat.api.cfn:version_negotiation_filter"),
		append(paths(), vendors("application/vnd.openstack.orchestration-")...)},
	{"heat fault", "heat", heat("heat.api.openstack:faultwrap_filter"), faults},
	{"heat noauth", "heat", filtered("heat.common.noauth:filter_factory", ""), named()},
	{"heat auth url", "heat", filtered("heat.common.auth_url:filter_factory", "auth_uri = http://keystone/v3\n"), urls()},
}

// heat is a pipeline of a filter that heat names in its own way.
func heat(factory string) string {
	return filtered("heat.common.wsgi:filter_factory", "heat.filter_factory = "+factory+"\n")
}

// named are the requests in which clients of heat name themselves.
func named() []request {
	list := append([]request{}, identities...)
	return append(list, get(show, "X-Auth-User: joe"), get(show, "X-Auth-User: joe", "X-Auth-Project: p"), get(show, "X-Auth-Project: p"),
		get(show, "X-Auth-User: joe", "X-Auth-Key: secret"), get(show, "X-Auth-Url: http://mine"), get(show, "X-Roles: member"),
		ask("POST", "/x", show, "X-Auth-User: joe"), ask("PUT", "/x", hi), ask("DELETE", "/x", spec{Status: "204 No Content"}), get(with("404 Not Found")))
}

// urls are the requests in which clients of heat name a keystone.
func urls() []request {
	list := append([]request{}, answers...)
	return append(list, get(show), get(show, "X-Auth-Url: http://mine"), get(show, "X-Auth-Url: http://a", "X-Auth-Url: http://b"),
		get(show, "X-Auth-Url:"), ask("POST", "/x", show), ask("HEAD", "/x", show), ask("PUT", "/x", show, "X-Auth-Url: x"),
		ask("DELETE", "/x", show), ask("GET", "/", show), ask("GET", "/a%20b", show), ask("OPTIONS", "/", show),
		ask("PATCH", "/", show), get(show, "X-User-Id: u"), get(show, "X-Auth-User: u"), get(show, "x-auth-url: lower"))
}

const legacy = "[composite:main]\nuse = egg:Paste#urlmap\n/ = p\n/mnt = p\n[pipeline:p]\npipeline = l v\n" +
	"[filter:l]\npaste.filter_factory = nova.api.openstack:LegacyV2CompatibleWrapper.factory\n" +
	"[app:v]\npaste.app_factory = nova.api.openstack.compute.versions:VersionsV2.factory\n"

// confirmed are the identities as auth_token confirms them.
func confirmed() []request {
	list := append([]request{}, identities...)
	for _, r := range append(append([]request{}, identities[1:11]...), catalogs...) {
		r.Headers = append(append([][]string{}, r.Headers...), []string{"X-Identity-Status", "Confirmed"}, []string{"X-Project-Id", "p0"})
		list = append(list, r)
	}
	return append(list,
		get(show, "X-Identity-Status: Confirmed", "X-User-Id: u", "X-Project-Id: p", "X-Openstack-Request-Id: req-me"),
		get(show, "X-Identity-Status: confirmed", "X-User-Id: u"))
}

// withProject leaves out who has a confirmed identity and no project: barbican
// means to answer 401, as ours does, and lets them in as nobody.
func withProject(all []request) []request {
	var list []request
	for _, r := range all {
		text := fmt.Sprint(r.Headers)
		if !strings.Contains(text, "Confirmed") || strings.Contains(text, "X-Project-Id") {
			list = append(list, r)
		}
	}
	return list
}

// projects are the requests with a project of the client's own.
func projects() []request {
	list := append([]request{}, identities...)
	for _, r := range identities {
		r.Headers = append(append([][]string{}, r.Headers...), []string{"X-Project-Id", "p0"})
		list = append(list, r)
	}
	return list
}

const globalID = "req-01234567-89ab-cdef-0123-456789abcdef"

var requestIDs = []request{
	get(hi), ask("HEAD", "/", hi), ask("POST", "/", hi), get(hi, "X-Openstack-Request-Id: "+globalID), get(hi, "X-Openstack-Request-Id: x"),
	get(hi, "X-Compute-Request-Id: "+globalID), get(with("200 OK", "x-openstack-request-id: mine")), get(with("200 OK", "X-Compute-Request-Id: mine")),
	get(with("200 OK", "X-Compute-Request-Id: mine", "X-Openstack-Request-Id: mine")), get(with("404 Not Found")), get(spec{Status: "204 No Content"}),
	get(with("302 Found", "Location: /x")), get(with("302 Found", "Location: x")), get(with("500 Internal Server Error")),
}

var answers = []request{
	get(hi), ask("HEAD", "/", hi), ask("POST", "/x", hi), ask("PUT", "/x", hi), ask("DELETE", "/x", spec{Status: "204 No Content"}),
	get(with("302 Found", "Location: /x")), get(with("302 Found", "Location: x/../y")), get(with("404 Not Found")), get(with("500 Internal Server Error")),
	get(with("200 OK", "X-Own: 1")), get(with("200 OK", "Vary: Accept")), get(hi, "X-Forwarded-For: 1.2.3.4"), ask("GET", "/", hi),
	ask("GET", "/a%20b", hi), ask("OPTIONS", "/x", hi), get(with("201 Created", "Location: https://other/x")),
}

var varies = []request{
	get(show, "OpenStack-API-Version: compute 2.5"), get(show, "X-OpenStack-Nova-API-Version: 2.5"),
	get(show, "OpenStack-API-Version: compute 2.5", "X-OpenStack-Nova-API-Version: 2.5"), get(show, "openstack-api-version: compute latest"),
	get(with("200 OK", "OpenStack-API-Version: compute 2.5", "X-OpenStack-Nova-API-Version: 2.5")),
	get(with("200 OK", "OpenStack-API-Version: compute 2.5", "X-OpenStack-Nova-API-Version: 2.5", "Vary: OpenStack-API-Version, X-OpenStack-Nova-API-Version")),
	get(with("200 OK", "Vary: OpenStack-API-Version")), get(with("200 OK", "Vary: Accept, X-OpenStack-Nova-API-Version")),
	get(with("200 OK", "Vary: X-OpenStack-Nova-API-Version,Accept,Cookie")), get(with("200 OK", "Vary: *")), get(with("200 OK", "Vary: Accept,Accept")),
	get(with("404 Not Found", "Vary: OpenStack-API-Version")), get(show, "X-Other: 1"), get(with("200 OK", "Vary: Accept , Cookie")),
}

// vendors are for versions in the Accept header.
func vendors(prefix string) []request {
	var list []request
	for _, v := range []string{"v1", "v1.0", "v2", "v2.0", "v2.7", "v9", "x", ""} {
		list = append(list, ask("GET", "/stacks/a", show, "Accept: "+prefix+v), ask("GET", "/v2/a", show, "Accept: "+prefix+v))
	}
	return append(list, ask("GET", "/stacks", show, "Accept: */*"), ask("GET", "/stacks", show, "Accept: text/html"),
		ask("POST", "/stacks", show, "Accept: application/json"))
}
