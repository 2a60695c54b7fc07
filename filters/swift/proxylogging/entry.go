package proxylogging

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// entry is what one line is made of.
type entry struct {
	f            *filter
	r            *http.Request
	env          *pipeline.Environ
	path         string // as it came, quoted
	remote       string
	start, end   time.Time
	firstByte    time.Duration
	status, wire int
	received     int64
	sent         int64
	policy       string
}

// field gives the raw value of a field, "" for one that is missing or 0.
func (e *entry) field(name string) string {
	switch name {
	case "client_ip":
		return e.clientIP()
	case "remote_addr":
		return e.remote
	case "domain":
		if at := strings.LastIndexByte(e.r.Host, ':'); at >= 0 {
			return e.r.Host[:at]
		}
		return e.r.Host
	case "path":
		if q := e.query(); q != "" {
			return e.path + "?" + q
		}
		return e.path
	case "referer":
		return e.r.Header.Get("Referer")
	case "user_agent":
		return e.r.Header.Get("User-Agent")
	case "headers":
		return e.headers()
	case "client_etag":
		return e.r.Header.Get("Etag")
	case "account":
		return e.segment(1)
	case "container":
		return e.segment(2)
	case "object":
		return e.segment(3)
	case "auth_token":
		return e.f.obscure(e.r.Header.Get("X-Auth-Token"))
	}
	return e.plain(name)
}

func (e *entry) plain(name string) string {
	switch name {
	case "method":
		return e.method()
	case "protocol":
		return e.r.Proto
	case "status_int":
		return number(int64(e.status))
	case "wire_status_int":
		return number(int64(e.wire))
	case "bytes_recvd":
		return number(e.received)
	case "bytes_sent":
		return number(e.sent)
	case "transaction_id":
		return get(environ.TransID, e.env)
	case "request_time":
		return strconv.FormatFloat(e.end.Sub(e.start).Seconds(), 'f', 4, 64)
	case "source":
		return get(environ.Source, e.env)
	case "log_info":
		info, _ := environ.LogInfo.Get(e.env)
		return strings.Join(info, ",")
	case "policy_index":
		return e.policy
	case "ttfb":
		if e.firstByte == 0 {
			return ""
		}
		return strconv.FormatFloat(e.firstByte.Seconds(), 'f', -1, 64)
	case "pid":
		return strconv.Itoa(os.Getpid())
	case "access_user_id":
		return e.env.Identity().UserID
	}
	return ""
}

func get(key *pipeline.Key[string], env *pipeline.Environ) string {
	value, _ := key.Get(env)
	return value
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (e *entry) method() string {
	if m, ok := environ.OrigMethod.Get(e.env); ok {
		return m
	}
	return e.r.Method
}

// clientIP is the best guess at the end user, from headers that anybody can
// write: it is for logs only.
func (e *entry) clientIP() string {
	client := e.r.Header.Get("X-Cluster-Client-Ip")
	if client == "" {
		first, _, _ := strings.Cut(e.r.Header.Get("X-Forwarded-For"), ",")
		client = strings.TrimSpace(first)
	}
	if client == "" {
		client = e.remote
	}
	return client
}

func (e *entry) swiftPath() string {
	if path, ok := environ.BackendPath.Get(e.env); ok {
		return path
	}
	return e.path
}

func (e *entry) segment(i int) string {
	path := e.swiftPath()
	if !strings.HasPrefix(path, "/v1/") {
		return ""
	}
	segs, _ := swob.Split(path, 1, 4, true)
	return segs[i]
}

// secretParams are parameters that authorize whoever knows them.
var secretParams = []string{"temp_url_sig", "Signature", "X-Amz-Signature", "X-Amz-Security-Token"}

// query is the query with its secrets cut.
func (e *entry) query() string {
	q := e.r.URL.RawQuery
	if !slices.ContainsFunc(secretParams, func(name string) bool { return strings.Contains(q, name) }) {
		return q
	}
	var pairs []string
	changed := false
	for item := range strings.SplitSeq(q, "&") {
		name, value, _ := strings.Cut(item, "=")
		if plain, err := url.QueryUnescape(name); err == nil && slices.Contains(secretParams, plain) {
			if decoded, err := url.QueryUnescape(value); err == nil {
				value = decoded
			}
			item = name + "=" + url.QueryEscape(e.f.obscure(value))
			changed = true
		}
		pairs = append(pairs, item)
	}
	if !changed {
		return q
	}
	return strings.Join(pairs, "&")
}

// headers are those of the request, one a line.
func (e *entry) headers() string {
	if !e.f.logHeaders {
		return ""
	}
	h := e.r.Header
	names := make([]string, 0, len(h)+1)
	for name := range h {
		names = append(names, name)
	}
	if e.r.Host != "" {
		names = append(names, "Host")
	}
	slices.Sort(names)
	var lines []string
	for _, name := range names {
		title := title(name)
		if len(e.f.onlyHeaders) > 0 && !slices.Contains(e.f.onlyHeaders, title) {
			continue
		}
		value := strings.Join(h[name], ",")
		if name == "Host" {
			value = e.r.Host
		}
		lines = append(lines, title+": "+e.f.hide(title, value))
	}
	return strings.Join(lines, "\n")
}

// title is how Python's str.title writes the name of a header.
func title(name string) string {
	b := []byte(strings.ToLower(name))
	for i := range b {
		if (i == 0 || !letter(b[i-1])) && letter(b[i]) {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// tokenHeaders are cut to the prefix, passwords are not shown at all: the
// prefix of a short one would be all of it.
var (
	tokenHeaders    = []string{"X-Auth-Token", "X-Storage-Token", "X-Service-Token", "X-Subject-Token", "Authorization"}
	passwordHeaders = []string{"X-Auth-Key", "X-Storage-Pass", "Cookie", "X-Account-Meta-Temp-Url-Key", "X-Account-Meta-Temp-Url-Key-2",
		"X-Container-Meta-Temp-Url-Key", "X-Container-Meta-Temp-Url-Key-2", "X-Container-Sync-Key"}
)

func (f *filter) hide(name, value string) string {
	switch {
	case slices.Contains(tokenHeaders, name):
		return f.obscure(value)
	case slices.Contains(passwordHeaders, name):
		return "..."
	}
	return value
}

// obscure leaves the prefix of a secret, by which it can be found again.
func (f *filter) obscure(value string) string {
	if len(value) > f.reveal {
		return value[:f.reveal] + "..."
	}
	return value
}
