// Package service runs servers: groups of listeners that serve one application
// each, with timeouts and limits, and with an end that loses no request.
//
// A [Group] is what an operator writes, in a [server:] section or elsewhere.
// [Listen] opens its sockets, a [Server] answers on them until its context
// ends, and then drains; [Run] does both for several servers at once. A Server
// does not care where its listeners come from: a worker process gives it those
// that it inherited.
//
// # Drain
//
// net/http's own Shutdown closes a connection that is idle at this moment, and
// drops a request that arrives on a new connection a moment later. So a Server
// does it by itself: from the end of the context on, each answer says
// Connection: close (an HTTP/2 connection gets a GOAWAY), idle connections may
// send one more request for drain_idle_grace, the listeners are closed when
// their queues are empty, and an idle connection is closed only when nothing
// has arrived on it, as its own goroutine sees. What is not answered by
// graceful_shutdown_timeout is cut, logged and counted ([CutError]). Health
// checks answer 503 from the end of the context on, with drain_announce for a
// while before all of this (pipeline.Environ.Draining).
//
// A worker that is replaced drains by [Server.Handover]: its listeners go on in
// other processes, so it leaves them at once, and health checks stay healthy.
//
// # Limits
//
// Connections beyond max_connections wait to be accepted, requests beyond
// pool_size wait in order. A request that takes longer than request_timeout
// gets a 504 even if its handler never returns: the handler loses its writer
// and its body and is left behind. [Server.OnLimit] says when a process has
// enough of that, or of requests, and should be replaced.
package service
