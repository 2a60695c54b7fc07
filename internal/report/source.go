package report

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// Source is what a program tells the launcher for its reports. All of it may be
// left out.
type Source struct {
	Name      string   // of the service, for the title and the file
	Arguments []string // masked, see Arguments
	Errors    *Ring
	// Describe gives what a plan serves: data is the Data of a launcher.Plan.
	// It is called by one goroutine at a time.
	Describe func(data any) Setup
}

// ReadBuild tells of this program.
func ReadBuild(version string) Build {
	b := Build{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = strings.EqualFold(s.Value, "true")
		}
	}
	return b
}
