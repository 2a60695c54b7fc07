//go:build unix

package service

// DescriptorOf is the descriptor of a listener, which stays the listener's.
func DescriptorOf(l any) (fd int, err error) {
	err = control(l, func(n int) error { fd = n; return nil })
	return fd, err
}
