package service

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzConnection sends any bytes on one connection, and holds what the
// application sees against a parser that does what RFC 9112 allows and no more:
// it may see fewer requests, but none that the parser does not see, and none
// with another body.
func FuzzConnection(f *testing.F) {
	for _, c := range readCorpus(f) {
		if len(c.send) < 4096 {
			f.Add(c.send)
			f.Add(append(bytes.Clone(c.send), smuggled...))
		}
	}
	rec := &recorder{reads: true}
	path := serveFuzz(f, rec)
	f.Fuzz(func(t *testing.T, send []byte) {
		rec.take()
		answers := exchangeBytes(t, path, send)
		seen := rec.take()
		want := reference(send)
		for n, text := range seen {
			i := indexOf(want, text)
			if i < 0 || strings.HasSuffix(text, " broken") && n != len(seen)-1 {
				t.Fatalf("%q: the application saw %s (all: %q), the reference parser %q", send, text, seen, want)
			}
			want = want[i+1:]
		}
		for _, line := range statusLine.FindAllString(answers, -1) {
			if code := line[9:12]; code[0] == '5' && code != "501" && code != "505" {
				t.Fatalf("%q: answer %s", send, line)
			}
		}
	})
}

var statusLine = regexp.MustCompile(`HTTP/1\.1 \d\d\d `)

func serveFuzz(f *testing.F, rec *recorder) string {
	path := filepath.Join(f.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		f.Fatal(err)
	}
	g := DefaultGroup()
	g.AccessLog, g.DrainIdleGrace = "off", time.Millisecond
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := &Server{Group: g, Handler: http.HandlerFunc(rec.serve), Logger: slog.New(slog.DiscardHandler)}
	go func() { done <- s.Serve(ctx, l) }()
	f.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	return path
}

// exchangeBytes sends all and reads until the server has closed the connection.
func exchangeBytes(t *testing.T, path string, send []byte) string {
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	_, _ = nc.Write(send) // the server may close before it has read all
	_ = nc.(*net.UnixConn).CloseWrite()
	answers, err := io.ReadAll(nc)
	if isTimeout(err) {
		t.Fatalf("%q: the connection does not end", send)
	}
	return string(answers)
}

// indexOf finds a request. The server may take a body for broken that the parser
// does not.
func indexOf(list []string, text string) int {
	head, broken := strings.CutSuffix(text, " broken")
	for i, s := range list {
		if s == text || broken && strings.HasPrefix(s, head+" ") {
			return i
		}
	}
	return -1
}

// reference lists the requests in data as recorder notes them.
func reference(data []byte) []string {
	p := &refParser{rest: data}
	var list []string
	for {
		text, goOn := p.request()
		if text != "" {
			list = append(list, text)
		}
		if !goOn {
			return list
		}
	}
}

// refParser takes LF for CRLF and folded lines (RFC 9112 2.2, 5.2), and line ends
// before a request, as a server may.
type refParser struct{ rest []byte }

func (p *refParser) line() (string, bool) {
	i := bytes.IndexByte(p.rest, '\n')
	if i < 0 {
		return "", false
	}
	line := string(p.rest[:i])
	p.rest = p.rest[i+1:]
	return strings.TrimSuffix(line, "\r"), true
}

var requestLine = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^ \\x00-\\x20\\x7f]+) HTTP/1\\.([0-9])$")

func (p *refParser) request() (text string, goOn bool) {
	for len(p.rest) > 0 && (p.rest[0] == '\r' || p.rest[0] == '\n') {
		p.rest = p.rest[1:]
	}
	line, ok := p.line()
	m := requestLine.FindStringSubmatch(line)
	if !ok || m == nil {
		return "", false
	}
	fields, ok := p.fields()
	if !ok || len(fields["host"]) > 1 || m[3] != "0" && len(fields["host"]) == 0 {
		return "", false
	}
	host := strings.Join(fields["host"], "")
	if i := strings.Index(m[2], "://"); i > 0 && m[2][0] != '/' {
		host = m[2][i+3:]
		host = host[:strings.IndexAny(host+"/", "/?")]
	}
	body, whole, ends := p.body(fields, m[3] == "0")
	note := strconv.Quote(body)
	if !whole {
		note = "broken"
	}
	connection := "," + strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(strings.Join(fields["connection"], ","), " ", ""), "\t", "")) + ","
	ends = ends || strings.Contains(connection, ",close,") || m[3] == "0" && !strings.Contains(connection, ",keep-alive,")
	return m[1] + " " + strconv.Quote(m[2]) + " " + strconv.Quote(host) + " " + note, whole && !ends
}

var fieldLine = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\\x00-\\x08\\x0a-\\x1f\\x7f]*)$")

func (p *refParser) fields() (map[string][]string, bool) {
	fields := map[string][]string{}
	last := ""
	for {
		line, ok := p.line()
		if !ok {
			return nil, false
		}
		if line == "" {
			return fields, true
		}
		if (line[0] == ' ' || line[0] == '\t') && last != "" {
			values := fields[last]
			values[len(values)-1] = strings.Trim(values[len(values)-1]+" "+strings.Trim(line, " \t"), " \t")
			continue
		}
		m := fieldLine.FindStringSubmatch(line)
		if m == nil {
			return nil, false
		}
		last = strings.ToLower(m[1])
		fields[last] = append(fields[last], strings.Trim(m[2], " \t"))
	}
}

// body reads what the fields announce (RFC 9112 6.3).
func (p *refParser) body(fields map[string][]string, old bool) (body string, whole, ends bool) {
	lengths, codings := fields["content-length"], fields["transfer-encoding"]
	if len(codings) > 0 && !old {
		if len(codings) != 1 || !strings.EqualFold(codings[0], "chunked") {
			return "", false, true
		}
		body, whole = p.chunks()
		return body, whole, len(lengths) > 0
	}
	if len(lengths) == 0 {
		return "", true, len(codings) > 0
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	for _, other := range lengths {
		if other != lengths[0] {
			return "", false, true
		}
	}
	if err != nil || n > uint64(len(p.rest)) {
		return "", false, true
	}
	body, p.rest = string(p.rest[:n]), p.rest[n:]
	return body, true, len(codings) > 0
}

var chunkLine = regexp.MustCompile(`^([0-9A-Fa-f]{1,16})[ \t]*(;[^\r\n]*)?\r\n`)

func (p *refParser) chunks() (body string, whole bool) {
	for {
		m := chunkLine.FindSubmatch(p.rest)
		if m == nil {
			return "", false
		}
		p.rest = p.rest[len(m[0]):]
		n, err := strconv.ParseUint(string(m[1]), 16, 64)
		if err != nil {
			return "", false
		}
		if n == 0 {
			return body, p.trailers()
		}
		if n > uint64(len(p.rest)) || !bytes.HasPrefix(p.rest[n:], []byte("\r\n")) {
			return "", false
		}
		body += string(p.rest[:n])
		p.rest = p.rest[n+2:]
	}
}

// trailers are thrown away: what stands in them does not matter, only where
// they end.
func (p *refParser) trailers() bool {
	for {
		line, ok := p.line()
		if !ok || line == "" {
			return ok
		}
		if !strings.Contains(line, ":") && line[0] != ' ' && line[0] != '\t' {
			return false
		}
	}
}
