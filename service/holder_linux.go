package service

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// tcpHolder finds the process that listens on the port of an address, as far as
// /proc shows it to this user; 0 if it does not.
func tcpHolder(a Address) int {
	_, port, err := net.SplitHostPort(a.Addr)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode := listenInode(table, fmt.Sprintf(":%04X", n)); inode != "" {
			if pid := inodeHolder(inode); pid != 0 {
				return pid
			}
		}
	}
	return 0
}

// listenInode finds the socket that listens on a port in one of the kernel's
// tables (proc(5)): local address, remote address, state, ..., inode.
func listenInode(table, port string) string {
	f, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && strings.HasSuffix(fields[1], port) && fields[3] == "0A" {
			return fields[9]
		}
	}
	return ""
}

// listeningUsers are those whose sockets listen on a port, by the same tables.
func listeningUsers(port string) []int {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	suffix := fmt.Sprintf(":%04X", n)
	var users []int
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == "0A" {
				if uid, err := strconv.Atoi(fields[7]); err == nil {
					users = append(users, uid)
				}
			}
		}
	}
	return users
}

func inodeHolder(inode string) int {
	want := "socket:[" + inode + "]"
	links, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	for _, link := range links {
		if got, err := os.Readlink(link); err == nil && got == want {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			return pid
		}
	}
	return 0
}

// unixHolder is the process at the other end of a connection.
func unixHolder(c net.Conn) int {
	pid := 0
	_ = control(c, func(fd int) error {
		cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		if err == nil {
			pid = int(cred.Pid)
		}
		return err
	})
	return pid
}
