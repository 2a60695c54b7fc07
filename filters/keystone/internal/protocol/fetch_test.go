package protocol

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/keystonetest"
	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/session"
	"github.com/wheatpaste/wheatpaste/filters/keystone/token"
	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// protocol makes one that uses the server, with its hooks run.
func protocol(tb testing.TB, k *keystonetest.Server, change func(*Options)) *Protocol {
	tb.Helper()
	local := map[string]string{"auth_type": "password", "auth_url": k.URL, "username": "u", "password": "p"}
	ctx := &paste.Context{Local: paste.NewConf(local), Global: paste.NewConf(nil)}
	var starts, closes []func(context.Context) error
	b := paste.NewBuild(ctx, paste.BuildConfig{
		OnStart: func(f func(context.Context) error) { starts = append(starts, f) },
		OnClose: func(f func(context.Context) error) { closes = append(closes, f) },
	})
	o := Defaults
	o.Retries = 0
	if change != nil {
		change(&o)
	}
	p, err := New(b, o)
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range starts {
		if err := f(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		for _, f := range closes {
			if err := f(context.Background()); err != nil {
				tb.Error(err)
			}
		}
	})
	return p
}

// fernet is as long as a token of Keystone.
var fernet = fmt.Sprintf("%0190d", 7)

// TestLookUpsAskOnce: what a look-up costs is told by BenchmarkLookUp.
func TestLookUpsAskOnce(t *testing.T) {
	k := keystonetest.New(t)
	k.Put(fernet, keystonetest.User(time.Hour, "", ""))
	p := protocol(t, k, nil)
	r := httptest.NewRequest("GET", "/", nil)
	for range 100 {
		if _, err := p.Fetch(r, fernet, false); err != nil {
			t.Fatal(err)
		}
	}
	if n := k.Calls.Load(); n != 1 {
		t.Errorf("%d calls of keystone, want 1", n)
	}
}

func TestUnknownTokenIsAskedForAgain(t *testing.T) {
	k := keystonetest.New(t)
	p := protocol(t, k, nil)
	now := time.Now()
	p.now = func() time.Time { return now }
	r := httptest.NewRequest("GET", "/", nil)
	ask := func(want error, calls int64) {
		t.Helper()
		if _, err := p.Fetch(r, "new", false); !errors.Is(err, want) || k.Calls.Load() != calls {
			t.Errorf("%v after %d calls, want %v after %d", err, k.Calls.Load(), want, calls)
		}
	}
	ask(ErrInvalid, 1)
	k.Put("new", keystonetest.User(time.Hour, "", ""))
	ask(ErrInvalid, 1)
	now = now.Add(unknownTime)
	ask(nil, 2)
	now = now.Add(299 * time.Second)
	ask(nil, 2)
	now = now.Add(time.Second) // token_cache_time
	ask(nil, 3)
	now = now.Add(time.Hour) // it expires, in the cache or not
	ask(ErrInvalid, 4)
	ask(ErrInvalid, 4)
}

func TestExpiredTokenIsUnknownWithoutServiceOnly(t *testing.T) {
	k := keystonetest.New(t)
	k.Put("old", keystonetest.User(-time.Minute, "", ""))
	p := protocol(t, k, nil)
	r := httptest.NewRequest("GET", "/", nil)
	for _, allow := range []bool{false, true, false, true} {
		if _, err := p.Fetch(r, "old", allow); (err == nil) != allow {
			t.Errorf("with allow_expired %t: %v", allow, err)
		}
	}
}

func TestOwnCopiesStandInForMemcached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	k := keystonetest.New(t)
	k.Put("good", keystonetest.User(time.Hour, "", ""))
	p := protocol(t, k, func(o *Options) { o.Servers = []string{address} })
	r := httptest.NewRequest("GET", "/", nil)
	for range 3 {
		if _, err := p.Fetch(r, "good", false); err != nil || k.Calls.Load() != 1 {
			t.Errorf("%v after %d calls of keystone, want a token after 1", err, k.Calls.Load())
		}
	}
}

// startMemcached runs the real one until the end of the test.
func startMemcached(t *testing.T) (address string) {
	t.Helper()
	if _, err := exec.LookPath("memcached"); err != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatal("memcached is needed: ", err)
		}
		t.Skip("memcached is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestSwiftCacheIsSharedByFilters(t *testing.T) {
	client, err := memcached.New(memcached.Config{
		Servers: []string{startMemcached(t)}, MaxConns: 2, ConnectTimeout: 5 * time.Second, PoolTimeout: 5 * time.Second, IOTimeout: 5 * time.Second, Tries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	first, second := keystonetest.New(t), keystonetest.New(t)
	first.Put("good", keystonetest.User(time.Hour, "", ""))
	for _, k := range []*keystonetest.Server{first, second} {
		p := protocol(t, k, func(o *Options) { o.Cache = "swift.cache" })
		env, _, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		environ.Cache.Set(env, client)
		if got, err := p.Fetch(r, "good", false); err != nil || got.User.ID != "u1" {
			t.Errorf("%v %v, want the token", got, err)
		}
	}
	if a, b := first.Calls.Load(), second.Calls.Load(); a != 1 || b != 0 {
		t.Errorf("%d and %d calls of keystone, want 1 and 0", a, b)
	}
}

func TestFlightSurvivesPanicAndLeavers(t *testing.T) {
	f := flight{calls: map[flightKey]*call{}}
	inside, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := f.do(ctx, flightKey{}, func(ctx context.Context) (*token.Token, error) {
			close(inside)
			<-release
			return nil, ctx.Err()
		})
		first <- err
	}()
	<-inside
	cancel()
	if _, err := f.do(ctx, flightKey{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("who leaves gets %v, want %v", err, context.Canceled)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the question ended with its client: %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = f.do(t.Context(), flightKey{}, func(context.Context) (*token.Token, error) { panic("no luck") })
	}()
	if len(f.calls) != 0 {
		t.Errorf("%d calls are left", len(f.calls))
	}
	if _, err := f.do(t.Context(), flightKey{}, func(context.Context) (*token.Token, error) { return nil, session.ErrUnknown }); !errors.Is(err, session.ErrUnknown) {
		t.Errorf("after a panic: %v", err)
	}
}

func BenchmarkLookUp(b *testing.B) {
	k := keystonetest.New(b)
	k.Put(fernet, keystonetest.User(time.Hour, "", ""))
	p := protocol(b, k, nil)
	r := httptest.NewRequest("GET", "/", nil)
	if _, err := p.Fetch(r, fernet, false); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Fetch(r, fernet, false)
	}
}
