package proxy

import (
	"fmt"
	"net"
	"net/http/httputil"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// forwardMode says what becomes of headers that tell of the client.
type forwardMode string

const (
	replace  forwardMode = "replace" // what the client sent is dropped: it may lie
	appendTo forwardMode = "append"  // this hop is added
	pass     forwardMode = "pass"    // as the client sent them
	off      forwardMode = "off"     // dropped

	// The modes of Paste's proxies: all is passed, but X-Forwarded-For is
	// replaced, or set when there is none (EP-06, EP-07).
	passReplaceFor forwardMode = "paste"
	passSetFor     forwardMode = "paste transparent"
)

// OptionType is the word for it in lists of options.
func (forwardMode) OptionType() string { return "word" }

// UnmarshalText reads a mode.
func (m *forwardMode) UnmarshalText(text []byte) error {
	switch mode := forwardMode(text); mode {
	case replace, appendTo, pass, off:
		*m = mode
		return nil
	}
	return fmt.Errorf("invalid value %q, want replace, append, pass or off", text)
}

// String writes the mode.
func (m forwardMode) String() string { return string(m) }

func isXForwarded(name string) bool {
	return name == "X-Forwarded" || strings.HasPrefix(name, "X-Forwarded-")
}

func isForwarded(name string) bool { return name == "Forwarded" }

// restore brings the headers that ReverseProxy took off back, or takes off
// those that it left.
func (m forwardMode) restore(pr *httputil.ProxyRequest, member func(string) bool) {
	if m == replace || m == off {
		for name := range pr.Out.Header {
			if member(name) {
				delete(pr.Out.Header, name)
			}
		}
		return
	}
	for name, values := range pr.In.Header {
		if member(name) {
			pr.Out.Header[name] = append([]string(nil), values...)
		}
	}
}

func (m forwardMode) addXForwarded(pr *httputil.ProxyRequest) {
	env, h := pipeline.FromRequest(pr.In), pr.Out.Header
	client := known(env.ClientAddr())
	switch m {
	case passReplaceFor:
		h.Set("X-Forwarded-For", client)
	case passSetFor:
		setDefault(h, "X-Forwarded-For", client)
	case appendTo:
		h.Set("X-Forwarded-For", appendHop(h["X-Forwarded-For"], peer(pr.In.RemoteAddr)))
	case replace:
		h.Set("X-Forwarded-For", client)
	default:
		return
	}
	if m == appendTo || m == replace {
		setDefault(h, "X-Forwarded-Host", pr.In.Host)
		setDefault(h, "X-Forwarded-Proto", env.Scheme())
		setDefault(h, "X-Forwarded-Prefix", env.ScriptName())
	}
	if h.Get("X-Forwarded-For") == "" {
		h.Del("X-Forwarded-For")
	}
}

func (m forwardMode) addForwarded(pr *httputil.ProxyRequest) {
	env, h := pipeline.FromRequest(pr.In), pr.Out.Header
	hop := forwarded.Hop{Host: pr.In.Host, Proto: env.Scheme()}
	switch m {
	case appendTo:
		hop.Client = peer(pr.In.RemoteAddr)
		h.Set("Forwarded", appendHop(h["Forwarded"], hop.Element()))
	case replace:
		hop.Client = env.ClientAddr()
		h.Set("Forwarded", hop.Element())
	}
}

func setDefault(h map[string][]string, name, value string) {
	if len(h[name]) == 0 && value != "" {
		h[name] = []string{value}
	}
}

// appendHop adds one hop to a list that may stand in several headers.
func appendHop(old []string, hop string) string {
	if hop != "" {
		old = append(slices.Clip(old), hop)
	}
	return strings.Join(old, ", ")
}

// known is the address of a client, "" when it came by a unix socket.
func known(client string) string {
	if client == "@" {
		return ""
	}
	return client
}

// peer is the address of the other end of the connection, "" of a unix socket.
func peer(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	return host
}
