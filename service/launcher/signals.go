package launcher

import "github.com/wheatpaste/wheatpaste/service"

// profileOf is the signal profile of the first group that names one.
func profileOf(groups []*service.Group) service.SignalProfile {
	for _, g := range groups {
		if g.SignalProfile != "" {
			return g.SignalProfile
		}
	}
	return service.OpenStackSignals
}
