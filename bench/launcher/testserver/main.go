// Command testserver is wheatpaste with the application that the long runs of
// the launcher put under load, and with a probe of its own processes.
package main

import (
	"os"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	_ "github.com/wheatpaste/wheatpaste/bench/launcher/testserver/load"
	"github.com/wheatpaste/wheatpaste/cmd"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	_ "github.com/wheatpaste/wheatpaste/service/servers/all"
)

func main() {
	probe()
	os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr))
}
