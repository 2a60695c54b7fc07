package cmd

import (
	"encoding/hex"
	"runtime"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// registerProcess adds the metrics of the process to those of the pipelines.
func registerProcess(loader *pipeline.Loader) {
	loader.Gatherer() // makes the registry
	loader.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

// inform says in the metrics what this program is and which files it serves
// now, in place of those that it served before.
func inform(region *scoreboard.Region, p *plan.Plan) {
	version, revision := buildVersion()
	region.Info(scoreboard.BuildInfo, []string{version, revision, runtime.Version()})
	var files [][]string
	for _, f := range p.Files {
		files = append(files, []string{f.Path, hex.EncodeToString(f.SHA256[:])})
	}
	region.Info(scoreboard.ConfigInfo, files...)
}
