//go:build !unix

package service

import "io/fs"

func inodeOf(fs.FileInfo) uint64 { return 0 }

func ownerOf(fs.FileInfo) (uid, gid int) { return -1, -1 }
