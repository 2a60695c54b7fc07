package healthcheck

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// ServeHTTP runs the checks and answers: every method but HEAD gets a body.
func (c *checker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	env := pipeline.FromRequest(r)
	results, healthy := c.run(r.Context(), env.ServerPort())
	if env.Draining() {
		results, healthy = append(results, draining), false
	}
	status := http.StatusOK
	if !healthy {
		status = http.StatusServiceUnavailable
	}
	if r.Method == http.MethodHead {
		answerHead(w, status)
		return
	}
	body, contentType := c.body(negotiate(r.Header.Values("Accept")), results)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write([]byte(body)) //nolint:errcheck // the client left; what is shown is escaped
}

func (c *checker) run(ctx context.Context, port string) ([]result, bool) {
	results, healthy := make([]result, len(c.checks)), true
	found := c.probes.look(ctx)
	for i, check := range c.checks {
		if check == nil {
			results[i], found = found[0], found[1:]
		} else {
			results[i] = check(port)
		}
		healthy = healthy && results[i].available
	}
	return results, healthy
}

func answerHead(w http.ResponseWriter, status int) {
	if status == http.StatusOK {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

func (c *checker) body(mediaType string, results []result) (body, contentType string) {
	switch mediaType {
	case "text/html":
		return c.html(results), "text/html; charset=UTF-8"
	case "application/json":
		return c.json(results), "application/json"
	default:
		return strings.Join(reasons(results), "\n"), "text/plain; charset=UTF-8"
	}
}

func reasons(results []result) []string {
	list := make([]string, len(results))
	for i, r := range results {
		list[i] = r.reason
	}
	return list
}

// resultClass is the name of the original's class, which the detailed forms
// show.
const resultClass = "HealthcheckResult"

type jsonReason struct {
	Class   string `json:"class"`
	Details string `json:"details"`
	Reason  string `json:"reason"`
}

func (c *checker) json(results []result) string {
	doc := map[string]any{"detailed": c.detailed}
	if !c.detailed {
		doc["reasons"] = reasons(results)
		return encode(doc)
	}
	list := make([]jsonReason, len(results))
	for i, r := range results {
		list[i] = jsonReason{resultClass, r.details, r.reason}
	}
	doc["reasons"] = list
	d := readDetails()
	doc["gc"] = map[string]any{"counts": d.gcCounts, "threshold": d.gcThreshold}
	doc["now"], doc["platform"] = d.now, d.platform
	doc["python_version"], doc["go_version"] = d.version, d.version
	// Goroutines stand where green threads stood; Go does not show its threads.
	doc["greenthreads"], doc["threads"] = d.stacks, []string{}
	return encode(doc)
}

// encode writes a document as the original does: sorted, by four spaces.
func encode(doc map[string]any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	enc.Encode(doc) //nolint:errcheck // strings and numbers only
	return strings.TrimSuffix(b.String(), "\n")
}

// html writes the page to the byte as the original's template does, white
// space included; the rows of the detailed page are ours.
func (c *checker) html(results []result) string {
	var b strings.Builder
	b.WriteString("<HTML>\n<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>\n<BODY>\n")
	var d details
	if c.detailed {
		d = readDetails()
		writeServerStatus(&b, d)
	}
	b.WriteString("\n<H2>Result of " + strconv.Itoa(len(results)) + " checks:</H2>\n")
	b.WriteString(tableStart + "<TR>\n")
	if c.detailed {
		b.WriteString(tableHead("Kind") + "\n" + tableHead("Reason") + "\n" + tableHead("Details") + "\n\n</TR>\n")
	} else {
		b.WriteString("\n" + tableHead("Reason") + "\n</TR>\n")
	}
	for _, r := range results {
		b.WriteString(c.htmlRow(r))
	}
	b.WriteString("\n</TBODY>\n</TABLE>\n<HR></HR>\n")
	if c.detailed {
		writeStacks(&b, "goroutine(s)", d.stacks)
	} else {
		b.WriteString("\n")
	}
	b.WriteString("</BODY>\n</HTML>")
	return b.String()
}

const tableStart = "<TABLE bgcolor=\"#ffffff\" border=\"1\">\n<TBODY>\n"

func tableHead(text string) string { return "<TH>\n" + text + "\n</TH>" }

func (c *checker) htmlRow(r result) string {
	reason := "    <TD>" + html.EscapeString(r.reason) + "</TD>\n"
	if !c.detailed {
		return "<TR>\n\n" + reason + "\n</TR>"
	}
	return "<TR>\n<TD>" + resultClass + "</TD>\n" + reason + "<TD>" + html.EscapeString(r.details) + "</TD>\n</TR>"
}

func writeServerStatus(b *strings.Builder, d details) {
	b.WriteString("<H1>Server status</H1>\n")
	if d.hostname != "" {
		b.WriteString(labelled("Server hostname:", d.hostname))
	}
	b.WriteString(labelled("Current time:", d.now))
	b.WriteString(labelled("Go version:", d.version))
	b.WriteString(labelled("Platform:", d.platform))
	b.WriteString("<HR></HR>\n<H2>Garbage collector:</H2>\n")
	b.WriteString(labelled("Counts:", tuple(d.gcCounts)))
	b.WriteString(labelled("Thresholds:", tuple(d.gcThreshold)))
	b.WriteString("<HR></HR>")
}

func labelled(label, value string) string {
	return "<B>" + label + "</B><PRE>" + html.EscapeString(value) + "</PRE>\n"
}

func tuple(numbers []uint64) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.FormatUint(n, 10)
	}
	return "(" + strings.Join(words, ", ") + ")"
}

func writeStacks(b *strings.Builder, what string, stacks []string) {
	b.WriteString("<H2>" + strconv.Itoa(len(stacks)) + " " + what + " active:</H2>\n" + tableStart)
	for _, stack := range stacks {
		b.WriteString("<TR>\n    <TD><PRE>" + html.EscapeString(stack) + "</PRE></TD>\n</TR>\n")
	}
	b.WriteString("</TBODY>\n</TABLE>\n<HR></HR>\n")
}
