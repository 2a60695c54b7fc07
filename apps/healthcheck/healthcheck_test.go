package healthcheck

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/original"
	"github.com/wheatpaste/wheatpaste/internal/forwarded"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

func build(warnings *[]string) *paste.Build {
	return paste.NewBuild(&paste.Context{Local: &paste.Conf{}, Global: &paste.Conf{}}, paste.BuildConfig{
		Warn: func(e *paste.Error) { *warnings = append(*warnings, e.Option+": "+e.Problem) },
	})
}

var inner = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "inner")
})

func answerOf(t *testing.T, client *http.Client, r *http.Request) original.Answer {
	t.Helper()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]string{}
	for name := range resp.Header {
		header[name] = resp.Header.Get(name)
	}
	delete(header, "Date")
	return original.Answer{Status: resp.StatusCode, Header: header, Body: string(body)}
}

func app(t *testing.T, o Options) http.Handler {
	t.Helper()
	h, err := New(build(new([]string)), o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, method string, header ...string) original.Answer {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/healthcheck", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return answerOf(t, s.Client(), r)
}

// touch makes a file and gives its path.
func touch(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flag's file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const htmlPage = "<HTML>\n<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>\n<BODY>\n\n<H2>Result of 1 checks:</H2>\n" +
	"<TABLE bgcolor=\"#ffffff\" border=\"1\">\n<TBODY>\n<TR>\n\n<TH>\nReason\n</TH>\n</TR>\n<TR>\n\n    <TD>OK</TD>\n\n</TR>\n" +
	"</TBODY>\n</TABLE>\n<HR></HR>\n\n</BODY>\n</HTML>"

func TestAnswerByMethodAndAccept(t *testing.T) {
	dead := touch(t)
	healthy := Options{Backends: paste.CommaList{"disable_by_file"}, DisableByFilePath: dead + "-not"}
	sick := Options{Backends: paste.CommaList{"disable_by_file"}, DisableByFilePath: dead}
	plain := func(length string) map[string]string {
		return map[string]string{"Content-Type": "text/plain; charset=UTF-8", "Content-Length": length}
	}
	tests := []struct {
		name, method, accept string
		options              Options
		want                 original.Answer
	}{
		{"no backends", "GET", "", Options{}, original.Answer{Status: 200, Header: plain("0")}},
		{"healthy", "GET", "", healthy, original.Answer{Status: 200, Header: plain("2"), Body: "OK"}},
		{"healthy HEAD", "HEAD", "", healthy, original.Answer{Status: 204, Header: map[string]string{}}},
		{"healthy POST", "POST", "", healthy, original.Answer{Status: 200, Header: plain("2"), Body: "OK"}},
		{"healthy OPTIONS", "OPTIONS", "", healthy, original.Answer{Status: 200, Header: plain("2"), Body: "OK"}},
		{"sick", "GET", "", sick, original.Answer{Status: 503, Header: plain("16"), Body: "DISABLED BY FILE"}},
		{"sick HEAD", "HEAD", "", sick, original.Answer{Status: 503, Header: plain("0")}},
		{"html", "GET", "text/html", healthy, original.Answer{Status: 200, Body: htmlPage,
			Header: map[string]string{"Content-Type": "text/html; charset=UTF-8", "Content-Length": "239"}}},
		{"sick html", "GET", "text/html", sick, original.Answer{Status: 503, Body: strings.Replace(htmlPage, "OK", "DISABLED BY FILE", 1),
			Header: map[string]string{"Content-Type": "text/html; charset=UTF-8", "Content-Length": "253"}}},
		{"json", "GET", "application/json", healthy, original.Answer{Status: 200,
			Body:   "{\n    \"detailed\": false,\n    \"reasons\": [\n        \"OK\"\n    ]\n}",
			Header: map[string]string{"Content-Type": "application/json", "Content-Length": "62"}}},
		{"json without backends", "GET", "application/json", Options{}, original.Answer{Status: 200,
			Body:   "{\n    \"detailed\": false,\n    \"reasons\": []\n}",
			Header: map[string]string{"Content-Type": "application/json", "Content-Length": "44"}}},
		{"nothing acceptable", "GET", "image/png", healthy, original.Answer{Status: 200, Header: plain("2"), Body: "OK"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := get(t, app(t, tt.options), tt.method, "Accept", tt.accept)
			if got.Status != tt.want.Status || got.Body != tt.want.Body || !maps.Equal(got.Header, tt.want.Header) {
				t.Errorf("got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestNegotiation(t *testing.T) {
	tests := []struct{ accept, want string }{
		{"", "text/plain"},
		{"*/*", "text/plain"},
		{"text/*", "text/plain"},
		{"TEXT/html", "text/html"},
		{"text/html;level=1", "text/plain"},
		{"text/html;level=1, text/html;q=0.1", "text/html"},
		{"application/json;q=0.5,text/html;q=0.5", "text/html"},
		{"application/json, text/plain;q=0.9", "application/json"},
		{"text/plain;q=0", "text/plain"},
		{"text/plain;q=0, */*;q=0.1", "text/html"},
		{"*/*;q=0.9, text/plain;q=0.1, text/html;q=0.2", "application/json"},
		{"text/html;q=0.1, text/html;q=0.9, application/json;q=0.5", "application/json"},
		{`text/html;a=",";q=0.2, application/json;q=0.1`, "application/json"},
		{`text/html, a/b;c="`, "text/plain"},
		{"text/html;q=1.1", "text/plain"},
		{"text/html;q=0.1234", "text/plain"},
		{"text/html;q=.5", "text/plain"},
		{"text/html;q", "text/plain"},
		{"text/html;q=1;ext", "text/html"},
		{"text/html,, ,", "text/html"},
		{",text/html", "text/html"},
		{"text/html application/json", "text/plain"},
		{"html", "text/plain"},
		{"text/", "text/plain"},
	}
	for _, tt := range tests {
		if got := negotiate([]string{tt.accept}); got != tt.want {
			t.Errorf("negotiate(%q) = %s, want %s", tt.accept, got, tt.want)
		}
	}
	if got := negotiate([]string{"image/png", "text/html"}); got != "text/html" {
		t.Errorf("two headers count as one: got %s, want text/html", got)
	}
}

func TestBackends(t *testing.T) {
	there := touch(t)
	missing := there + "-missing"
	tests := []struct {
		name    string
		options Options
		port    string
		want    []result
	}{
		{"disable_by_file without a path", Options{Backends: paste.CommaList{"disable_by_file"}}, "80",
			[]result{{true, "OK", "No 'disable_by_file_path' configuration value specified"}}},
		{"disable_by_file", Options{Backends: paste.CommaList{"disable_by_file"}, DisableByFilePath: there}, "80",
			[]result{{false, "DISABLED BY FILE", "Path '" + there + "' was found"}}},
		{"disable_by_file, none there", Options{Backends: paste.CommaList{"disable_by_file"}, DisableByFilePath: missing}, "80",
			[]result{{true, "OK", "Path '" + missing + "' was not found"}}},
		{"disable_by_files_ports", Options{Backends: paste.CommaList{"disable_by_files_ports"}, DisableByFilePaths: paste.CommaList{"80:" + there, "81:" + missing}}, "80",
			[]result{{false, "DISABLED BY FILE", ""}}},
		{"disable_by_files_ports, none there", Options{Backends: paste.CommaList{"disable_by_files_ports"}, DisableByFilePaths: paste.CommaList{"80:" + there, "081:" + missing}}, "81",
			[]result{{true, "OK", ""}}},
		{"disable_by_files_ports, another port", Options{Backends: paste.CommaList{"disable_by_files_ports"}, DisableByFilePaths: paste.CommaList{"80:" + there}}, "82",
			[]result{{true, "OK", ""}}},
		{"enable_by_files", Options{Backends: paste.CommaList{"enable_by_files"}, EnableByFilePaths: paste.CommaList{there}}, "80",
			[]result{{true, "OK", "Specified file paths are available"}}},
		{"enable_by_files, one missing", Options{Backends: paste.CommaList{"enable_by_files"}, EnableByFilePaths: paste.CommaList{there, missing}}, "80",
			[]result{{false, "FILE PATH MISSING", "File path " + missing + " is missing"}}},
		{"several, in order", Options{Backends: paste.CommaList{"disable_by_files_ports", "enable_by_files"}, EnableByFilePaths: paste.CommaList{missing}}, "80",
			[]result{{true, "OK", ""}, {false, "FILE PATH MISSING", "File path " + missing + " is missing"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := newChecker(build(new([]string)), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := c.run(t.Context(), tt.port); !slices.Equal(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestBadOptionsAndWarnings(t *testing.T) {
	tests := []struct {
		name    string
		options Options
		err     string
		warning string
	}{
		{"unknown backend", Options{Backends: paste.CommaList{"nope"}},
			`backends: unknown backend "nope", want a list, with commas, of disable_by_file, disable_by_files_ports, enable_by_files, tcp, http, memcached, redis, sql`, ""},
		{"backends without a comma", Options{Backends: paste.CommaList{"disable_by_file enable_by_files"}},
			`backends: unknown backend "disable_by_file enable_by_files", want a list, with commas, of disable_by_file, disable_by_files_ports, enable_by_files, tcp, http, memcached, redis, sql`, ""},
		{"both ways", Options{Backends: paste.CommaList{"enable_by_files", "disable_by_file"}, DisableByFilePath: "/x", EnableByFilePaths: paste.CommaList{"/y"}},
			"backends: enable_by_files and disable_by_file exclude each other, want one of them", ""},
		{"no port", Options{Backends: paste.CommaList{"disable_by_files_ports"}, DisableByFilePaths: paste.CommaList{"/x"}},
			`disable_by_file_paths: invalid item "/x", want PORT:PATH`, ""},
		{"port too high", Options{Backends: paste.CommaList{"disable_by_files_ports"}, DisableByFilePaths: paste.CommaList{"65536:/x"}},
			`disable_by_file_paths: invalid item "65536:/x", want PORT:PATH`, ""},
		{"no path after the port", Options{Backends: paste.CommaList{"disable_by_files_ports"}, DisableByFilePaths: paste.CommaList{"80:"}},
			`disable_by_file_paths: invalid item "80:", want PORT:PATH`, ""},
		{"disable_by_file alone", Options{Backends: paste.CommaList{"disable_by_file"}}, "",
			"backends: disable_by_file without disable_by_file_path is always healthy"},
		{"disable_by_files_ports alone", Options{Backends: paste.CommaList{"disable_by_files_ports"}}, "",
			"backends: disable_by_files_ports without disable_by_file_paths is always healthy"},
		{"enable_by_files alone", Options{Backends: paste.CommaList{"enable_by_files"}}, "",
			"backends: enable_by_files without enable_by_file_paths is always healthy"},
		{"no time", Options{Backends: paste.CommaList{"tcp"}, CheckTCP: paste.CommaList{"h:1"}}, "check_timeout: invalid time 0s, want more than 0", ""},
		{"no targets", Options{Backends: paste.CommaList{"tcp", "sql"}}, "",
			"backends: tcp without check_tcp is always healthy; backends: sql without check_sql is always healthy"},
		{"targets of no backend", Options{CheckTCP: paste.CommaList{"h:1"}, CheckSQL: paste.CommaList{"x"}}, "",
			"check_tcp: not looked at, want tcp in backends; check_sql: not looked at, want sql in backends"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var warnings []string
			_, err := NewFilter(build(&warnings), tt.options)
			if got := errorText(err); got != tt.err {
				t.Errorf("error %q\nwant  %q", got, tt.err)
			}
			if got := strings.Join(warnings, "; "); got != tt.warning {
				t.Errorf("warnings %q\nwant     %q", got, tt.warning)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPathIsAWarningForTheApplication(t *testing.T) {
	var warnings []string
	local := &paste.Conf{}
	local.Set("path", paste.Value{Text: "/hc"})
	b := paste.NewBuild(&paste.Context{Local: local, Global: &paste.Conf{}}, paste.BuildConfig{
		Warn: func(e *paste.Error) { warnings = append(warnings, e.Option+": "+e.Problem) },
	})
	if _, err := New(b, Options{Path: "/hc"}); err != nil {
		t.Fatal(err)
	}
	want := []string{"path: only the filter form looks at it; mount the application where it is to answer"}
	if !slices.Equal(warnings, want) {
		t.Errorf("warnings %q, want %q", warnings, want)
	}
}

func TestFilterAnswersAtItsFullPathOnly(t *testing.T) {
	filter, err := NewFilter(build(new([]string)), Options{Path: "/api/hc", Backends: paste.CommaList{"disable_by_file"}})
	if err != nil {
		t.Fatal(err)
	}
	h := filter(inner)
	tests := []struct{ script, path, want string }{
		{"", "/api/hc", "OK"},
		{"/api", "/hc", "OK"},
		{"/api/hc", "", "OK"},
		{"", "/hc", "inner"},
		{"", "/api/hc/", "inner"},
		{"", "/api/hc/x", "inner"},
		{"/x", "/api/hc", "inner"},
	}
	for _, tt := range tests {
		rec := httptest.NewRecorder()
		_, w, r := pipeline.Begin(rec, httptest.NewRequest(http.MethodGet, "/", nil))
		h.ServeHTTP(w, pipeline.Rebase(r, tt.script, tt.path))
		if got := rec.Body.String(); got != tt.want {
			t.Errorf("%s + %s: got %q, want %q", tt.script, tt.path, got, tt.want)
		}
	}
}

func ranges(t *testing.T, text string) forwarded.Networks {
	t.Helper()
	var list forwarded.Networks
	if err := list.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSourceRanges(t *testing.T) {
	tests := []struct {
		ranges string
		client string
		want   bool
	}{
		{"", "192.0.2.1", true},
		{"192.0.2.0/24", "192.0.2.1", true},
		{"192.0.2.0/24", "192.0.3.1", false},
		{"10.0.0.1, 192.0.2.1", "192.0.2.1", true},
		{"192.0.2.0/24", "::ffff:192.0.2.1", true},
		{"fe80::/10", "fe80::1%eth0", true},
		{"::/0", "192.0.2.1", false},
		{"0.0.0.0/0", "", false},
		{"0.0.0.0/0", "client.example", false},
	}
	for _, tt := range tests {
		c := &checker{sources: ranges(t, tt.ranges)}
		env, _, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		env.SetClientAddr(tt.client)
		if got := c.answers(r); got != tt.want {
			t.Errorf("%q answers %q: %v, want %v", tt.ranges, tt.client, got, tt.want)
		}
	}
}

func TestRefusedRequestsArePassedOn(t *testing.T) {
	o := Options{Path: "/healthcheck", Backends: paste.CommaList{"disable_by_file"}, AllowedSourceRanges: ranges(t, "10.0.0.0/8")}
	filter, err := NewFilter(build(new([]string)), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, filter(inner), "GET"); got.Status != 200 || got.Body != "inner" {
		t.Errorf("the filter gave %+v, want what is behind it", got)
	}
	if got := get(t, app(t, o), "GET"); got.Status != 404 {
		t.Errorf("the application gave %+v, want 404", got)
	}
}

func TestProxiedRequestsCanBeIgnored(t *testing.T) {
	h := app(t, Options{Backends: paste.CommaList{"disable_by_file"}, IgnoreProxied: true})
	for _, name := range []string{"X-Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Prefix", "Forwarded"} {
		if got := get(t, h, "GET", name, "x"); got.Status != 404 {
			t.Errorf("with %s: %d, want 404", name, got.Status)
		}
	}
	if got := get(t, h, "GET"); got.Status != 200 {
		t.Errorf("without proxy headers: %d, want 200", got.Status)
	}
	if got := get(t, app(t, Options{}), "GET", "Forwarded", "x"); got.Status != 200 {
		t.Errorf("proxied, not ignored: %d, want 200", got.Status)
	}
}

func TestDetailedJSONHasTheKeysOfTheOriginal(t *testing.T) {
	path := touch(t)
	h := app(t, Options{Detailed: true, Backends: paste.CommaList{"disable_by_file"}, DisableByFilePath: path})
	var doc map[string]any
	if err := json.Unmarshal([]byte(get(t, h, "GET", "Accept", "application/json").Body), &doc); err != nil {
		t.Fatal(err)
	}
	want := []string{"detailed", "gc", "go_version", "greenthreads", "now", "platform", "python_version", "reasons", "threads"}
	if keys := slices.Sorted(maps.Keys(doc)); !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	gc := doc["gc"].(map[string]any)
	if len(gc["counts"].([]any)) != 3 || len(gc["threshold"].([]any)) != 3 || gc["counts"].([]any)[2].(float64) == 0 {
		t.Errorf("gc = %v", gc)
	}
	reason := doc["reasons"].([]any)[0].(map[string]any)
	if reason["class"] != "HealthcheckResult" || reason["reason"] != "DISABLED BY FILE" || reason["details"] != "Path '"+path+"' was found" {
		t.Errorf("reason = %v", reason)
	}
	if ok, _ := regexp.MatchString(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$`, doc["now"].(string)); !ok {
		t.Errorf("now = %v", doc["now"])
	}
	if stack := doc["greenthreads"].([]any)[0].(string); !strings.HasPrefix(stack, "goroutine ") {
		t.Errorf("first stack %q", stack)
	}
}

func TestDetailedPageHasThePartsOfTheOriginal(t *testing.T) {
	path := touch(t)
	h := app(t, Options{Detailed: true, Backends: paste.CommaList{"disable_by_file"}, DisableByFilePath: path})
	page := get(t, h, "GET", "Accept", "text/html").Body
	for _, part := range []string{
		"<BODY>\n<H1>Server status</H1>\n<B>Server hostname:</B><PRE>",
		"</PRE>\n<B>Current time:</B><PRE>", "</PRE>\n<B>Go version:</B><PRE>go", "</PRE>\n<B>Platform:</B><PRE>",
		"</PRE>\n<HR></HR>\n<H2>Garbage collector:</H2>\n<B>Counts:</B><PRE>(", ")</PRE>\n<B>Thresholds:</B><PRE>(",
		")</PRE>\n<HR></HR>\n<H2>Result of 1 checks:</H2>\n<TABLE bgcolor=\"#ffffff\" border=\"1\">\n<TBODY>\n<TR>\n" +
			"<TH>\nKind\n</TH>\n<TH>\nReason\n</TH>\n<TH>\nDetails\n</TH>\n\n</TR>\n<TR>\n<TD>HealthcheckResult</TD>\n" +
			"    <TD>DISABLED BY FILE</TD>\n<TD>Path &#39;" + strings.ReplaceAll(path, "'", "&#39;") + "&#39; was found</TD>\n</TR>\n</TBODY>\n</TABLE>\n<HR></HR>\n<H2>",
		" goroutine(s) active:</H2>\n<TABLE bgcolor=\"#ffffff\" border=\"1\">\n<TBODY>\n<TR>\n    <TD><PRE>goroutine ",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q:\n%s", part, page)
		}
	}
	if !strings.HasSuffix(page, "</TABLE>\n<HR></HR>\n</BODY>\n</HTML>") {
		t.Errorf("the page ends with %q", page[max(0, len(page)-60):])
	}
}

func TestFactoriesAreRegisteredUnderTheirNames(t *testing.T) {
	names := map[paste.Object][]string{
		paste.App: {"egg:oslo.middleware#healthcheck", "egg:wheatpaste#healthcheck", "oslo_middleware:Healthcheck.app_factory",
			"oslo_middleware.healthcheck:Healthcheck.app_factory"},
		paste.Filter: {"egg:oslo.middleware#healthcheck", "egg:oslo_middleware#healthcheck", "egg:wheatpaste#healthcheck",
			"oslo_middleware:Healthcheck.factory", "oslo_middleware.healthcheck:Healthcheck.factory"},
	}
	for object, list := range names {
		for _, name := range list {
			if _, ok := paste.DefaultRegistry.Lookup(object, name); !ok {
				t.Errorf("no %s %s", object, name)
			}
		}
	}
}
