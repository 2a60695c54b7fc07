// Package paste loads Paste Deploy files: it reads the ini dialect, resolves
// use, set, get, filter-with, pipelines and references to other files into
// contexts, and finds the registered Go factories that build them.
package paste
