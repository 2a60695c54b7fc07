// Package unread holds what the filters of oslo.middleware have in common that
// have no option of their own.
package unread

// Options name the conf files of a service, which such filters do not read.
type Options struct {
	Project string `paste:"oslo_config_project,global" help:"accepted, no option of this filter is read from its conf files"`
	Program string `paste:"oslo_config_program,global" help:"accepted, as oslo_config_project"`
	File    string `paste:"oslo_config_file,global" help:"accepted, as oslo_config_project"`
}
