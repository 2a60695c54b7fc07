// Package microversion holds what the filters and apps of OpenStack's services
// tell each other about the version of the API that a request asks for.
package microversion

import "github.com/wheatpaste/wheatpaste/pipeline"

// Requested is the microversion that was agreed on, such as 2.90. An
// application sets it once it knows; fault wrappers and the request log read it.
var Requested = pipeline.NewKey[string]("microversion")

// LegacyV2 says that the request is one to the old API, without microversions.
// legacy_v2_compatible sets it, nova's version app reads it.
var LegacyV2 = pipeline.NewKey[bool]("openstack.legacy_v2")

// The headers that carry microversions, as net/http writes them.
const (
	Header     = "Openstack-Api-Version"
	NovaHeader = "X-Openstack-Nova-Api-Version"
)
