package audit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/wheatpaste/wheatpaste/internal/series"
	"github.com/wheatpaste/wheatpaste/paste"
)

// How much waits for the broker at most, and how long for an answer and for the
// rest when the process ends.
const (
	queueLength = 2048
	queueBytes  = 16 << 20
	patience    = 5 * time.Second
	farewell    = 5 * time.Second
)

// rabbit publishes messages in the background, in their order, through one
// connection.
type rabbit struct {
	broker
	queues []string // topic.priority
	log    *slog.Logger
	tls    *tls.Config
	queue  chan []byte
	bytes  atomic.Int64

	sent, dropped prometheus.Counter
	mu            sync.Mutex
	missed        int // messages that were dropped since the log said so

	// These belong to run.
	conn    *amqp.Connection
	channel *amqp.Channel
	next    int // host to try
}

func newRabbit(b *paste.Build, br broker, topics []string) (*rabbit, error) {
	r := &rabbit{broker: br, log: b.Logger(), queue: make(chan []byte, queueLength)}
	for _, topic := range topics {
		r.queues = append(r.queues, topic+".info")
	}
	events, err := series.CounterVec(b.Registerer(), "wheatpaste_audit_notifications_total",
		"Audit events by what became of them: sent (the broker has them) or dropped (too many were waiting for it).", "result", "sent", "dropped")
	if err != nil {
		return nil, err
	}
	r.sent, r.dropped = events.WithLabelValues("sent"), events.WithLabelValues("dropped")
	return r, nil
}

// open reads the certificates.
func (r *rabbit) open(context.Context) error {
	if !r.SSL {
		return nil
	}
	r.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if r.CAFile != "" {
		pem, err := os.ReadFile(r.CAFile)
		if err != nil {
			return fmt.Errorf("ssl_ca_file: %w", err)
		}
		r.tls.RootCAs = x509.NewCertPool()
		if !r.tls.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("ssl_ca_file: %q holds no certificate in PEM", r.CAFile)
		}
	}
	if r.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(r.CertFile, r.KeyFile)
		if err != nil {
			return fmt.Errorf("ssl_cert_file: %w", err)
		}
		r.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// connect makes a connection if there is none, with the exchange and the queues:
// what is published before somebody listens stays in them.
func (r *rabbit) connect(ctx context.Context) error {
	if r.conn != nil && !r.conn.IsClosed() && !r.channel.IsClosed() {
		return nil
	}
	r.disconnect()
	h := r.hosts[r.next%len(r.hosts)]
	r.next++
	conn, err := r.dial(ctx, h)
	if err != nil {
		return fmt.Errorf("%s: %w", h.address, redact(err, h))
	}
	r.conn = conn
	defer context.AfterFunc(ctx, func() { _ = conn.CloseDeadline(time.Now()) })()
	if r.channel, err = conn.Channel(); err == nil {
		err = r.declare()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", h.address, err)
	}
	r.next-- // this one again, as long as it works
	return nil
}

// redact keeps a password out of an error, though the broker has no reason to
// repeat it.
func redact(err error, h brokerHost) error {
	if h.password != "" && h.password != "guest" && strings.Contains(err.Error(), h.password) {
		return errors.New("connecting fails")
	}
	return err
}

func (r *rabbit) dial(ctx context.Context, h brokerHost) (*amqp.Connection, error) {
	scheme, stop := "amqp://", func() bool { return false }
	config := amqp.Config{
		Vhost: r.vhost, Heartbeat: r.Heartbeat, TLSClientConfig: r.tls, Locale: "en_US",
		Properties: amqp.Table{"product": "wheatpaste", "connection_name": "wheatpaste audit"},
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: patience, KeepAlive: 30 * time.Second}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
			return conn, conn.SetDeadline(time.Now().Add(patience)) // amqp lifts it when the connection is open
		},
	}
	switch r.Login {
	case "EXTERNAL":
		config.SASL = []amqp.Authentication{&amqp.ExternalAuth{}}
	case "PLAIN":
		config.SASL = []amqp.Authentication{&amqp.PlainAuth{Username: h.user, Password: h.password}}
	default:
		config.SASL = []amqp.Authentication{&amqp.AMQPlainAuth{Username: h.user, Password: h.password}}
	}
	if r.tls != nil {
		scheme = "amqps://"
		config.TLSClientConfig = r.tls.Clone()
		config.TLSClientConfig.ServerName, _, _ = net.SplitHostPort(h.address)
	}
	defer func() { stop() }()
	return amqp.DialConfig(scheme+h.address+"/", config)
}

func (r *rabbit) declare() error {
	if err := r.channel.Confirm(false); err != nil {
		return err
	}
	durable := r.Durable || r.Quorum
	if err := r.channel.ExchangeDeclare(r.exchange, amqp.ExchangeTopic, durable, r.AutoDelete, false, false, nil); err != nil {
		return err
	}
	arguments := amqp.Table{}
	if r.HA {
		arguments["x-ha-policy"] = "all"
	}
	if r.Quorum {
		arguments["x-queue-type"] = "quorum"
	}
	for _, queue := range r.queues {
		if _, err := r.channel.QueueDeclare(queue, durable, r.AutoDelete, false, false, arguments); err != nil {
			return err
		}
		if err := r.channel.QueueBind(queue, queue, r.exchange, false, nil); err != nil {
			return err
		}
	}
	return nil
}

var errRefused = errors.New("the broker refuses a message")

// publish sends a message to all queues and waits until the broker has it.
func (r *rabbit) publish(ctx context.Context, body []byte) error {
	if r.channel == nil {
		return amqp.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn := r.conn
	defer context.AfterFunc(ctx, func() { _ = conn.CloseDeadline(time.Now()) })()
	for _, queue := range r.queues {
		confirmed, err := r.channel.PublishWithDeferredConfirmWithContext(ctx, r.exchange, queue, false, false, amqp.Publishing{
			ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent, Body: body,
		})
		if err != nil {
			return err
		}
		taken, err := confirmed.WaitContext(ctx)
		if err != nil {
			return err
		}
		if !taken {
			return errRefused
		}
	}
	return nil
}

// disconnect ends the connection, which may be broken already.
func (r *rabbit) disconnect() {
	if r.conn != nil {
		_ = r.conn.CloseDeadline(time.Now().Add(time.Second))
	}
	r.conn, r.channel = nil, nil
}
