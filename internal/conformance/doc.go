// Package conformance holds our context trees against those of Paste Deploy
// itself, over recorded answers and over generated files.
//
// A Generator makes folders with paste files from a seed, an Oracle is a
// Python process with the real Paste Deploy in it, Diff says where two trees
// part, Shrink makes a case that shows a difference small, and Stats counts
// what the generated files reached.
package conformance
