// Package refused names the applications of well-known files that are programs
// of their own, each with what to do instead.
package refused

import "github.com/wheatpaste/wheatpaste/paste"

func init() {
	for owner, names := range services {
		reason := "it is the application of " + owner + ", in Python; let that run behind egg:wheatpaste#proxy, or serve a stub with --missing stub"
		paste.Refuse(paste.KindApp, reason, names[0], paste.Alias(names[1:]...))
	}
	for _, e := range others {
		paste.Refuse(paste.KindApp, e.reason, e.names[0], paste.Alias(e.names[1:]...))
	}
}

// services are the applications of OpenStack's services.
var services = map[string][]string{
	"nova": {
		"nova.api.openstack.compute:APIRouterV21.factory", "nova.api.openstack.compute:APIRouter.factory",
		"nova.api.openstack.compute:APIRouterV3.factory", "nova.api.openstack.v2:APIRouter.factory",
		"nova.api.openstack.v2.versions:Versions.factory", "nova.api.openstack.volume:APIRouter.factory",
		"nova.api.openstack.volume.versions:Versions.factory", "nova.api.metadata.handler:MetadataRequestHandler.factory",
		"nova.api.metadata.handler:Versions.factory", "nova.api.ec2:Executor.factory",
	},
	"ec2-api": {"ec2api.api:Executor.factory", "ec2api.metadata:MetadataRequestHandler.factory"},
	"cinder": {
		"cinder.api.v1.router:APIRouter.factory", "cinder.api.v2.router:APIRouter.factory", "cinder.api.v3.router:APIRouter.factory",
	},
	"neutron": {
		"neutron.api.v2.router:APIRouter.factory", "neutron.pecan_wsgi.app:v2_factory", "quantum.api.v2.router:APIRouter.factory",
		"quantum.api:APIRouterV10.factory", "quantum.api:APIRouterV11.factory",
	},
	"glance": {
		"glance.api.v1.router:API.factory", "glance.api.v2.router:API.factory", "glance.registry.api:API.factory",
		"glance.registry.api.v1:API.factory", "glance.search.api.v0_1.router:API.factory", "glance.store.scrubber:Scrubber.factory",
	},
	"heat, or of a service that began as a copy of it": {
		"heat.common.wsgi:app_factory", "senlin.api.common.wsgi:app_factory", "bilean.common.wsgi:app_factory", "rushstack.openstack.common.wsgi:app_factory",
	},
	"manila": {"manila.api.v1.router:APIRouter.factory", "manila.api.v2.router:APIRouter.factory"},
	"barbican": {
		"barbican.api.app:create_main_app", "barbican.api.app:create_version_app", "barbican.api.versions:create_resource",
	},
	"keystone": {
		"keystone.service:public_app_factory", "keystone.service:admin_app_factory", "keystone.service:public_version_app_factory",
		"keystone.service:admin_version_app_factory", "keystone.service:v3_app_factory", "egg:keystone#public_service",
		"egg:keystone#admin_service", "egg:keystone#service_v3", "egg:keystone#public_version_service", "egg:keystone#admin_version_service",
		"egg:keystone#main",
	},
	"Swift": {
		"egg:swift#proxy", "egg:swift#account", "egg:swift#container", "egg:swift#object", "egg:swift#mem_object", "egg:swift#auth",
		"egg:gluster_swift#proxy", "egg:gluster_swift#account", "egg:gluster_swift#container", "egg:gluster_swift#object",
	},
	"gnocchi":    {"gnocchi.rest.app:app_factory"},
	"aodh":       {"aodh.api.app:app_factory"},
	"ceilometer": {"ceilometer.api.app:app_factory"},
	"cloudkitty": {"cloudkitty.api.app:app_factory"},
	"vitrage":    {"vitrage.api.app:app_factory"},
	"zun":        {"zun.api.app:app_factory"},
	"magnum":     {"magnum.api.app:app_factory"},
	"designate": {
		"designate.api.v2:factory", "designate.api.v1:factory", "designate.api.admin:factory", "designate.api.versions:factory", "moniker.api.v1:factory",
	},
	"congress": {"congress.service:congress_app_factory", "congress.api.versions:Versions.factory"},
	"sahara":   {"sahara.api.middleware.sahara_middleware:Router.factory", "sahara.api.middleware.sahara_middleware:RouterV2.factory"},
	"freezer": {
		"freezer_api.api.versions:api_versions", "freezer_api.service:freezer_app_factory", "freezer_api.service:freezer_appv1_factory",
		"freezer_api.service:freezer_appv2_factory", "egg:freezer-api#service_v1",
	},
	"tacker": {"tacker.api.v1.router:APIRouter.factory", "tacker.api.versions:Versions.factory",
		"tacker.api.vnflcm.v1.router:VnflcmAPIRouter.factory", "tacker.api.vnfpkgm.v1.router:VnfpkgmAPIRouter.factory",
		"tacker.sol_refactored.api.router:AutoHealingRouter.factory", "tacker.sol_refactored.api.router:AutoScalingRouter.factory",
		"tacker.sol_refactored.api.router:FmAlertRouter.factory", "tacker.sol_refactored.api.router:PmEventRouter.factory",
		"tacker.sol_refactored.api.router:PmThresholdRouter.factory", "tacker.sol_refactored.api.router:ServerNotificationRouter.factory",
		"tacker.sol_refactored.api.router:VnffmAPIRouterV1.factory", "tacker.sol_refactored.api.router:VnflcmVersions.factory",
		"tacker.sol_refactored.api.router:VnflcmAPIRouterV2.factory", "tacker.sol_refactored.api.router:VnfPmAPIRouterV2.factory"},
	"masakari": {"masakari.api.openstack.ha:APIRouterV1.factory", "masakari.api.openstack.ha.versions:Versions.factory"},
	"murano":   {"murano.api.v1.router:API.factory", "murano.api.versions:create_resource"},
	"glare, searchlight or a service of that kind": {
		"glare.api.v1.router:API.factory", "searchlight.api.v1.router:API.factory", "searchlight.api.versions:create_resource",
		"subject.api.v1.router:API.factory", "subject.api.versions:create_resource",
	},
	"karbor, meteos or a service of that kind": {
		"karbor.api.v1.router:APIRouter.factory", "karbor.api.versions:Versions.factory", "smaug.api.v1.router:APIRouter.factory",
		"smaug.api.versions:Versions.factory", "meteos.api.v1.router:APIRouter.factory", "meteos.api.versions:VersionsRouter.factory",
		"rack.api.v1:APIRouter.factory", "rack.api.versions:Versions.factory",
	},
	"monasca": {
		"monasca_api.api.server:launch", "monasca.api.server:api_app", "monasca_log_api.server:launch", "monasca_log_api.app.api:create_api_app",
		"monasca_log_api.app.api:create_healthcheck_app", "monasca_log_api.app.api:create_version_app",
		"monasca_events_api.app.api:create_api_app", "monasca_events_api.app.api:create_healthcheck_app", "monasca_events_api.app.api:create_version_app",
	},
	"magnetodb": {
		"magnetodb.api.wsgi:MagnetoDBApplication.factory_method", "magnetodb.api.wsgi:app_factory", "magnetodb.api.amz:app_factory",
		"magnetodb.api.openstack.health_check:app_factory", "magnetodb.api.openstack.v1.data:app_factory",
		"magnetodb.api.openstack.v1.management:app_factory", "magnetodb.api.openstack.v1.monitoring:app_factory",
	},
}

type entry struct {
	reason string
	names  []string
}

// others are applications of Paste and of web frameworks.
var others = []entry{
	{"it maps paths to modules of Python; serve files by egg:wheatpaste#static, and let the rest run behind egg:wheatpaste#proxy", []string{
		"egg:Paste#urlparser", "paste.urlparser:make_url_parser",
	}},
	{"it serves files out of Python packages; unpack them and use egg:wheatpaste#static", []string{
		"egg:Paste#pkg_resources", "paste.urlparser:make_pkg_resources",
	}},
	{"its page only shows that Paste's threads can be blocked; remove it", []string{"paste.debug.watchthreads:make_bad_app"}},
	{"it is CKAN, in Python; let that run behind egg:wheatpaste#proxy", []string{"egg:ckan"}},
	{"it is Galaxy, in Python; let that run behind egg:wheatpaste#proxy", []string{
		"galaxy.web.buildapp:app_factory", "galaxy.webapps.reports.buildapp:app_factory",
	}},
	{"it is Kallithea or RhodeCode, in Python; let that run behind egg:wheatpaste#proxy", []string{
		"egg:kallithea", "egg:rhodecode-enterprise-ce", "egg:rhodecode-vcsserver", "egg:rhodecode",
	}},
	{"it is MediaGoblin, in Python; let that run behind egg:wheatpaste#proxy", []string{"egg:mediagoblin#app", "egg:mediagoblin"}},
	{"it is Zope, in Python; let that run behind egg:wheatpaste#proxy", []string{"egg:Zope", "egg:Zope2"}},
	{"it is MapProxy, in Python; let that run behind egg:wheatpaste#proxy", []string{"egg:MapProxy#app", "egg:MapProxy#multiapp"}},
	{"it is Mozilla's sync server, in Python; let that run behind egg:wheatpaste#proxy", []string{
		"egg:SyncServer", "egg:SyncStorage", "egg:tokenserver",
	}},
	{"it is tracim, in Python; let that run behind egg:wheatpaste#proxy", []string{
		"egg:tracim_backend", "egg:tracim_backend#webdav", "egg:tracim_backend#caldav",
	}},
}
