//go:build !linux

package load

import "net/http"

// block is for the long runs, which need Linux.
func block(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "the long runs need Linux", http.StatusNotImplemented)
}
