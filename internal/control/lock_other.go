//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package control

func lockFolder(string) (unlock func()) { return func() {} }
