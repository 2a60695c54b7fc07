// Package refused names the filters of well-known files that cannot exist in
// Go, each with what to do instead.
package refused

import "github.com/wheatpaste/wheatpaste/paste"

func init() {
	for _, group := range [][]entry{services, keystone, frameworks, pasteOnly} {
		for _, e := range group {
			paste.Refuse(paste.KindFilter, e.reason, e.names[0], paste.Alias(e.names[1:]...))
		}
	}
}

// entry is one reason and the names that it is for.
type entry struct {
	reason string
	names  []string
}

// The reasons that several services share.
const (
	behind = "; let the service run with it behind egg:wheatpaste#proxy, and leave it out here"
	ec2    = "it checks signatures of the EC2 API with secrets that only ec2-api looks up" + behind
	cache  = "it keeps images on the service's own disk" + behind
)

// services are the filters of OpenStack's services but keystone.
var services = []entry{
	{ec2, []string{
		"nova.api.ec2:FaultWrapper.factory", "nova.api.ec2:RequestLogging.factory", "nova.api.ec2:Lockout.factory",
		"nova.api.ec2:EC2KeystoneAuth.factory", "nova.api.ec2:NoAuth.factory", "nova.api.ec2:Authenticate.factory",
		"nova.api.ec2:Requestify.factory", "nova.api.ec2:Authorizer.factory", "nova.api.ec2:Validator.factory",
		"ec2api.api:FaultWrapper.factory", "ec2api.api:RequestLogging.factory", "ec2api.api:EC2KeystoneAuth.factory",
		"ec2api.api:Requestify.factory", "ec2api.api:Validator.factory",
		"heat.api.aws.ec2token:EC2Token_filter_factory", "rushstack.api.aws.ec2token:EC2Token_filter_factory",
		"magnetodb.common.middleware.ec2token:EC2Token_filter_factory",
	}},
	{"nova dropped its own rate limits; use egg:wheatpaste#ratelimit", []string{
		"nova.api.openstack.compute.limits:RateLimitingMiddleware.factory",
		"nova.api.openstack.compute.plugins.v3.limits:RateLimitingMiddleware.factory",
		"nova.api.openstack.v2.limits:RateLimitingMiddleware.factory",
		"magnetodb.common.middleware.rate_limit:RateLimitMiddleware.factory_method",
	}},
	{"it loads extensions that are written in Python" + behind, []string{
		"neutron.api.extensions:plugin_aware_extension_middleware_factory", "neutron.common.extensions:plugin_aware_extension_middleware_factory",
		"quantum.api.extensions:plugin_aware_extension_middleware_factory", "quantum.common.extensions:plugin_aware_extension_middleware_factory",
		"quantum.extensions.extensions:plugin_aware_extension_middleware_factory", "tacker.api.extensions:extension_middleware_factory",
		"nova.api.openstack.compute.extensions:ExtensionMiddleware.factory", "nova.api.openstack.volume.extensions:ExtensionMiddleware.factory",
		"nova.api.openstack.v2.extensions:ExtensionMiddleware.factory",
	}},
	{"it asks keystone for the project as the user of [nova], which neutron itself does as well" + behind, []string{
		"neutron.api.extensions:ProjectIdMiddleware.factory",
	}},
	{"it turned answers to XML for an API that is gone; remove it", []string{"nova.api.openstack.wsgi:LazySerializationMiddleware.factory"}},
	{"it checked tokens of an API that is gone; use egg:keystonemiddleware#auth_token", []string{
		"nova.api.openstack.auth:AuthMiddleware.factory", "nova.api.openstack.v2.auth:AuthMiddleware.factory",
		"quantum.plugins.huawei.huawei_auth:filter_factory", "gceapi.api.oauth:filter_factory",
	}},
	{"it is auth_token with public paths; use egg:keystonemiddleware#auth_token, and mount the public paths beside it by egg:Paste#urlmap", []string{
		"cloudkitty.api.middleware:AuthTokenMiddleware.factory", "magnum.api.middleware.auth_token:AuthTokenMiddleware.factory",
		"zun.api.middleware.auth_token:AuthTokenMiddleware.factory",
	}},
	{"it is an auth_token of heat's own that is gone; use egg:keystonemiddleware#auth_token", []string{
		"heat.common.auth_token:filter_factory", "rushstack.common.auth_token:filter_factory",
	}},
	{cache, []string{
		"glance.api.middleware.cache:CacheFilter.factory", "glance.api.middleware.cache_manage:CacheManageFilter.factory",
		"subject.api.middleware.cache:CacheFilter.factory", "subject.api.middleware.cache_manage:CacheManageFilter.factory",
	}},
	{"it logs in at keystone with the password that each request carries; have clients get tokens and use egg:keystonemiddleware#auth_token", []string{
		"heat.common.auth_password:filter_factory", "rushstack.common.auth_password:filter_factory",
	}},
	{"it asks heat's engine over its message bus" + behind, []string{
		"heat.common.custom_backend_auth:filter_factory", "rushstack.common.custom_backend_auth:filter_factory",
	}},
	{"it belongs to designate's own errors and settings; use egg:wheatpaste#catch_errors, and egg:wheatpaste#maintenance while the service rests", []string{
		"designate.api.middleware:FaultWrapperMiddleware.factory", "designate.api.middleware:MaintenanceMiddleware.factory",
		"designate.api.middleware:APIv2ValidationErrorMiddleware.factory",
	}},
	{"everybody would be an administrator; use egg:keystonemiddleware#auth_token", []string{
		"designate.api.middleware:NoAuthContextMiddleware.factory", "moniker.api.auth:NoAuthMiddleware.factory",
	}},
	{"it checks what only the service's own objects know" + behind, []string{
		"sahara.api.middleware.auth_valid:AuthValidator.factory", "sahara.api.middleware.auth_valid:AuthValidatorV2.factory",
		"sahara.api.middleware.version_discovery:VersionResponseMiddlewareV2.factory",
		"freezer_api.api.common.middleware:ContextMiddleware.factory", "freezer_api.api.common.middleware:HealthApp.factory",
		"freezer_api.api.versions:VersionNegotiator.factory", "barbican.api.middleware.microversion:MicroversionMiddleware.factory",
		"glare.api.middleware.version_negotiation:GlareVersionNegotiationFilter.factory", "glare.api.middleware.keycloak_auth:KeycloakAuthMiddleware.factory",
		"glare.api.middleware.context:TrustedAuthMiddleware.factory", "searchlight.api.middleware.version_negotiation:VersionNegotiationFilter.factory",
		"subject.api.middleware.version_negotiation:VersionNegotiationFilter.factory", "murano.api.middleware.context:ContextMiddleware.factory",
		"murano.api.middleware.version_negotiation:VersionNegotiationFilter.factory", "portas.api.middleware.context:ContextMiddleware.factory",
		"magnetodb.common.middleware.context:ContextMiddleware.factory_method", "magnetodb.common.middleware.connection_handler:factory_method",
		"magnetodb.common.middleware.probe_filter:ProbeFilter.factory_method",
		"magnetodb.common.middleware.request_notifications:RequestNotificationsMiddleware.factory_method",
		"monasca_events_api.middleware.validation_middleware:ValidationMiddleware.factory",
		"monasca_log_api.middleware.role_middleware:RoleMiddleware.factory", "monasca_log_api.healthcheck.keystone_protocol:filter_factory",
		"monasca_api.healthcheck.keystone_protocol:filter_factory", "egg: monasca_api#inspector", "egg: monasca_api#login",
		"egg: monasca_api#metric_validator", "voltracker.api.auth:ContextMiddleware.factory", "volt.api.auth:ContextMiddleware.factory",
		"dolphin.api.middlewares:ContextWrapper.factory", "mixmatch.session:ksm_filter_factory", "ooi.wsgi:OCCIMiddleware.factory",
	}},
}

// keystone are the filters of keystone, which has not had a paste file since
// Rocky.
var keystone = []entry{
	{"it is a part of keystone's own API" + behind, []string{
		"keystone.contrib.admin_crud:CrudExtension.factory", "keystone.contrib.user_crud:CrudExtension.factory",
		"keystone.contrib.ec2:Ec2Extension.factory", "keystone.contrib.ec2:Ec2ExtensionV3.factory",
		"keystone.contrib.s3:S3Extension.factory", "keystone.contrib.simple_cert:SimpleCertExtension.factory",
		"keystone.contrib.stats:StatsExtension.factory", "keystone.contrib.revoke.routers:RevokeExtension.factory",
		"keystone.contrib.oauth1.routers:OAuth1Extension.factory", "keystone.contrib.federation.routers:FederationExtension.factory",
		"keystone.contrib.endpoint_filter.routers:EndpointFilterExtension.factory", "keystone.contrib.access_key:AccessKeyExtension.factory",
		"egg:keystone#admin_crud_extension", "egg:keystone#user_crud_extension", "egg:keystone#crud_extension",
		"egg:keystone#ec2_extension", "egg:keystone#ec2_extension_v3", "egg:keystone#s3_extension", "egg:keystone#simple_cert_extension",
		"egg:keystone#stats_reporting", "egg:keystone#oauth1_extension", "egg:keystone#federation_extension", "egg:keystone#revoke_extension",
		"egg:keystone#endpoint_filter_extension",
	}},
	{"it looks tokens up in keystone's own database; use egg:keystonemiddleware#auth_token", []string{
		"keystone.middleware:TokenAuthMiddleware.factory", "keystone.middleware:AdminTokenAuthMiddleware.factory",
		"keystone.middleware:AuthContextMiddleware.factory", "egg:keystone#token_auth", "egg:keystone#admin_token_auth",
		"egg:keystone#build_auth_context", "egg:keystone#tokenauth", "keystone.middleware.auth_basic:filter_factory",
		"keystone.middleware.auth_openid:filter_factory", "keystone.middleware.remoteauth:filter_factory",
	}},
	{"clients sign S3 requests with secrets that only keystone looks up; let Swift's own proxy serve S3", []string{
		"egg:keystone#s3token",
	}},
	{"keystone dropped XML; remove it", []string{
		"keystone.middleware:XmlBodyMiddleware.factory", "keystone.middleware:XmlBodyMiddlewareV2.factory",
		"keystone.middleware:XmlBodyMiddlewareV3.factory", "egg:keystone#xml_body", "egg:keystone#xml_body_v2", "egg:keystone#xml_body_v3",
	}},
	{"it counts requests for an API that is gone; use egg:wheatpaste#metrics", []string{
		"keystone.contrib.stats:StatsMiddleware.factory", "egg:keystone#stats_monitoring",
	}},
	{"use egg:Paste#translogger", []string{"keystone.contrib.access:AccessLogMiddleware.factory", "egg:keystone#access_log"}},
	{"use egg:oslo.middleware#debug", []string{"keystone.common.wsgi:Debug.factory", "egg:keystone#debug"}},
}
