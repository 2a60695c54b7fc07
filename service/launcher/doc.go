// Package launcher runs the servers of a plan in supervised worker processes:
// a [Master] that keeps the listening sockets, starts its own program again as
// workers, replaces those that die or hang, reloads as a transaction and stops
// without losing a request; and the [Worker] that such a process is.
//
// A master and a worker speak over one pair of sockets, whose end is also how a
// worker learns that its master is dead (SIG-16). What a worker serves it reads
// from the snapshot of its generation, never from the disk: a worker that is
// started again after a crash is the one that was rehearsed.
//
// Everything about the master's state happens in one goroutine, the loop of
// [Master.Run]; all others send it functions to call.
package launcher
