package plan

import (
	"fmt"
	"os"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
)

// programWide looks at what sections say for the whole program: where reports
// go, and what signals mean. A worker does not look again: it must start also when
// a folder has gone since.
func (m *maker) programWide(groups []*service.Group) {
	if m.Only != "" || m.Nova {
		return
	}
	var first *service.Group // that names a profile
	for _, g := range groups {
		c := m.sections[g.Name]
		if c == nil {
			continue // what failed is told already
		}
		if err := reportFolder(g.ReportDir); err != nil {
			m.fail(c.Place(paste.BadOption("report_dir", "%w", err)))
		}
		switch {
		case g.SignalProfile == "":
		case first == nil:
			first = g
		case g.SignalProfile != first.SignalProfile:
			m.fail(c.Place(paste.BadOption("signal_profile", "%s, but the server %s has %s: signals are of the whole program, want the same in both, or one of them",
				g.SignalProfile, first.Name, first.SignalProfile)))
		}
	}
}

// programWide is the same of conf files. Reports that have no folder keep nova
// from nothing, nor us.
func (n *nova) programWide(groups []*service.Group) {
	var profile service.SignalProfile
	if text := n.read.String(signalProfile); text != "" {
		if err := profile.UnmarshalText([]byte(text)); err != nil {
			n.read.Bad(signalProfile, "%v", err)
		}
	}
	for _, g := range groups {
		g.SignalProfile = profile
	}
	if n.Only != "" {
		return
	}
	if err := reportFolder(n.read.String(reportDir)); err != nil {
		n.warnAt(reportDir, err.Error(), "the reports that SIGUSR2 asks for cannot be written")
	}
}

// reportFolder finds what keeps this process from writing reports into a folder.
func reportFolder(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%w, want a folder that exists", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%q is no folder, want one", path)
	}
	if err := mayWrite(path); err != nil {
		return fmt.Errorf("%q: %w, want a folder that this user may write to", path, err)
	}
	return nil
}
