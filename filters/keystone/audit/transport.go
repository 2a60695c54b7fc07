package audit

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// broker says where RabbitMQ is and how to talk to it.
type broker struct {
	hosts    []brokerHost
	vhost    string
	exchange string
	rabbitOptions
}

type brokerHost struct{ address, user, password string }

// rabbitOptions are those of [oslo_messaging_rabbit] that sending needs.
type rabbitOptions struct {
	Durable    bool          `paste:"amqp_durable_queues" conf:"oslo_messaging_rabbit.amqp_durable_queues"`
	AutoDelete bool          `paste:"amqp_auto_delete" conf:"oslo_messaging_rabbit.amqp_auto_delete"`
	HA         bool          `paste:"rabbit_ha_queues" conf:"oslo_messaging_rabbit.rabbit_ha_queues"`
	Quorum     bool          `paste:"rabbit_quorum_queue" conf:"oslo_messaging_rabbit.rabbit_quorum_queue"`
	Login      string        `paste:"rabbit_login_method" conf:"oslo_messaging_rabbit.rabbit_login_method"`
	Interval   time.Duration `paste:"rabbit_retry_interval" conf:"oslo_messaging_rabbit.rabbit_retry_interval"`
	Backoff    time.Duration `paste:"rabbit_retry_backoff" conf:"oslo_messaging_rabbit.rabbit_retry_backoff"`
	Longest    time.Duration `paste:"rabbit_interval_max" conf:"oslo_messaging_rabbit.rabbit_interval_max"`
	Heartbeat  time.Duration `paste:"heartbeat_timeout_threshold" conf:"oslo_messaging_rabbit.heartbeat_timeout_threshold"`
	SSL        bool          `paste:"ssl" conf:"oslo_messaging_rabbit.ssl,oslo_messaging_rabbit.rabbit_use_ssl"`
	CAFile     string        `paste:"ssl_ca_file" conf:"oslo_messaging_rabbit.ssl_ca_file,oslo_messaging_rabbit.kombu_ssl_ca_certs"`
	CertFile   string        `paste:"ssl_cert_file" conf:"oslo_messaging_rabbit.ssl_cert_file,oslo_messaging_rabbit.kombu_ssl_certfile"`
	KeyFile    string        `paste:"ssl_key_file" conf:"oslo_messaging_rabbit.ssl_key_file,oslo_messaging_rabbit.kombu_ssl_keyfile"`
}

// broker reads all options about RabbitMQ.
func (o *Options) broker(b *paste.Build) (broker, error) {
	br := broker{exchange: "openstack", rabbitOptions: rabbitOptions{
		Login: "AMQPLAIN", Interval: time.Second, Backoff: 2 * time.Second, Longest: 30 * time.Second, Heartbeat: time.Minute,
	}}
	if err := b.ReadConf("oslo_messaging_rabbit", &br.rabbitOptions); err != nil {
		return br, err
	}
	if br.HA && br.Quorum {
		return br, paste.BadOption("", "rabbit_quorum_queue and rabbit_ha_queues are both true in [oslo_messaging_rabbit], want one of them")
	}
	if !slices.Contains([]string{"PLAIN", "AMQPLAIN", "EXTERNAL"}, br.Login) {
		return br, paste.BadOption("", "unsupported rabbit_login_method %q in [oslo_messaging_rabbit], want PLAIN, AMQPLAIN or EXTERNAL", br.Login)
	}
	v, ok, err := b.Conf("DEFAULT", "control_exchange")
	if err != nil {
		return br, err
	}
	if ok && v.Text != "" {
		br.exchange = v.Text
	}
	text, err := o.transportURL(b)
	if err != nil {
		return br, err
	}
	if err := br.parse(cmp.Or(text, "rabbit://")); err != nil {
		return br, paste.BadOption("transport_url", "%w", err)
	}
	return br, nil
}

// urlError says what is wrong about a transport URL, without the URL: that has
// a password in it.
type urlError string

func (e urlError) Error() string { return string(e) }

// parse reads rabbit://USER:PASSWORD@HOST:PORT,.../VHOST. User and password of
// a host are not those of the next.
func (b *broker) parse(text string) error {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "rabbit" && scheme != "kombu" {
		return urlError("unsupported transport, want rabbit://USER:PASSWORD@HOST:PORT/VHOST")
	}
	rest, _, _ = strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	vhost, err := url.PathUnescape(path)
	if err != nil {
		return urlError("invalid virtual host, want %XX for special characters")
	}
	b.vhost = cmp.Or(vhost, "/")
	for item := range strings.SplitSeq(hosts, ",") {
		if item == "" {
			continue
		}
		h, err := parseHost(item)
		if err != nil {
			return err
		}
		b.hosts = append(b.hosts, h)
	}
	if len(b.hosts) == 0 {
		b.hosts = []brokerHost{{"localhost:5672", "guest", "guest"}}
	}
	return nil
}

func parseHost(item string) (h brokerHost, err error) {
	if at := strings.LastIndexByte(item, '@'); at >= 0 {
		user, password, _ := strings.Cut(item[:at], ":")
		item = item[at+1:]
		if h.user, err = url.PathUnescape(user); err == nil {
			h.password, err = url.PathUnescape(password)
		}
		if err != nil {
			return h, urlError("invalid user or password, want %XX for special characters")
		}
	}
	name, port := item, "5672"
	if i := strings.LastIndexByte(item, ':'); i >= 0 && !strings.HasSuffix(item, "]") {
		name, port = item[:i], item[i+1:]
	}
	name = strings.Trim(name, "[]")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return h, urlError("invalid port, want 1 to 65535")
	}
	if h.user == "" {
		h.user, h.password = "guest", "guest" // as kombu has it
	}
	h.address = net.JoinHostPort(cmp.Or(name, "localhost"), port)
	return h, nil
}
