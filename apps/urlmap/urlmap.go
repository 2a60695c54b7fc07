// Package urlmap sends requests to applications by domain and path.
package urlmap

import (
	"net/http"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the composite, as they are written in its section.
type Options struct {
	NotFoundApp string      `paste:"not_found_app,global" help:"application for what no mount takes"`
	Mounts      *paste.Conf `paste:",rest" help:"a mount: /path, or domain D [port P] [/path]; the value is an application"`
}

// FreezerOptions are those of freezer's map.
type FreezerOptions struct {
	NotFoundApp string      `paste:"not_found_app,global" help:"application for what no mount takes"`
	EnableV1API bool        `paste:"enable_v1_api,global" help:"serve /v1 instead of /v2"`
	Mounts      *paste.Conf `paste:",rest" help:"a mount: /path, or domain D [port P] [/path]; the value is an application"`
}

func init() {
	paste.RegisterComposite("egg:Paste#urlmap", Options{}, New,
		paste.Alias("egg:wheatpaste#urlmap", "paste.urlmap:urlmap_factory",
			"egg:rutter#urlmap", "rutter.urlmap:urlmap_factory",
			// OSP-03: the root factories of these services do nothing else.
			"dolphin.api:root_app_factory", "glance.api:root_app_factory",
			"glance.sync.api:root_app_factory", "heat.api:root_app_factory",
			"magnum.api:root_app_factory", "manila.api:root_app_factory",
			"meteos.api:root_app_factory", "searchlight.api:root_app_factory",
			"subject.api:root_app_factory"),
		paste.Help("Sends each request to the application at the longest mounted prefix of its path, on its domain. "+
			"The prefix moves to SCRIPT_NAME; nothing is redirected."),
		paste.Example(`
[composite:main]
use = egg:wheatpaste#urlmap
/ = site
/api/v1 = api
domain status.example.com = status
`))
	paste.RegisterComposite("cinder.api:root_app_factory", Options{}, NewCinder,
		paste.Help("A urlmap without /v1 and /v2, which cinder no longer has."),
		paste.Example(`
[composite:osapi_volume]
use = call:cinder.api:root_app_factory
/: apiversions
/v3: openstack_volume_api_v3
`))
	paste.RegisterComposite("freezer_api.service:root_app_factory", FreezerOptions{}, NewFreezer,
		paste.Help("A urlmap with /v2 alone or, by enable_v1_api, with /v1 alone."),
		paste.Example(`
[composite:backupapp]
paste.composite_factory = freezer_api.service:root_app_factory
/: api_versions
/v1: appv1
/v2: appv2
`))
}

// New makes a map of all mounts.
func New(b *paste.Build, o Options) (http.Handler, error) {
	return pipeline.LoadURLMap(b, o.Mounts, o.NotFoundApp, false)
}

// NewCinder makes a map without the versions of the API that cinder has removed
// (OSP-03). What they name is not loaded.
func NewCinder(b *paste.Build, o Options) (http.Handler, error) {
	mounts := drop(b, o.Mounts, "cinder has removed this version of the API, the mount is left out", "/v1", "/v2")
	return pipeline.LoadURLMap(b, mounts, o.NotFoundApp, false)
}

// NewFreezer makes a map with one of two versions of the API, as freezer does.
func NewFreezer(b *paste.Build, o FreezerOptions) (http.Handler, error) {
	unwanted := "/v1"
	if o.EnableV1API && o.Mounts.Has("/v1") {
		unwanted = "/v2"
	}
	mounts := drop(b, o.Mounts, "freezer serves one version of its API, enable_v1_api says which; the mount is left out", unwanted)
	return pipeline.LoadURLMap(b, mounts, o.NotFoundApp, false)
}

// drop gives the mounts without those at some paths.
func drop(b *paste.Build, mounts *paste.Conf, why string, paths ...string) *paste.Conf {
	kept := mounts.Clone()
	for _, path := range paths {
		if _, ok := kept.Delete(path); ok {
			b.Warn(path, why)
		}
	}
	return kept
}
