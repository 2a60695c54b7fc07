package audit

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/wheatpaste/wheatpaste/paste"
)

// notification is an event on its way.
type notification struct {
	kind    string // audit.http.request or audit.http.response
	context callContext
	payload event
}

// callContext is an oslo.context of an administrator, as the original makes one
// for each request, without what oslo.messaging keeps back.
type callContext struct {
	User            *string  `json:"_context_user"`
	ProjectID       *string  `json:"_context_project_id"`
	SystemScope     *string  `json:"_context_system_scope"`
	Domain          *string  `json:"_context_domain"`
	UserDomain      *string  `json:"_context_user_domain"`
	ProjectDomain   *string  `json:"_context_project_domain"`
	IsAdmin         bool     `json:"_context_is_admin"`
	RequestID       string   `json:"_context_request_id"`
	GlobalRequestID *string  `json:"_context_global_request_id"`
	Roles           []string `json:"_context_roles"`
}

func newCallContext() callContext {
	return callContext{IsAdmin: true, RequestID: "req-" + uuid.NewString(), Roles: []string{}}
}

// logNotifier writes events to the log.
type logNotifier struct{ log *slog.Logger }

func (l logNotifier) notify(n *notification) {
	payload, err := json.Marshal(n.payload)
	if err != nil {
		l.log.Error("an event of the audit is lost", "error", err)
		return
	}
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "audit", slog.String("event_type", n.kind),
		slog.String("context_request_id", n.context.RequestID), slog.String("payload", string(payload)))
}

// noNotifier keeps events to itself.
type noNotifier struct{}

func (noNotifier) notify(*notification) {}

// notifier makes what the options choose.
func (o *Options) notifier(b *paste.Build) (notifier, error) {
	log := b.Logger()
	if o.LogName != "" {
		log = log.With("logger", o.LogName)
	}
	if !o.Messaging {
		return logNotifier{log}, nil
	}
	driver, err := o.driver(b)
	if err != nil {
		return nil, err
	}
	switch driver {
	case "log":
		return logNotifier{log}, nil
	case "messaging", "messagingv2":
		return o.messenger(b, driver == "messagingv2")
	case "noop":
		return noNotifier{}, nil
	case "":
		b.Warn("driver", "nobody is told of any event, want driver = messagingv2, or driver = log, or driver = noop")
		return noNotifier{}, nil
	case "routing":
		return nil, paste.BadOption("driver", "routing by a file is not supported, want messagingv2 with topics")
	}
	return nil, paste.BadOption("driver", "unknown driver %q, want messaging, messagingv2, log or noop", driver)
}

// driver is the one of the filter or that of all notifications. Of several the
// one that sends messages counts.
func (o *Options) driver(b *paste.Build) (string, error) {
	if o.Driver != "" {
		return o.Driver, nil
	}
	v, _, err := b.Conf("oslo_messaging_notifications", "driver", "DEFAULT.notification_driver")
	return strings.TrimSpace(v.Text), err
}

// messenger makes the notifier for RabbitMQ.
func (o *Options) messenger(b *paste.Build, envelope bool) (notifier, error) {
	broker, err := o.broker(b)
	if err != nil {
		return nil, err
	}
	topics, err := o.topics(b)
	if err != nil {
		return nil, err
	}
	for _, topic := range topics {
		if topic == "" || len(topic) > 200 {
			return nil, paste.BadOption("topics", "invalid topic %q, want 1 to 200 letters", topic)
		}
	}
	slices.Sort(topics)
	publisher := o.ServiceName
	if publisher == "" {
		publisher = filepath.Base(os.Args[0])
	}
	r, err := newRabbit(b, broker, slices.Compact(topics))
	if err != nil {
		return nil, err
	}
	b.OnStart(r.open)
	b.Go(r.run)
	return &messenger{rabbit: r, publisher: publisher, envelope: envelope}, nil
}

// topics are those of the filter or those of all notifications.
func (o *Options) topics(b *paste.Build) (paste.CommaList, error) {
	if o.Topics != nil {
		return slices.Clone(*o.Topics), nil
	}
	topics := paste.CommaList{"notifications"}
	v, ok, err := b.Conf("oslo_messaging_notifications", "topics", "rpc_notifier2.topics", "DEFAULT.notification_topics")
	if err != nil || !ok {
		return topics, err
	}
	return topics, topics.UnmarshalText([]byte(v.Text))
}

// transportURL is where the broker is, by the options from the nearest to the
// farthest.
func (o *Options) transportURL(b *paste.Build) (string, error) {
	if o.URL != "" {
		return o.URL, nil
	}
	v, ok, err := b.Conf("oslo_messaging_notifications", "transport_url", "DEFAULT.notification_transport_url")
	if err != nil || ok && v.Text != "" {
		return v.Text, err
	}
	v, _, err = b.Conf("DEFAULT", "transport_url")
	return v.Text, err
}
