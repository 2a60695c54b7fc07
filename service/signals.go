package service

import "fmt"

// SignalProfile says what SIGUSR1 and SIGUSR2 ask the master for: of a group, but
// for all of a program, see docs/launcher.md. "" is OpenStackSignals.
type SignalProfile string

// The profiles (design.md 6).
const (
	OpenStackSignals SignalProfile = "openstack" // SIGUSR1 reopens the logs, SIGUSR2 reports, as nova's
	WebSignals       SignalProfile = "web"       // SIGUSR2 upgrades, as gunicorn's and nginx's; SIGRTMIN+1 reports
	SwiftSignals     SignalProfile = "swift"     // SIGUSR1 upgrades, as Swift's seamless reload
)

// UnmarshalText reads the name of a profile.
func (p *SignalProfile) UnmarshalText(text []byte) error {
	switch v := SignalProfile(text); v {
	case OpenStackSignals, WebSignals, SwiftSignals:
		*p = v
		return nil
	default:
		return fmt.Errorf("unknown profile %q, want openstack, web or swift", text)
	}
}
