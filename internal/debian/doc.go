// Package debian holds a test that serves the paste files which Debian ships,
// unmodified.
package debian
