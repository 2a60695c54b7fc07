package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// upstream is where requests go.
type upstream struct {
	scheme, host string
	base         url.URL // of the path only
	socket       string  // of a unix socket
}

// String names the upstream in the log.
func (u *upstream) String() string {
	if u.socket != "" {
		return "unix:" + u.socket
	}
	return u.scheme + "://" + u.host
}

// parseAddress reads the option address.
func parseAddress(text string, sockets bool) (*upstream, error) {
	if rest, ok := strings.CutPrefix(text, "unix:"); ok && sockets {
		return parseSocket(rest)
	}
	want := "want http://host[:port][/base] or https://..."
	if sockets {
		want += " or unix:/path"
	}
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil || err != nil && strings.Contains(text, "@"):
		// Not shown: there may be a password in it.
		return nil, paste.BadOption("address", "a user cannot be given here, %s", want)
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return nil, paste.BadOption("address", "invalid URL %q, %s", text, want)
	case u.RawQuery != "" || u.Fragment != "":
		return nil, paste.BadOption("address", "query and fragment of %q would be lost, %s", text, want)
	}
	return &upstream{scheme: u.Scheme, host: u.Host, base: url.URL{Path: u.Path, RawPath: u.RawPath}}, nil
}

func parseSocket(text string) (*upstream, error) {
	path, base, _ := strings.Cut(text, ":")
	u, err := url.Parse(base)
	if !strings.HasPrefix(path, "/") || base != "" && (!strings.HasPrefix(base, "/") || err != nil || u.RawQuery != "") {
		return nil, paste.BadOption("address", "invalid socket %q, want unix:/path or unix:/path:/base", "unix:"+text)
	}
	return &upstream{scheme: "http", host: "localhost", socket: path, base: url.URL{Path: u.Path, RawPath: u.RawPath}}, nil
}

// joinFunc puts the path of a request behind the base path.
type joinFunc func(base, path string) string

// joinBelow puts the path below the base: /base and /x give /base/x.
func joinBelow(base, path string) string {
	switch {
	case path == "" && base == "":
		return "/"
	case path == "":
		return base
	default:
		return strings.TrimRight(base, "/") + "/" + strings.TrimPrefix(path, "/")
	}
}

// joinRelative reads the path as a URL relative to the base, as Paste does
// (EP-06): /base and /x give /x, /base/ and /x give /base/x.
func joinRelative(base, path string) string {
	path = strings.TrimPrefix(path, "/")
	switch {
	case base == "":
		return "/" + path
	case path == "":
		return base
	}
	return base[:strings.LastIndexByte(base, '/')+1] + path
}

// route sends a request to the upstream. The path keeps its escapes, so that
// %2F arrives as it came, and the query every byte.
func (u *upstream) route(pr *httputil.ProxyRequest, join joinFunc) {
	u.locate(pr.Out.URL, pr.In.URL, join)
}

func (u *upstream) locate(out, in *url.URL, join joinFunc) {
	out.Scheme, out.Host = u.scheme, u.host
	out.Path = join(u.base.Path, in.Path)
	out.RawPath = join(u.base.EscapedPath(), in.EscapedPath())
	out.RawQuery, out.ForceQuery = in.RawQuery, in.ForceQuery
}

// climbs reports whether a path leads above its root, and so out of the base
// path of the upstream. Dots further down are the upstream's business.
func climbs(path string) bool {
	depth := 0
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return true
		}
	}
	return false
}

func newTransport(o Options, up *upstream) *http.Transport {
	dialer := &net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12}, //nolint:gosec // the operator says so
		TLSHandshakeTimeout:   o.ConnectTimeout,
		ResponseHeaderTimeout: o.ResponseTimeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       o.IdleTimeout,
		MaxIdleConnsPerHost:   o.KeepAlive,
		DisableKeepAlives:     o.KeepAlive == 0, // 0 per host would mean net/http's default
		MaxConnsPerHost:       o.MaxConnections,
		DisableCompression:    true, // what the client accepts is the client's affair
		ForceAttemptHTTP2:     true,
	}
	if up != nil && up.socket != "" {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", up.socket)
		}
	}
	return t
}

// check finds what is wrong in the options but the address.
func (o *Options) check(b *paste.Build, up *upstream) error {
	switch {
	case o.KeepAlive < 0:
		return paste.BadOption("keepalive_connections", "invalid number %d, want 0 or more", o.KeepAlive)
	case o.MaxConnections < 0:
		return paste.BadOption("max_connections", "invalid number %d, want 0 or more", o.MaxConnections)
	case o.CertFile != "" && o.KeyFile == "":
		return paste.BadOption("cert_file", "given without key_file, want both")
	case o.CertFile == "" && o.KeyFile != "":
		return paste.BadOption("key_file", "given without cert_file, want both")
	}
	if up.scheme != "https" {
		for _, tls := range []struct {
			name string
			set  bool
		}{{"ca_file", o.CAFile != ""}, {"cert_file", o.CertFile != ""}, {"insecure", o.Insecure}} {
			if tls.set {
				b.Warn(tls.name, "only an address with https:// uses it")
			}
		}
	}
	return nil
}

// loadCertificates reads the files at the start.
func loadCertificates(c *tls.Config, o Options) error {
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return paste.BadOption("ca_file", "%w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return paste.BadOption("ca_file", "no certificate in %q, want PEM", o.CAFile)
		}
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return paste.BadOption("cert_file", "%w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return nil
}
