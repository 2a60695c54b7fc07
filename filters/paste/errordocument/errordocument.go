// Package errordocument is Paste's errordocument filter: it fetches the pages for
// errors from the application itself.
package errordocument

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	Pages *paste.Conf `paste:",rest" help:"STATUS = PATH: the page for a status, with a query if need be"`
}

func init() {
	paste.RegisterFilter("egg:Paste#errordocument", Options{}, New,
		paste.Alias("egg:wheatpaste#errordocument", "paste.errordocument:make_errordocument"),
		paste.Help("Answers certain statuses with a page that it asks the application for."),
		paste.Example(`
[filter:errordocument]
use = egg:Paste#errordocument
404 = /errors/404.html
500 = /errors/500.html
`))
}

// New replaces the bodies of the statuses that the section lists.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{pages: map[int]string{}, logger: b.Logger()}
	for key, v := range o.Pages.All() {
		status, err := paste.AsInt(key)
		if err != nil {
			return nil, paste.BadOption(key, "Bad status code: '%s', want STATUS = PATH such as 404 = /404.html", key)
		}
		switch {
		case status < 200 || status > 999:
			b.Warn(key, "no answer has this status")
		case v.Text == "":
			b.Warn(key, "no page, the answer stays as it is")
		case !strings.HasPrefix(v.Text, "/"):
			b.Warn(key, "the page is not below this application, want a path that begins with a slash")
			fallthrough
		default:
			f.pages[int(status)] = v.Text
		}
	}
	return f.wrap, nil
}

type filter struct {
	pages  map[int]string
	logger *slog.Logger
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &attempt{filter: f, next: next, request: r, script: pipeline.FromRequest(r).ScriptName(), base: w.Header().Clone()}
		failed := &writer{ResponseWriter: w, pages: f.pages}
		next.ServeHTTP(failed, r)
		failed.finish(r)
		if failed.page != "" {
			pipeline.Answered(r)
			a.fetch(failed)
		}
	})
}

// attempt is what is known of a request before its application has seen it.
type attempt struct {
	*filter
	next    http.Handler
	request *http.Request
	script  string      // SCRIPT_NAME
	base    http.Header // what outer filters have put into the answer
}

// fetch asks for the page until one answers with a status that has no page
// itself. The status is that of the first answer, the headers are those of all,
// the later ones over the earlier ones (EP-24).
func (a *attempt) fetch(failed *writer) {
	w, status := failed.ResponseWriter, failed.code
	var below http.Header
	for visited := []string{a.request.URL.Path}; failed.page != ""; {
		below = overlay(w.Header(), below)
		clear(w.Header())
		maps.Copy(w.Header(), a.base.Clone())
		path, query, _ := strings.Cut(failed.page, "?")
		if slices.Contains(visited, path) {
			a.logger.Error("the pages for errors lead in a circle", "visited", visited, "again", path)
			circle(&writer{ResponseWriter: w, keep: status, below: below}, status)
			return
		}
		visited = append(visited, path)
		failed = &writer{ResponseWriter: w, pages: a.pages, keep: status, below: below}
		r := pageRequest(a.request, a.script, path, query)
		a.next.ServeHTTP(failed, r)
		failed.finish(r)
	}
}

// circle is the answer when no page can be had.
func circle(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "%d %s\nThere is no page for this error: the pages lead in a circle.\n", status, http.StatusText(status))
}

// pageRequest asks for a page with the method of the request that failed. Its
// body is used up, and its conditions and ranges are about something else.
func pageRequest(r *http.Request, script, path, query string) *http.Request {
	page := new(http.Request)
	*page = *pipeline.Rebase(r, script, path)
	u := *page.URL
	u.RawQuery, u.ForceQuery = query, false
	page.URL = &u
	page.Header = maps.Clone(r.Header)
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range", "Content-Length", "Transfer-Encoding"} {
		page.Header.Del(name)
	}
	page.Body, page.ContentLength, page.TransferEncoding = http.NoBody, 0, nil
	return page
}

// bodyHeaders are about the body that was thrown away.
var bodyHeaders = []string{"Content-Length", "Content-Encoding", "Content-Range", "Content-Md5", "Content-Digest", "Accept-Ranges", "Etag", "Trailer"}

// overlay puts headers over those of an earlier answer: a name replaces all its
// values, but cookies are added (EP-24).
func overlay(over, below http.Header) http.Header {
	merged := over.Clone()
	for _, name := range bodyHeaders {
		merged.Del(name)
	}
	merge(merged, below)
	return merged
}

func merge(h, below http.Header) {
	for name, values := range below {
		switch {
		case name == "Set-Cookie":
			h[name] = append(slices.Clone(values), h[name]...)
		case h[name] == nil:
			h[name] = values
		}
	}
}
