//go:build unix && !linux

package sdnotify

const abstractNames = false
