package service

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// rawCase is one case of testdata/requests; its README describes the format.
type rawCase struct {
	name, file string
	send       []byte
	head       bool     // the first answer has no body
	seen       []string // what the application sees, as recorder.note writes it
	answers    []int
	ends       string // open, closed, ...
	alone      bool
	lenient    string
	unread     bool // by the application
}

// caseTime is how long a case may take.
const caseTime = 5 * time.Second

// smuggled follows each request after which the connection must end.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

// TestCorpus sends each case of testdata/requests to a server whose application
// reads the body, to one whose application does not, and through TLS. What is
// seen and answered, and whether the connection lives, is data; that a request
// after a framing in doubt is never seen holds for all.
func TestCorpus(t *testing.T) {
	cases := readCorpus(t)
	if len(cases) < 150 {
		t.Fatalf("%d cases, want 150 at least", len(cases))
	}
	for _, mode := range []struct {
		name       string
		reads, tls bool
	}{{"reading", true, false}, {"not reading", false, false}, {"TLS", true, true}} {
		t.Run(mode.name, func(t *testing.T) {
			g := testGroup(t)
			if mode.tls {
				g.CertFile = selfMade
			}
			rec := &recorder{reads: mode.reads}
			r := serve(t, g, rec.serve)
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) { c.in(mode.reads).run(t, r, rec) })
			}
			if err := r.end(); err != nil {
				t.Errorf("Serve() = %v, want nil", err)
			}
			if logs := r.logs.String(); strings.Contains(logs, "panic") {
				t.Errorf("the log has a panic: %s", logs)
			}
		})
	}
}

// TestCorpusLeniencesAreDocumented: where the server is laxer than the RFC, the
// README says so.
func TestCorpusLeniencesAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range readCorpus(t) {
		if !strings.Contains(string(readme), c.lenient) {
			t.Errorf("%s: the README does not say %q", c.name, c.lenient)
		}
	}
}

// recorder is the application: it notes every request that it sees.
type recorder struct {
	reads bool
	mu    sync.Mutex
	seen  []string
}

func (rec *recorder) serve(w http.ResponseWriter, r *http.Request) {
	var body []byte
	var err error
	if rec.reads {
		body, err = io.ReadAll(r.Body)
	}
	text := strconv.Quote(string(body))
	switch {
	case !rec.reads:
		text = "unread"
	case err != nil:
		text = "broken"
		w.WriteHeader(http.StatusBadRequest)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.seen = append(rec.seen, fmt.Sprintf("%s %q %q %s", r.Method, r.RequestURI, r.Host, text))
}

// take gives what was seen, and forgets it.
func (rec *recorder) take() []string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	defer func() { rec.seen = nil }()
	return rec.seen
}

// in is the case as it is for an application that does not read.
func (c rawCase) in(reads bool) rawCase {
	c.unread = !reads
	if c.ends == "continue" {
		c.ends = "open"
		if !reads {
			c.ends = "closed" // the client may or may not send the body
		}
	}
	answers := c.answers
	if answers == nil {
		for _, seen := range c.seen {
			code := http.StatusOK
			if reads && strings.HasSuffix(seen, " broken") {
				code = http.StatusBadRequest
			}
			answers = append(answers, code)
		}
	}
	c.answers, c.seen = slices.Clone(answers), slices.Clone(c.seen)
	if !reads {
		c.answers = slices.DeleteFunc(c.answers, func(code int) bool { return code == http.StatusContinue })
		for i, seen := range c.seen {
			parts := strings.SplitN(seen, " ", 4)
			c.seen[i] = strings.Join(parts[:3], " ") + " unread"
		}
	}
	return c
}

func (c rawCase) run(t *testing.T, r *running, rec *recorder) {
	nc := r.dialRaw(t)
	defer nc.Close()
	rec.take()
	in := bufio.NewReader(nc)
	c.write(nc)
	for i, want := range c.answers {
		method := http.MethodGet
		if c.head && i == 0 {
			method = http.MethodHead
		}
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("answer %d: %v, want %d", i, err, want)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if resp.StatusCode != want {
			t.Fatalf("answer %d: %d, want %d", i, resp.StatusCode, want)
		}
		last := i == len(c.answers)-1
		if mustClose := last && c.ends == "closed"; want >= http.StatusOK && !c.alone && resp.Close != mustClose {
			t.Errorf("answer %d: Connection: close is %v, want %v", i, resp.Close, mustClose)
		}
	}
	c.checkEnd(t, nc, in)
	if seen := rec.take(); !slices.Equal(seen, c.expected()) {
		t.Errorf("the application saw %q, want %q", seen, c.expected())
	}
}

// expected is what was seen when also the probe was.
func (c rawCase) expected() []string {
	if c.ends == "open" {
		text := `""`
		if c.unread {
			text = "unread"
		}
		return append(slices.Clone(c.seen), `GET "/probe" "h" `+text)
	}
	return c.seen
}

func (c rawCase) write(nc net.Conn) {
	send := c.send
	if c.ends != "open" && !c.alone {
		send = append(slices.Clone(send), smuggled...)
	}
	// The server may close before it has read all.
	_, _ = nc.Write(send)
	if c.alone {
		_ = nc.(interface{ CloseWrite() error }).CloseWrite()
	}
}

// checkEnd checks that the connection is as good as new, or over.
func (c rawCase) checkEnd(t *testing.T, nc net.Conn, in *bufio.Reader) {
	t.Helper()
	if c.ends == "open" {
		if _, err := io.WriteString(nc, "GET /probe HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("the next request got %v, %v, want 200", resp, err)
		}
		return
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection gave %q and %v, want its end", rest, err)
	}
}

// dialRaw is a connection for raw bytes, within TLS where the server wants it.
func (r *running) dialRaw(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.SetDeadline(time.Now().Add(caseTime)); err != nil {
		t.Fatal(err)
	}
	if r.Group.CertFile != "" {
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return nc
}

// readCorpus reads testdata/requests.
func readCorpus(t testing.TB) []rawCase {
	t.Helper()
	files, err := filepath.Glob("testdata/requests/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []rawCase
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(data), "\n") {
			if word, rest, _ := strings.Cut(line, " "); word == "case" {
				all = append(all, rawCase{name: rest, file: name})
			} else if err := corpusLine(all, word, rest); err != nil {
				t.Fatalf("%s:%d: %v", name, i+1, err)
			}
		}
	}
	return all
}

// corpusLine reads one line of the last of the cases.
func corpusLine(all []rawCase, word, rest string) error {
	if word == "" || word == "#" {
		return nil
	}
	if len(all) == 0 {
		return errors.New("a line before the first case")
	}
	c := &all[len(all)-1]
	switch word {
	case "send":
		return c.add(1, rest)
	case "fill":
		count, text, _ := strings.Cut(rest, " ")
		n, err := strconv.Atoi(count)
		return errors.Join(err, c.add(n, text))
	case "seen":
		c.seen = append(c.seen, rest)
		return nil
	case "answers", "refused":
		for text := range strings.FieldsSeq(rest) {
			code, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			c.answers = append(c.answers, code)
		}
		if word == "refused" {
			c.ends = "closed"
		}
		return nil
	case "open", "closed", "continue", "silent":
		c.ends = strings.TrimSpace(word + " " + rest)
		return nil
	case "alone":
		c.alone = true
		return nil
	case "lenient":
		c.lenient = rest
		return nil
	default:
		return fmt.Errorf("unknown word %q", word)
	}
}

func (c *rawCase) add(n int, quoted string) error {
	text, err := strconv.Unquote(quoted)
	c.send = append(c.send, bytes.Repeat([]byte(text), n)...)
	c.head = bytes.HasPrefix(c.send, []byte("HEAD "))
	return err
}
