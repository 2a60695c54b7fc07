package ratelimit

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by it
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/ratelimit/internal/resp"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
)

// script is limit.next in Redis, by the clock of Redis and in microseconds: Lua
// counts exactly up to 2^53. It answers ok, remaining, retry, reset.
const script = `
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or now) or now, now)
local after = tat + interval
local room = now - (after - interval * burst)
if room < 0 then
  return {0, 0, -room, tat - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1)
return {1, math.floor(room / interval), 0, after - now}
`

// shared counts in Redis. While Redis is away nobody waits for it: the first
// request that finds out opens the circuit, and one goroutine tries until it is
// back.
type shared struct {
	client  *resp.Client
	log     *slog.Logger
	timeout time.Duration
	prefix  string
	sha     string
	args    []string // interval and burst
	onError onError

	away   atomic.Bool
	wake   chan struct{}
	up     prometheus.Gauge
	errors prometheus.Counter
}

// probeEvery is how often an absent Redis is tried.
const probeEvery = 250 * time.Millisecond

var errAway = errors.New("redis is away")

func newShared(b *paste.Build, o Options, l limit, policy string) (*shared, error) {
	client, err := resp.Parse(o.Redis)
	if err != nil {
		return nil, paste.BadOption("redis", "%w", err)
	}
	sum := sha1.Sum([]byte(script)) //nolint:gosec // see above
	s := &shared{
		client: client, log: b.Logger(), timeout: o.RedisTimeout, prefix: o.RedisPrefix + policy + ":", sha: hex.EncodeToString(sum[:]),
		args:    []string{strconv.FormatInt(max(l.interval/1000, 1), 10), strconv.Itoa(l.burst)},
		onError: o.OnError, wake: make(chan struct{}, 1),
	}
	var err1, err2 error
	s.up, err1 = series.Gauge(b.Registerer(), "wheatpaste_ratelimit_redis_up", "1 while Redis answers.")
	s.errors, err2 = series.Counter(b.Registerer(), "wheatpaste_ratelimit_redis_errors_total", "Requests for which Redis gave no answer.")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	s.up.Set(1)
	b.Go(s.probe)
	b.OnClose(func(context.Context) error {
		client.CloseIdle()
		return nil
	})
	return s, nil
}

// take asks Redis, for no longer than the time-out.
func (s *shared) take(ctx context.Context, key string) (verdict, error) {
	if s.away.Load() {
		s.errors.Inc()
		return verdict{}, errAway
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	reply, err := s.client.Do(limited, "EVALSHA", s.sha, "1", s.prefix+key, s.args[0], s.args[1])
	var refused resp.Error
	if errors.As(err, &refused) && strings.HasPrefix(string(refused), "NOSCRIPT") {
		reply, err = s.client.Do(limited, "EVAL", script, "1", s.prefix+key, s.args[0], s.args[1])
	}
	if err == nil {
		var v verdict
		if v, err = readVerdict(reply); err == nil {
			return v, nil
		}
	}
	if ctx.Err() != nil { // the client left, which says nothing about Redis
		return verdict{}, context.Canceled
	}
	s.errors.Inc()
	s.lost(err)
	return verdict{}, err
}

func readVerdict(reply any) (verdict, error) {
	items, _ := reply.([]any)
	var n [4]int64
	if len(items) != len(n) {
		return verdict{}, errors.New("redis answers something else")
	}
	for i, item := range items {
		var ok bool
		if n[i], ok = item.(int64); !ok {
			return verdict{}, errors.New("redis answers something else")
		}
	}
	return verdict{n[0] == 1, int(n[1]), n[2] * 1000, n[3] * 1000}, nil
}

// lost opens the circuit; only the first one says so.
func (s *shared) lost(err error) {
	if !s.away.CompareAndSwap(false, true) {
		return
	}
	s.up.Set(0)
	s.log.Error("redis is away, the rate limit goes by on_error until it is back", "redis", s.client.String(), "on_error", s.onError.String(), "error", err)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// probe waits for the circuit to open and then for Redis to come back.
func (s *shared) probe(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		if !s.recover(ctx) {
			return
		}
	}
}

func (s *shared) recover(ctx context.Context) bool {
	since := time.Now()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		s.client.CloseIdle() // they are of the time before
		if s.ping(ctx) == nil {
			s.away.Store(false)
			s.up.Set(1)
			s.log.Info("redis is back", "redis", s.client.String(), "after", time.Since(since).Round(time.Millisecond))
			return true
		}
	}
}

// ping is answered with an error while Redis still loads its data.
func (s *shared) ping(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err := s.client.Do(limited, "PING")
	return err
}
