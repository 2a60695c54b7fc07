//go:build !linux

package service

import "net"

func tcpHolder(Address) int { return 0 }

func unixHolder(net.Conn) int { return 0 }
