// Package audit writes an audit event in the format CADF before and after each
// request, as keystonemiddleware's audit does.
package audit

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	MapFile     string `paste:"audit_map_file,global" help:"file that says how paths become actions and which service of the catalog this one is"`
	ServiceName string `paste:"service_name,global" help:"publisher_id of the notifications; empty: the name of the program"`
	Ignored     string `paste:"ignore_req_list,global" help:"methods of requests without events, with commas between them"`
	LogName     string `paste:"log_name,global" help:"name of the log that events go to, as the attribute logger"`
	Forwarded   bool   `paste:"trust_x_forwarded_for,global" help:"whether the first address of X-Forwarded-For is that of the initiator, whoever has written it"`

	Messaging bool             `paste:"use_oslo_messaging,global" conf:"audit_middleware_notifications.use_oslo_messaging" help:"send events as notifications; false: write them to the log"`
	Driver    string           `paste:"driver,global" conf:"audit_middleware_notifications.driver" help:"messaging, messagingv2, log or noop; empty: driver of [oslo_messaging_notifications]"`
	Topics    *paste.CommaList `paste:"topics,global" conf:"audit_middleware_notifications.topics" help:"topics of the notifications; empty: topics of [oslo_messaging_notifications], or notifications"`
	URL       string           `paste:"transport_url,global,secret" conf:"audit_middleware_notifications.transport_url" help:"rabbit://USER:PASSWORD@HOST:PORT,.../VHOST; empty: transport_url of [oslo_messaging_notifications], of [DEFAULT], or RabbitMQ of this host"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#audit", Options{Messaging: true, Forwarded: true}, New,
		paste.LooseAlias("egg:keystonemiddleware#audit", "keystonemiddleware.audit:filter_factory",
			"keystonemiddleware.audit:AuditMiddleware", "pycadf.middleware.audit:AuditMiddleware.factory"),
		paste.Help("Writes an audit event (CADF) before and after each request: to RabbitMQ, as oslo.messaging's notifications, or to the log. No request waits for it, and none fails because of it."),
		paste.Example(`
[filter:audit]
use = egg:keystonemiddleware#audit
service_name = nova-api
ignore_req_list = GET, HEAD
driver = messagingv2
transport_url = rabbit://nova:secret@rabbit.example.com:5672/
`),
	)
}

// notifier takes events. It must not block.
type notifier interface {
	notify(n *notification)
}

// filter is shared by all requests.
type filter struct {
	*auditor
	notifier  notifier
	ignored   []string
	forwarded bool
	next      http.Handler
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	m, err := readMap(b, o.MapFile)
	if err != nil {
		return nil, err
	}
	n, err := o.notifier(b)
	if err != nil {
		return nil, err
	}
	var ignored []string
	for method := range strings.SplitSeq(o.Ignored, ",") {
		ignored = append(ignored, strings.ToUpper(strings.TrimSpace(method)))
	}
	a := newAuditor(m, b.Logger())
	return func(next http.Handler) http.Handler {
		return &filter{auditor: a, notifier: n, ignored: ignored, forwarded: o.Forwarded, next: next}
	}, nil
}

// ServeHTTP sends an event, lets the request pass, and sends the event again
// with what has become of it as soon as that is known.
func (f *filter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if slices.Contains(f.ignored, r.Method) {
		ww := webob.Response(w, r, nil)
		f.next.ServeHTTP(ww, r)
		ww.Finish()
		return
	}
	sent := f.begin(r)
	ww := webob.Response(w, r, func(status int) bool {
		f.end(sent, status)
		return false
	})
	defer func() {
		if p := recover(); p != nil {
			if !ww.Started() {
				f.end(sent, 0)
			}
			panic(p)
		}
	}()
	f.next.ServeHTTP(ww, r)
	ww.Finish()
}

// audited is a request whose answer is still to come; event is nil when there
// was something wrong with it.
type audited struct {
	event   *event
	context callContext
}

// begin sends the event of a request.
func (f *filter) begin(r *http.Request) (a audited) {
	defer f.harmless()
	a.context = newCallContext()
	e := f.event(r, f.client(r))
	f.notifier.notify(&notification{kind: "audit.http.request", context: a.context, payload: *e})
	a.event = e
	return a
}

// end sends the event of an answer; status is 0 without one.
func (f *filter) end(a audited, status int) {
	defer f.harmless()
	if a.event == nil {
		return
	}
	a.event.finish(status)
	f.notifier.notify(&notification{kind: "audit.http.response", context: a.context, payload: *a.event})
}

// harmless keeps requests from failing because of their audit.
func (f *filter) harmless() {
	if p := recover(); p != nil {
		f.log.Error("an event of the audit is lost", "error", fmt.Sprint(p))
	}
}

// client is the address that the initiator is said to have.
func (f *filter) client(r *http.Request) string {
	if values := r.Header["X-Forwarded-For"]; f.forwarded && len(values) > 0 {
		first, _, _ := strings.Cut(values[0], ",")
		return strings.TrimSpace(first)
	}
	return pipeline.FromRequest(r).ClientAddr()
}

// finish notes what has become of the request.
func (e *event) finish(status int) {
	e.Outcome = "unknown"
	if status != 0 {
		e.Outcome = "failure"
		if status >= 200 && status < 400 {
			e.Outcome = "success"
		}
		e.Reason = &reason{Type: "HTTP", Code: strconv.Itoa(status)}
	}
	e.Chain = []step{{Role: "modifier", Time: timestamp(), Reporter: resource{ID: "target"}}}
}
