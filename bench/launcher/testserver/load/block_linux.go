package load

import (
	"net/http"
	"syscall"
	"unsafe"
)

// block reads from a pipe that nobody writes to, without telling the scheduler:
// with one P, no other goroutine of the process runs any more. The read is
// restarted after the runtime's own signals.
func block(w http.ResponseWriter, _ *http.Request) {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var b [1]byte
	syscall.RawSyscall(syscall.SYS_READ, uintptr(ends[0]), uintptr(unsafe.Pointer(&b[0])), 1) //nolint:errcheck,gosec // it does not return
}
