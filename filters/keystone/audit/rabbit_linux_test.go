package audit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const rabbitServer = "/usr/lib/rabbitmq/bin/rabbitmq-server"

// broker is a RabbitMQ of the test's own.
type broker struct {
	t         *testing.T
	port, url string
	env       []string
	stop      func()
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short: it starts a RabbitMQ")
	}
	_, err := os.Stat(rabbitServer)
	out, missing := exec.Command(python, "-c", "import oslo_messaging").CombinedOutput()
	if err != nil || missing != nil {
		if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
			t.Fatalf("rabbitmq-server and python3-oslo.messaging are needed: %v %v\n%s", err, missing, out)
		}
		t.Skip("rabbitmq-server or python3-oslo.messaging is not installed")
	}
	dir, err := os.MkdirTemp("", "audit") // Erlang wants a short path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &broker{t: t, port: freePort(t)}
	b.url = "rabbit://guest:guest@127.0.0.1:" + b.port + "/"
	epmd := freePort(t)
	b.env = append(os.Environ(), "HOME="+dir, "RABBITMQ_NODENAME=wheatpaste"+b.port+"@localhost", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
		"RABBITMQ_NODE_PORT="+b.port, "RABBITMQ_DIST_PORT="+freePort(t), "RABBITMQ_MNESIA_BASE="+dir+"/mnesia", "RABBITMQ_LOG_BASE="+dir+"/log",
		"RABBITMQ_PID_FILE="+dir+"/pid", "RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "plugins"), "ERL_EPMD_PORT="+epmd, "ERL_EPMD_ADDRESS=127.0.0.1")
	b.run("epmd", "-port", epmd, "-address", "127.0.0.1")
	b.start()
	return b
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// run starts a program and gives what ends it with its children.
func (b *broker) run(name string, args ...string) (stop func()) {
	b.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.SysProcAttr = b.env, &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
			if b.t.Failed() {
				b.t.Logf("%s: %s", name, out.String())
			}
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// start waits until the broker can be logged in to.
func (b *broker) start() {
	b.t.Helper()
	b.stop = b.run(rabbitServer)
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var conn *amqp.Connection
		if conn, err = amqp.Dial("amqp://guest:guest@127.0.0.1:" + b.port + "/"); err == nil {
			_ = conn.Close()
			return
		}
	}
	b.t.Fatalf("RabbitMQ does not start: %v", err)
}

// told is what testdata/listener.py prints.
type told struct {
	Priority  string         `json:"priority"`
	Publisher string         `json:"publisher"`
	Type      string         `json:"event_type"`
	Context   map[string]any `json:"context"`
	Payload   map[string]any `json:"payload"`
	Metadata  map[string]any `json:"metadata"`
}

// listener starts a listener of oslo.messaging.
func (b *broker) listener(topics ...string) <-chan told {
	b.t.Helper()
	cmd := exec.Command(python, append([]string{"testdata/listener.py", b.url}, topics...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	events, ended := make(chan told, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewReader(stdout)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				_, _ = io.Copy(io.Discard, stdout)
				return
			}
			var e told
			if json.Unmarshal(line, &e) == nil {
				events <- e
			}
		}
	}()
	b.t.Cleanup(func() {
		_ = stdin.Close()
		<-ended
		_ = cmd.Wait()
		if b.t.Failed() {
			b.t.Logf("listener: %s", stderr.String())
		}
	})
	return events
}

func receive(t *testing.T, events <-chan told) told {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("the listener was told of nothing")
		panic("unreachable")
	}
}

func messaging(driver, url, topic string) string {
	return "audit_map_file = testdata/map.conf\ndriver = " + driver + "\ntransport_url = " + url + "\ntopics = " + topic + "\nservice_name = nova-api"
}

// TestListenersOfOsloMessagingUnderstandUs sends events before anybody listens,
// to a listener, and over an outage of the broker.
func TestListenersOfOsloMessagingUnderstandUs(t *testing.T) {
	b := newBroker(t)
	for _, driver := range []string{"messagingv2", "messaging"} {
		app, log := load(t, messaging(driver, b.url, "notifications, "+driver))
		ask(t, app, log, at("", "POST", "/v2.1/servers", "X-Do-Status", "202"))
		events := b.listener(driver)
		first, second := receive(t, events), receive(t, events)
		check(t, driver, first, "audit.http.request", "pending")
		check(t, driver, second, "audit.http.response", "success")
		if first.Payload["id"] != second.Payload["id"] || first.Metadata["message_id"] == second.Metadata["message_id"] {
			t.Errorf("%s: ids of events %v and %v, of messages %v and %v", driver, first.Payload["id"], second.Payload["id"],
				first.Metadata["message_id"], second.Metadata["message_id"])
		}
	}
	all := b.listener("notifications") // the other topic has them all
	for range 4 {
		receive(t, all)
	}
}

func check(t *testing.T, driver string, e told, kind, outcome string) {
	t.Helper()
	if e.Type != kind || e.Priority != "info" || e.Publisher != "nova-api" || e.Payload["outcome"] != outcome || e.Payload["action"] != "create" {
		t.Errorf("%s: %+v, want %s from nova-api with outcome %s", driver, e, kind, outcome)
	}
	if id, _ := e.Context["request_id"].(string); !strings.HasPrefix(id, "req-") || e.Context["is_admin"] != true {
		t.Errorf("%s: context %v", driver, e.Context)
	}
	if _, err := time.Parse("2006-01-02 15:04:05.000000", e.Metadata["timestamp"].(string)); err != nil {
		t.Error(err)
	}
}

func TestEventsOutliveAnOutageOfTheBroker(t *testing.T) {
	b := newBroker(t)
	app, log := load(t, messaging("messagingv2", b.url, "outage"))
	ask(t, app, log, at("", "GET", "/v2.1/servers/0"))
	before := b.listener("outage")
	receive(t, before)
	receive(t, before)
	b.stop()
	start := time.Now()
	for range 100 {
		ask(t, app, log, at("", "DELETE", "/v2.1/servers/1"))
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("100 requests without a broker took %v", d)
	}
	b.start()
	for seen := map[string]int{}; seen["audit.http.request"] < 100 || seen["audit.http.response"] < 100; {
		e := receive(t, before)
		seen[e.Type]++
	}
}
