package report

import (
	"os"
	"strconv"
	"strings"
)

// ticks of a second in /proc/PID/stat, on all of Linux (USER_HZ).
const ticks = 100

// ProcessAge is how long ago this process began, in seconds, also when it has
// executed another program since; 0 where there is no /proc to tell.
func ProcessAge() float64 {
	stat, err := os.ReadFile("/proc/self/stat")
	up, upErr := os.ReadFile("/proc/uptime")
	if err != nil || upErr != nil {
		return 0
	}
	name := strings.LastIndexByte(string(stat), ')') // which may hold anything
	fields, uptime := strings.Fields(string(stat[name+1:])), strings.Fields(string(up))
	const start = 19 // field 22, and two lie before
	if len(fields) <= start || len(uptime) == 0 {
		return 0
	}
	began, err := strconv.ParseFloat(fields[start], 64)
	now, upErr := strconv.ParseFloat(uptime[0], 64)
	if err != nil || upErr != nil {
		return 0
	}
	return max(now-began/ticks, 0)
}
