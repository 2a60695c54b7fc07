// Package ratelimit is Swift's ratelimit: it slows down who writes too fast to
// an account or a container, and turns away who would have to wait too long.
package ratelimit

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/justinas/alice"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/info"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	AccountRate float64     `paste:"account_ratelimit,global" help:"PUT and DELETE of containers in one account, a second; 0 is no limit"`
	MaxSleep    float64     `paste:"max_sleep_time_seconds,global" help:"who would have to wait longer gets 498"`
	LogSleep    float64     `paste:"log_sleep_time_seconds,global" help:"log waits that are longer; 0 logs none"`
	Accuracy    int         `paste:"clock_accuracy,global" help:"ticks of a second; all proxies of a cluster need the same"`
	Buffer      int         `paste:"rate_buffer_seconds,global" help:"who was quiet for so long may be faster for a while"`
	White       string      `paste:"account_whitelist,global" help:"comma-separated accounts without limits"`
	Black       string      `paste:"account_blacklist,global" help:"comma-separated accounts that get 497"`
	Listing     *paste.Conf `paste:"container_listing_ratelimit_*" help:"container_listing_ratelimit_SIZE = RATE: listings of a container with so many objects, a second"`
	Container   *paste.Conf `paste:"container_ratelimit_*" help:"container_ratelimit_SIZE = RATE: writes to a container with so many objects, a second; interpolated between the sizes"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_ratelimit", Options{MaxSleep: 60, Accuracy: 1000, Buffer: 5}, New,
		paste.LooseAlias("egg:swift#ratelimit", "swift.common.middleware.ratelimit:filter_factory"),
		paste.Help("Lets writes to an account or a container wait, so that they keep a rate; needs the cache."),
		paste.Example("[filter:ratelimit]\nuse = egg:swift#ratelimit\naccount_ratelimit = 20\ncontainer_ratelimit_0 = 100\ncontainer_ratelimit_1000 = 50"),
	)
}

// handled marks a request that was looked at: the filter may stand twice.
var handled = pipeline.NewKey[bool]("swift.ratelimit.handled")

// blacklistSleep keeps the blacklisted from asking all the time.
const blacklistSleep = time.Second

type filter struct {
	o                  Options
	white, black       []string
	container, listing limits
	log                *slog.Logger
	now                func() time.Time
	noCache, open      atomic.Bool // said already
	slept, refused     prometheus.Counter
	failedOpen         prometheus.Counter
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{o: o, white: swob.List(o.White), black: swob.List(o.Black), log: b.Logger(), now: time.Now}
	if o.Accuracy < 1 {
		return nil, paste.BadOption("clock_accuracy", "invalid number %d, want 1 or more", o.Accuracy)
	}
	if o.AccountRate < 0 {
		return nil, paste.BadOption("account_ratelimit", "invalid rate %v, want 0 or more", o.AccountRate)
	}
	var err error
	if f.container, err = readLimits(b.GlobalConf(), o.Container, "container_ratelimit_"); err != nil {
		return nil, err
	}
	if f.listing, err = readLimits(b.GlobalConf(), o.Listing, "container_listing_ratelimit_"); err != nil {
		return nil, err
	}
	for option, list := range map[string][]string{"account_whitelist": f.white, "account_blacklist": f.black} {
		if len(list) > 0 {
			b.Warn(option, "deprecated, set X-Account-Sysmeta-Global-Write-Ratelimit on the accounts instead")
		}
	}
	reg := b.Registerer()
	var err1, err2, err3 error
	f.slept, err1 = series.Counter(reg, "wheatpaste_swift_ratelimit_delayed_total", "Requests that had to wait.")
	f.refused, err2 = series.Counter(reg, "wheatpaste_swift_ratelimit_refused_total", "Requests that were refused with 497 or 498.")
	f.failedOpen, err3 = series.Counter(reg, "wheatpaste_swift_ratelimit_unlimited_total", "Requests that passed without a limit because no cache answered.")
	return f.wrap, errors.Join(err1, err2, err3)
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer := f.handle(next, r); answer != nil {
			f.refused.Inc()
			pipeline.Answered(r)
			answer.ServeHTTP(w, r)
			return
		}
		if r.Context().Err() == nil { // else the client left while it waited
			next.ServeHTTP(w, r)
		}
	})
}

// handle waits as long as needed and gives the answer to a request that may not
// pass.
func (f *filter) handle(next http.Handler, r *http.Request) http.Handler {
	env := pipeline.FromRequest(r)
	cache, ok := environ.Cache.Get(env)
	if !ok {
		f.failedOpen.Inc()
		if f.noCache.CompareAndSwap(false, true) {
			f.log.Warn("Warning: Cannot ratelimit without a memcached client")
		}
		return nil
	}
	segs, ok := swob.Split(swob.FullPath(r), 1, 4, true)
	if done, _ := handled.Get(env); !ok || !swob.ValidVersion(segs[0]) || done {
		return nil
	}
	handled.Set(env, true)
	account := segs[1]
	found, _ := info.Account(next, r, r.URL.Path, "RL")
	global := found.Sysmeta["global-write-ratelimit"]
	if global == "WHITELIST" || slices.Contains(f.white, account) {
		return nil
	}
	if global == "BLACKLIST" || slices.Contains(f.black, account) {
		f.log.Error("Returning 497 because of blacklisting", "account", account)
		f.sleep(r.Context(), blacklistSleep)
		return swob.Answer{Status: 497, Body: "Your account has been blacklisted"}
	}
	for _, k := range f.keys(next, r, segs, global) {
		if answer := f.wait(r, cache, k, segs); answer != nil {
			return answer
		}
	}
	return nil
}

// bucket is a key in the cache and its rate.
type bucket struct {
	key  string
	rate float64
}

// keys are the buckets that a request takes from.
func (f *filter) keys(next http.Handler, r *http.Request, segs [4]string, global string) []bucket {
	account, container, object := segs[1], segs[2], segs[3]
	if account == "" {
		return nil
	}
	var list []bucket
	makes := r.Method == http.MethodPut || r.Method == http.MethodDelete
	writes := makes || r.Method == http.MethodPost || r.Method == "COPY"
	size := func() int64 {
		found, _ := info.Container(next, r, r.URL.Path, "RL")
		return found.ObjectCount
	}
	switch {
	case container == "":
	case object == "" && makes && f.o.AccountRate > 0:
		list = append(list, bucket{"ratelimit/" + account, f.o.AccountRate})
	case object != "" && writes:
		if rate := f.container.rate(size()); rate > 0 {
			list = append(list, bucket{"ratelimit/" + account + "/" + container, rate})
		}
	case object == "" && r.Method == http.MethodGet:
		if rate := f.listing.rate(size()); rate > 0 {
			list = append(list, bucket{"ratelimit_listing/" + account + "/" + container, rate})
		}
	}
	if rate, err := strconv.ParseFloat(global, 64); writes && err == nil && rate > 0 {
		list = append(list, bucket{"ratelimit/global-write/" + account, rate})
	}
	return list
}

// wait waits for one bucket, or gives the answer of one that is too full.
func (f *filter) wait(r *http.Request, cache *memcached.Client, k bucket, segs [4]string) http.Handler {
	need, ok := f.need(r.Context(), cache, k)
	if !ok {
		path := segs[1] + "/" + segs[2]
		if segs[3] != "" {
			path += "/" + segs[3]
		}
		f.log.Error("Returning 498: Max Sleep Time Exceeded", "method", r.Method, "path", path, "seconds", need)
		return swob.Answer{Status: 498, Body: "Slow down"}
	}
	if f.o.LogSleep > 0 && need > f.o.LogSleep {
		f.log.Warn("Ratelimit sleep log", "seconds", need, "account", segs[1], "container", segs[2], "object", segs[3])
	}
	if need > 0 {
		f.slept.Inc()
		f.sleep(r.Context(), time.Duration(need*float64(time.Second)))
	}
	return nil
}

// need is for how many seconds a request has to wait; false when that is too
// long. The cache holds for each bucket the moment until which it is taken.
func (f *filter) need(ctx context.Context, cache *memcached.Client, k bucket) (float64, bool) {
	ticks := float64(f.o.Accuracy)
	now := int64(math.RoundToEven(float64(f.now().UnixNano()) / float64(time.Second) * ticks))
	each := int64(math.RoundToEven(ticks / k.rate))
	running, err := cache.Incr(ctx, k.key, each, 0)
	if err != nil {
		f.failOpen(err)
		return 0, true
	}
	f.open.Store(false)
	var need int64
	if now-running > int64(f.o.Buffer)*int64(f.o.Accuracy) {
		cache.Set(ctx, k.key, strconv.AppendInt(nil, now+each, 10), 0) //nolint:errcheck // logged by the client; the next one tries again
	} else {
		need = max(running-now-each, 0)
	}
	if f.o.MaxSleep*ticks-float64(need) <= ticks*0.01 {
		if _, err := cache.Incr(ctx, k.key, -each, 0); err != nil {
			f.failOpen(err)
			return 0, true
		}
		return float64(need) / ticks, false
	}
	return float64(need) / ticks, true
}

// failOpen counts a request that passes because no cache answers, and says so
// once until one answers again.
func (f *filter) failOpen(err error) {
	f.failedOpen.Inc()
	if f.open.CompareAndSwap(false, true) {
		f.log.Error("no limits are held while no cache answers", "err", err)
	}
}

func (f *filter) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
