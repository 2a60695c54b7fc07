// Package environ names what Swift's filters share in the Environ of a request,
// as their originals do in the WSGI environ.
package environ

import (
	"net/http"

	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

var (
	// Cache is swift.cache: set by the filter memcache, read by ratelimit,
	// tempauth, cname_lookup, by what looks up accounts and containers, and by
	// auth_token with `cache = swift.cache`.
	Cache = pipeline.NewKey[*memcached.Client]("swift.cache")

	// TransID is swift.trans_id: set by catch_errors, read by logs.
	TransID = pipeline.NewKey[string]("swift.trans_id")

	// Source is swift.source: set on the requests that a filter makes itself,
	// such as "TU" for tempurl, read by proxy_logging.
	Source = pipeline.NewKey[string]("swift.source")

	// AccessLogMade is swift.proxy_access_log_made: proxy_logging writes one line
	// for each request.
	AccessLogMade = pipeline.NewKey[bool]("swift.proxy_access_log_made")

	// LogInfo is swift.log_info: anyone adds, proxy_logging writes it.
	LogInfo = pipeline.NewKey[[]string]("swift.log_info")

	// BackendPath is swift.backend_path: set by filters that translate another
	// dialect, read by proxy_logging.
	BackendPath = pipeline.NewKey[string]("swift.backend_path")

	// OrigMethod is swift.orig_req_method: the method before a filter changed
	// it, read by proxy_logging.
	OrigMethod = pipeline.NewKey[string]("swift.orig_req_method")

	// LeaveRelativeLocation is swift.leave_relative_location: set by apps, read
	// by gatekeeper.
	LeaveRelativeLocation = pipeline.NewKey[bool]("swift.leave_relative_location")

	// RemoteUser is REMOTE_USER: set by tempauth, keystoneauth and tempurl.
	RemoteUser = pipeline.NewKey[string]("REMOTE_USER")

	// Owner is swift_owner: the request may do what only the owner of the
	// account may; set by authorization.
	Owner = pipeline.NewKey[bool]("swift_owner")

	// ResellerRequest is reseller_request: the request may change quotas.
	ResellerRequest = pipeline.NewKey[bool]("reseller_request")

	// Authorize is swift.authorize: set by tempauth, keystoneauth and tempurl.
	// The first two call it before the app; an app may do so itself.
	Authorize = pipeline.NewKey[Authorizer]("swift.authorize")

	// AuthorizeOverride is swift.authorize_override: a filter such as tempurl
	// has authorized the request; tempauth and keystoneauth let it pass.
	AuthorizeOverride = pipeline.NewKey[bool]("swift.authorize_override")
)

// Access is what only the container of a request can say about it.
type Access struct {
	ACL     string // X-Container-Read or -Write, whichever the method needs
	SyncKey string // X-Container-Sync-Key
}

// Authorizer decides about a request; it gives nil to let it pass, else the
// answer.
type Authorizer func(r *http.Request, a Access) http.Handler
