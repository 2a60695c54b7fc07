// Command teaserver is wheatpaste with a filter and an app of its own.
package main

import (
	"os"

	_ "example.com/teaserver/stamp"
	_ "example.com/teaserver/teapot"
	_ "github.com/wheatpaste/wheatpaste/apps/all"
	"github.com/wheatpaste/wheatpaste/cmd"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	_ "github.com/wheatpaste/wheatpaste/service/servers/all"
)

func main() { os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr)) }
