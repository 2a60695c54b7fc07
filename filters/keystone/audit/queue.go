package audit

import (
	"context"
	"time"
)

// put takes a message for the broker, or drops it when too many wait: a request
// does not.
func (r *rabbit) put(body []byte) {
	size := int64(len(body))
	if r.bytes.Add(size) <= queueBytes {
		select {
		case r.queue <- body:
			return
		default:
		}
	}
	r.bytes.Add(-size)
	r.drop(1)
}

// drop counts messages that are lost. The log says so for the first of them.
func (r *rabbit) drop(n int) {
	r.dropped.Add(float64(n))
	r.mu.Lock()
	first := r.missed == 0
	r.missed += n
	r.mu.Unlock()
	if first {
		r.log.Error("audit events are lost: too many wait for the broker", "waiting", len(r.queue))
	}
}

// caughtUp says in the log how many messages were dropped while the broker was
// away.
func (r *rabbit) caughtUp() {
	r.mu.Lock()
	n := r.missed
	r.missed = 0
	r.mu.Unlock()
	if n > 0 {
		r.log.Warn("the broker takes audit events again", "lost", n)
	}
}

// run publishes until the process ends, and then what is left as long as the
// broker takes it.
func (r *rabbit) run(ctx context.Context) {
	defer r.disconnect()
	for {
		select {
		case <-ctx.Done():
			r.finish()
			return
		case body := <-r.queue:
			if r.deliver(ctx, body) {
				r.done(body)
				continue
			}
			r.finish(body) // the process ends
			return
		}
	}
}

func (r *rabbit) done(body []byte) {
	r.bytes.Add(-int64(len(body)))
	r.sent.Inc()
	if len(r.queue) < queueLength/2 {
		r.caughtUp()
	}
}

// finish publishes what is left, without another attempt to connect.
func (r *rabbit) finish(first ...[]byte) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	for {
		var body []byte
		if len(first) > 0 {
			body, first = first[0], nil
		} else {
			select {
			case body = <-r.queue:
			default:
				return
			}
		}
		if err := r.publish(ctx, body); err != nil {
			lost := 1 + len(r.queue)
			r.dropped.Add(float64(lost))
			r.log.Error("audit events are lost: the process ends and the broker does not take them", "lost", lost)
			return
		}
		r.done(body)
	}
}

// deliver publishes a message, again and again if it must be; false when the
// process ends.
func (r *rabbit) deliver(ctx context.Context, body []byte) bool {
	for failures := 0; ; failures++ {
		err := r.connect(ctx)
		if err == nil {
			err = r.publish(context.WithoutCancel(ctx), body) // not half of it when the process ends
		}
		if err == nil {
			if failures > 0 {
				r.log.Info("the broker is back")
			}
			return true
		}
		r.disconnect()
		if ctx.Err() != nil {
			return false
		}
		if failures == 0 {
			r.log.Error("the broker does not take audit events; they wait for it", "error", err)
		}
		if !pause(ctx, r.wait(failures)) {
			return false
		}
	}
}

// wait is the time before another attempt. With several hosts all are tried at
// once.
func (r *rabbit) wait(failures int) time.Duration {
	if (failures+1)%len(r.hosts) != 0 {
		return 0
	}
	rounds := (failures + 1) / len(r.hosts)
	return max(min(r.Interval+time.Duration(rounds-1)*r.Backoff, r.Longest), 100*time.Millisecond)
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
