// Command wheatpaste serves Paste Deploy files.
package main

import (
	"os"

	_ "github.com/wheatpaste/wheatpaste/apps/all"
	"github.com/wheatpaste/wheatpaste/cmd"
	_ "github.com/wheatpaste/wheatpaste/filters/all"
	_ "github.com/wheatpaste/wheatpaste/service/servers/all"
)

func main() { os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr)) }
