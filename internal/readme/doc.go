// Package readme holds the tests that the README is true: they run its commands
// and compare what it shows.
package readme
