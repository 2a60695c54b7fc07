// Package proxylogging is Swift's proxy_logging: one line for each request, and
// its numbers for statsd.
package proxylogging

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/datagram"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/statsd"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section. An option
// access_log_X falls back to log_X, as in Swift.
type Options struct {
	Template     string      `paste:"log_msg_template,global" help:"the line: texts and {fields}"`
	Method       string      `paste:"log_anonymization_method,global" help:"digest of {FIELD.anonymized}: md5, sha1, sha256, sha512, sha3_256 ..."`
	Salt         string      `paste:"log_anonymization_salt,global,secret" help:"goes into the digest before the value"`
	Reveal       int         `paste:"reveal_sensitive_prefix,global" help:"how many characters of a token are shown; 0 for none"`
	Headers      *bool       `paste:"access_log_headers,global" help:"fill the field {headers}; else log_headers, else false"`
	LogHeaders   bool        `paste:"log_headers,global" help:"used when access_log_headers is not there"`
	OnlyHeaders  string      `paste:"access_log_headers_only,global" help:"comma-separated: show these headers and no others"`
	Methods      string      `paste:"log_statsd_valid_http_methods,global" help:"methods with a name of their own in statsd; all others are BAD_METHOD"`
	AccessMethod *string     `paste:"access_log_statsd_valid_http_methods,global" help:"takes precedence of log_statsd_valid_http_methods"`
	Route        string      `paste:"access_log_route,global" help:"logger, shown with each line in the server's own log"`
	Address      string      `paste:"access_log_address,global" help:"unix socket of a syslog, such as /dev/log; without it, and without a host, the lines go to the server's own log"`
	Rest         *paste.Conf `paste:"access_log_*" help:"name, facility, level, udp_host, udp_port, statsd_host, statsd_port, statsd_default_sample_rate, statsd_sample_rate_factor, statsd_metric_prefix"`
	Log          *paste.Conf `paste:"log_*" help:"the same, for what access_log_ does not say"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_proxy_logging", Options{
		Template: defaultTemplate, Method: "md5", Reveal: 16, Methods: "GET,HEAD,POST,PUT,DELETE,COPY,OPTIONS", Route: "proxy-access",
	}, New,
		paste.LooseAlias("egg:swift#proxy_logging", "swift.common.middleware.proxy_logging:filter_factory"),
		paste.Help("Logs one line for each request, also when it stands twice in a pipeline, and counts for statsd."),
		paste.Example("[filter:proxy-logging]\nuse = egg:swift#proxy_logging\nreveal_sensitive_prefix = 8\naccess_log_udp_host = 127.0.0.1"),
	)
}

type filter struct {
	template    *template
	reveal      int
	logHeaders  bool
	onlyHeaders []string
	methods     map[string]bool
	statsd      *statsd.Client
	write       func(line []byte)
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	if digests[strings.ToLower(o.Method)] == nil {
		return nil, paste.BadOption("log_anonymization_method", "unsupported hashing method %q, want md5, sha1, sha224, sha256, sha384, sha512 or sha3_256", o.Method)
	}
	if o.Reveal < 0 {
		return nil, paste.BadOption("reveal_sensitive_prefix", "invalid length %d, want 0 or more", o.Reveal)
	}
	t, err := parseTemplate(o.Template, o.Method, o.Salt)
	if err != nil {
		return nil, paste.BadOption("log_msg_template", "%w", err)
	}
	f := &filter{template: t, reveal: o.Reveal, logHeaders: o.LogHeaders, methods: map[string]bool{}}
	if o.Headers != nil {
		f.logHeaders = *o.Headers
	}
	for _, name := range swob.List(o.OnlyHeaders) {
		f.onlyHeaders = append(f.onlyHeaders, title(name))
	}
	if o.AccessMethod != nil {
		o.Methods = *o.AccessMethod
	}
	for _, m := range swob.List(o.Methods) {
		f.methods[strings.ToUpper(m)] = true
	}
	for _, name := range o.Rest.Keys() {
		if !slices.Contains(suffixes, name) {
			b.Warn("access_log_"+name, "unknown option; it is ignored")
		}
	}
	if err := f.targets(b, o); err != nil {
		return nil, err
	}
	return f.wrap, nil
}

// suffixes are what may stand behind access_log_.
var suffixes = []string{
	"name", "facility", "level", "address", "udp_host", "udp_port", "route", "headers", "headers_only", "statsd_host", "statsd_port",
	"statsd_default_sample_rate", "statsd_sample_rate_factor", "statsd_metric_prefix", "statsd_valid_http_methods",
}

// settings looks an option up as Swift does: access_log_X, log_X, each in the
// section and then in the global options.
func settings(b *paste.Build, o Options) func(name string) (option, value string) {
	global := b.GlobalConf()
	return func(name string) (string, string) {
		for _, place := range []struct {
			conf        *paste.Conf
			key, option string
		}{
			{o.Rest, name, "access_log_" + name}, {global, "access_log_" + name, "access_log_" + name},
			{o.Log, name, "log_" + name}, {global, "log_" + name, "log_" + name},
		} {
			if v, ok := place.conf.Get(place.key); ok && v != "" {
				return place.option, v
			}
		}
		return "access_log_" + name, ""
	}
}

// targets says where the lines and the numbers go.
func (f *filter) targets(b *paste.Build, o Options) error {
	setting := settings(b, o)
	if err := f.statsdTarget(b, setting); err != nil {
		return err
	}
	sender := &datagram.Sender{Network: "unixgram", Address: o.Address}
	if _, host := setting("udp_host"); host != "" {
		port, err := number16(setting, "udp_port", "514")
		if err != nil {
			return err
		}
		sender = &datagram.Sender{Network: "udp", Address: hostPort(host, port)}
	}
	option, name := setting("level")
	level, ok := levels[strings.ToUpper(name)]
	if name != "" && !ok {
		return paste.BadOption(option, "unknown level %q, want DEBUG, INFO, NOTICE, WARNING, ERROR or CRITICAL", name)
	}
	prefix, err := syslogPrefix(setting)
	if err != nil {
		return err
	}
	switch {
	case level > slog.LevelInfo:
		f.write = func([]byte) {}
	case sender.Address != "":
		b.OnClose(func(context.Context) error { sender.Close(); return nil })
		f.write = func(line []byte) { sender.Send(append(append([]byte(prefix), line...), 0)) }
	default:
		log := b.Logger().With("route", o.Route)
		f.write = func(line []byte) { log.Info(string(line)) }
	}
	return nil
}

// levels are those of Python's logging.
var levels = map[string]slog.Level{
	"DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo, "NOTICE": slog.LevelInfo + 2, "WARNING": slog.LevelWarn, "WARN": slog.LevelWarn,
	"ERROR": slog.LevelError, "CRITICAL": slog.LevelError + 4, "FATAL": slog.LevelError + 4,
}

// facilities are the numbers of syslog.
var facilities = map[string]int{
	"KERN": 0, "USER": 1, "MAIL": 2, "DAEMON": 3, "AUTH": 4, "SYSLOG": 5, "LPR": 6, "NEWS": 7, "UUCP": 8, "CRON": 9, "AUTHPRIV": 10, "FTP": 11,
	"LOCAL0": 16, "LOCAL1": 17, "LOCAL2": 18, "LOCAL3": 19, "LOCAL4": 20, "LOCAL5": 21, "LOCAL6": 22, "LOCAL7": 23,
}

// syslogPrefix is what stands before each line in a packet: priority and name.
func syslogPrefix(setting func(string) (string, string)) (string, error) {
	option, facility := setting("facility")
	if facility == "" {
		facility = "LOG_LOCAL0"
	}
	n, ok := facilities[strings.TrimPrefix(facility, "LOG_")]
	if !ok {
		return "", paste.BadOption(option, "unknown facility %q, want one such as LOG_LOCAL0", facility)
	}
	_, name := setting("name")
	if name == "" {
		name = "swift"
	}
	const info = 6
	return "<" + strconv.Itoa(n<<3|info) + ">" + name + ": ", nil
}

func (f *filter) statsdTarget(b *paste.Build, setting func(string) (string, string)) error {
	_, host := setting("statsd_host")
	if host == "" {
		return nil
	}
	port, err := number16(setting, "statsd_port", "8125")
	if err != nil {
		return err
	}
	rate := 1.0
	for _, name := range []string{"statsd_default_sample_rate", "statsd_sample_rate_factor"} {
		option, text := setting(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n < 0 {
			return paste.BadOption(option, "invalid rate %q, want a number such as 0.5", text)
		}
		rate *= n
	}
	prefix := "proxy-server."
	if _, base := setting("statsd_metric_prefix"); base != "" {
		prefix = base + "." + prefix
	}
	f.statsd = &statsd.Client{Prefix: prefix, Rate: rate, Sender: &datagram.Sender{Network: "udp", Address: hostPort(host, port)}}
	b.OnClose(func(context.Context) error { f.statsd.Close(); return nil })
	return nil
}

func number16(setting func(string) (string, string), name, fallback string) (string, error) {
	option, text := setting(name)
	if text == "" {
		return fallback, nil
	}
	if _, err := strconv.ParseUint(text, 10, 16); err != nil {
		return "", paste.BadOption(option, "invalid port %q, want a number", text)
	}
	return text, nil
}

func hostPort(host, port string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := pipeline.FromRequest(r)
		if made, _ := environ.AccessLogMade.Get(env); made {
			next.ServeHTTP(w, r)
			return
		}
		environ.AccessLogMade.Set(env, true)
		e := &entry{f: f, r: r, env: env, path: swob.Quote(swob.FullPath(r)), remote: env.ClientAddr(), start: time.Now()}
		body := &body{ReadCloser: r.Body}
		ww := &writer{ResponseWriter: w, entry: e}
		inner := *r
		if r.Body != nil && r.Body != http.NoBody { // by which others know that there is none
			inner.Body = body
		}
		done := false
		defer func() {
			f.finish(e, ww, body, done)
		}()
		next.ServeHTTP(ww, &inner)
		done = true
	})
}

// finish writes the line of a request.
func (f *filter) finish(e *entry, ww *writer, body *body, done bool) {
	e.end = time.Now()
	if ww.status == 0 {
		ww.status = http.StatusOK
		if !done { // a panic: an outer filter, or the server, answers
			ww.status = http.StatusInternalServerError
		}
		ww.policy()
	}
	e.wire, e.status = ww.status, ww.status
	if !done {
		e.status = http.StatusInternalServerError
	}
	const clientLeft = 499
	if ww.broken || body.broken || e.r.Context().Err() != nil {
		e.status = clientLeft
	}
	e.received, e.sent = body.n, ww.n
	line := f.template.line(e)
	if id := get(environ.TransID, e.env); id != "" && !bytes.Contains(line, []byte(id)) { // as Swift's logs do
		line = append(append(append(line, " (txn: "...), id...), ')')
	}
	f.write(line)
	f.count(e)
}

// count sends the numbers of a request to statsd.
func (f *filter) count(e *entry) {
	if f.statsd == nil {
		return
	}
	for _, name := range f.metricNames(e, e.status) {
		f.statsd.Timing(name+".timing", ms(e.end.Sub(e.start)))
		f.statsd.Count(name+".xfer", e.received+e.sent)
	}
}

// metricNames are one for the kind of the request and, for objects, one for the
// storage policy.
func (f *filter) metricNames(e *entry, status int) []string {
	kind := get(environ.Source, e.env)
	if path := e.swiftPath(); strings.HasPrefix(path, "/v1/") {
		kind = [...]string{"", "account", "container", "object"}[min(strings.Count(strings.Trim(path, "/"), "/"), 3)]
	}
	if kind == "" {
		return nil
	}
	method := e.method()
	if !f.methods[method] {
		method = "BAD_METHOD"
	}
	tail := "." + method + "." + strconv.Itoa(status)
	names := []string{kind + tail}
	if kind == "object" && e.policy != "" && strings.Trim(e.policy, "0123456789") == "" {
		names = append(names, "object.policy."+e.policy+tail)
	}
	return names
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
