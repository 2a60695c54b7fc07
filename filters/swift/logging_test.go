package swift_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

// listen gives a socket that takes datagrams, and its port.
func listen(t *testing.T) (net.PacketConn, int) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, c.LocalAddr().(*net.UDPAddr).Port
}

// packet reads one datagram.
func packet(t *testing.T, c net.PacketConn) string {
	t.Helper()
	buf := make([]byte, 64<<10)
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, _, err := c.ReadFrom(buf)
	if err != nil {
		t.Fatalf("no packet: %v", err)
	}
	return string(buf[:n])
}

var (
	times  = regexp.MustCompile(`\b\d+\.\d{4,}\b|\b\d+\.\d+e-\d+\b`)
	values = regexp.MustCompile(`timing:[0-9.e-]+`)
)

// TestLogLinesAreThoseOfSwift sends the same requests to both and compares the
// lines that come to syslog. Times are masked; the pid is not asked for.
func TestLogLinesAreThoseOfSwift(t *testing.T) {
	needSwift(t)
	fields := "a {client_ip} {remote_addr} {method} {path} {protocol} {status_int} {referer} {user_agent} {auth_token} {bytes_recvd} {bytes_sent} {client_etag}" +
		" {transaction_id} {headers} {request_time} {source} {log_info} {start_time} {end_time} {policy_index} {domain} {account} {container} {object} {wire_status_int} {{x}}"
	anonymous := "{client_ip.anonymized} {remote_addr.anonymized} {domain.anonymized} {path.anonymized} {referer.anonymized} {user_agent.anonymized} {client_etag.anonymized}" +
		" {account.anonymized} {container.anonymized} {object.anonymized}"
	files := []string{
		"",
		"log_msg_template = " + fields + "\naccess_log_name = swift-proxy\naccess_log_facility = LOG_LOCAL2\n",
		"log_msg_template = " + fields + "\nreveal_sensitive_prefix = 4\naccess_log_headers = yes\naccess_log_headers_only = x-auth-token, x-foo, Host\nset log_name = other\n",
		"log_msg_template = " + anonymous + "\n",
		"log_msg_template = " + anonymous + "\nlog_anonymization_method = SHA256\nlog_anonymization_salt = salt\nlog_headers = true\n",
		"log_msg_template = {start_time.iso8601}{end_time.Y}|{end_time.Z}|{end_time.ms}\n",
	}
	var requests []request
	for _, m := range methods {
		requests = append(requests, ask(m, "/v1/AUTH_a/c/o%20x/y?a=b&c=%20", sends("200 OK", "hello"), "User-Agent: a b/c", "Referer: http://x/?ü"))
	}
	requests = append(requests,
		ask("GET", "/v1/a", sends("404 Not Found", "no", "X-Backend-Storage-Policy-Index: 3")), ask("GET", "/", sends("204 No Content", "")),
		ask("GET", "/v1/a/c?x", sends("200 OK", "x"), "X-Auth-Token: AUTH_tk0123456789abcdef", "X-Foo: bar", "Etag: abc"), ask("GET", "/v1/a/c", sends("200 OK", "x"), "X-Storage-Token: short"),
		ask("GET", "/v2/a", sends("200 OK", "x"), "X-Forwarded-For: 1.2.3.4, 5.6.7.8", "Host: h.example.com:8080"), ask("GET", "/%FF%C3%BC", sends("200 OK", "x"), "X-Cluster-Client-Ip: 9.9.9.9"),
		ask("HEAD", "/v1/a/c/o", sends("200 OK", "hello")), ask("GET", "/v1/a/c/o", sends("200 OK", "x"), "X-Backend-Storage-Policy-Index: 1"),
	)
	upload := ask("PUT", "/v1/a/c/o", spec{Status: "201 Created", Read: true, Measure: true})
	upload.body = strings.Repeat("x", 1000)
	requests = append(requests, upload)
	mine, theirs, inis := make([]net.PacketConn, len(files)), make([]net.PacketConn, len(files)), make([]string, len(files))
	text := func(options string, port int) string {
		section := filter("proxy_logging", fmt.Sprintf("%saccess_log_udp_host = 127.0.0.1\naccess_log_udp_port = %d\naccess_log_route = r%d\n", options, port, port)) // Python's loggers are global, by route
		return conformance{filters: filter("catch_errors", "") + section + strings.Replace(section, "[filter:proxy_logging]", "[filter:again]", 1)}.ini("")
	}
	for i, options := range files {
		var port int
		theirs[i], port = listen(t)
		inis[i] = text(options, port)
	}
	ports := startOracle(t, inis)
	for i, options := range files {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			var port int
			mine[i], port = listen(t)
			compareLines(t, text(options, port), ports[i], mine[i], theirs[i], requests)
		})
	}
}

func compareLines(t *testing.T, ini string, number any, mine, theirs net.PacketConn, requests []request) {
	port, ok := number.(float64)
	if !ok {
		t.Fatal(number)
	}
	app, err := pipelinetest.TryWith(t, &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}, ini)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	defer server.Close()
	var token string
	for _, q := range requests {
		send(t, fmt.Sprintf("127.0.0.1:%.0f", port), q, &token)
		send(t, server.Listener.Addr().String(), q, &token)
		got, want := line(packet(t, mine)), line(packet(t, theirs))
		if got != want {
			t.Errorf("%s %s %v\n got %s\nwant %s", q.method, q.path, q.headers, got, want)
		}
	}
}

// line is a line without what differs between two servers: times, ids, the order
// of headers.
func line(s string) string {
	s = transID.ReplaceAllString(times.ReplaceAllString(s, "TIME"), "TRANS-ID")
	s = regexp.MustCompile(`\d\d/\w\w\w/\d{4}/\d\d/\d\d/\d\d`).ReplaceAllString(s, "DATE")
	s = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`).ReplaceAllString(s, "DATE")
	s = regexp.MustCompile(`\|\d\d\d\b`).ReplaceAllString(s, "|MS")
	s = strings.ReplaceAll(s, "HTTP/1.0", "HTTP/1.1") // eventlet says so for every request
	words := strings.Split(s, " ")
	for i, w := range words {
		if strings.Contains(w, "%0A") {
			headers := strings.Split(w, "%0A")
			slices.Sort(headers)
			words[i] = strings.Join(headers, "%0A")
		}
	}
	return strings.Join(words, " ")
}

// TestStatsdIsThatOfSwift compares the names, kinds and counts that come to
// statsd.
func TestStatsdIsThatOfSwift(t *testing.T) {
	needSwift(t)
	mine, myPort := listen(t)
	theirs, theirPort := listen(t)
	ini := func(port int) string {
		return conformance{filters: filter("proxy_logging", fmt.Sprintf("log_statsd_host = 127.0.0.1\naccess_log_statsd_port = %d\nlog_statsd_metric_prefix = pre\nlog_statsd_valid_http_methods = get,PUT, head\n", port))}.ini("")
	}
	ports := startOracle(t, []string{ini(theirPort)})
	port, ok := ports[0].(float64)
	if !ok {
		t.Fatal(ports[0])
	}
	server := httptest.NewServer(pipelinetest.Load(t, ini(myPort)))
	defer server.Close()
	var token string
	for _, m := range methods {
		for _, path := range []string{"/v1/a", "/v1/a/", "/v1/a/c", "/v1/a/c/o", "/v1/a/c/o/p"} {
			q := ask(m, path, sends("404 Not Found", "hello", "X-Backend-Storage-Policy-Index: 0"))
			send(t, fmt.Sprintf("127.0.0.1:%.0f", port), q, &token)
			send(t, server.Listener.Addr().String(), q, &token)
			got, want := numbers(t, mine), numbers(t, theirs)
			if got != want {
				t.Errorf("%s %s\n got %s\nwant %s", m, path, got, want)
			}
		}
	}
}

// numbers reads the packets of one request; the last one is a count.
func numbers(t *testing.T, c net.PacketConn) string {
	var list []string
	for {
		p := packet(t, c)
		list = append(list, values.ReplaceAllString(p, "timing:MS"))
		object := slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, ".object.") })
		last := strings.Contains(p, ".xfer") && (!object || strings.Contains(p, ".policy."))
		if last {
			return strings.Join(list, " ")
		}
	}
}
