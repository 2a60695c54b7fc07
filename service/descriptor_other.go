//go:build !unix

package service

import "errors"

// DescriptorOf fails where there are no descriptors.
func DescriptorOf(any) (int, error) { return -1, errors.ErrUnsupported }
