package service

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestManySilentConnections is CHECK-08: 1,000 of them hold up the end for the
// grace and 0.2 s; the machine of a test may be busy with others.
func TestManySilentConnections(t *testing.T) {
	g := testGroup(t)
	g.DrainIdleGrace = time.Second
	r := serve(t, g, hello)
	for range 1000 {
		r.dial()
	}
	eventually(t, "1000 connections", func() bool { return r.Stats().New == 1000 })
	start := time.Now()
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	took := time.Since(start)
	t.Logf("the drain took %v, grace %v", took, g.DrainIdleGrace)
	if took < g.DrainIdleGrace || took > g.DrainIdleGrace+2*time.Second {
		t.Errorf("the drain took %v, want %v and little more", took, g.DrainIdleGrace)
	}
}

// TestHTTP2DrainLosesNoRequest: a client of HTTP/2 at full load, which repeats
// only what GOAWAY calls unprocessed (RFC 9113 6.8), as net/http's does, loses
// nothing; POSTs among them that are not idempotent.
func TestHTTP2DrainLosesNoRequest(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		for round := range 3 {
			t.Run(fmt.Sprintf("TLS %v, %d", overTLS, round), func(t *testing.T) { testHTTP2Drain(t, overTLS) })
		}
	}
}

func testHTTP2Drain(t *testing.T, overTLS bool) {
	t.Helper()
	g := testGroup(t)
	g.DrainIdleGrace = time.Second
	var p http.Protocols
	url := "http://"
	if overTLS {
		p.SetHTTP2(true)
		g.CertFile, url = "*", "https://"
	} else {
		p.SetUnencryptedHTTP2(true)
		g.H2C = true
	}
	r := serve(t, g, func(w http.ResponseWriter, req *http.Request) {
		io.Copy(w, req.Body)
	})
	tr := &http.Transport{Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr, Timeout: patience}
	var answered atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				err := postOnce(client, url+r.addr)
				if errors.Is(err, syscall.ECONNREFUSED) {
					return
				}
				if err != nil {
					t.Errorf("lost after %d: %v", answered.Load(), err)
					return
				}
				answered.Add(1)
			}
		})
	}
	eventually(t, "traffic", func() bool { return answered.Load() > 500 })
	if err := r.end(); err != nil {
		t.Errorf("Serve() = %v, want nil", err)
	}
	wg.Wait()
	if got := r.Stats().Requests; got != answered.Load() {
		t.Errorf("%d requests served, %d answers", got, answered.Load())
	}
}

func postOnce(client *http.Client, url string) error {
	resp, err := client.Post(url, "text/plain", strings.NewReader("some text"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && string(b) != "some text" {
		err = fmt.Errorf("body %q", b)
	}
	return err
}
