package main

import "testing"

// TestGeneratedFilesAreUpToDate keeps the READMEs, the lists of imports and
// wheatpaste describe in agreement.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	if err := run("../..", true); err != nil {
		t.Error(err)
	}
}
