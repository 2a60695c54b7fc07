// Package headers sets, adds and removes headers of requests and answers.
package headers

import (
	"errors"
	"net/http"
	"slices"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	RequestSet      *paste.Conf `paste:"request_set *" help:"request_set NAME = value: the request has this header, whatever the client sent"`
	RequestAdd      *paste.Conf `paste:"request_add *" help:"request_add NAME = value: one more header of the request"`
	RequestRemove   []string    `paste:"request_remove" help:"headers that requests lose; NAME* stands for all that begin so"`
	ResponseDefault *paste.Conf `paste:"response_default *" help:"response_default NAME = value: for answers without this header"`
	ResponseSet     *paste.Conf `paste:"response_set *" help:"response_set NAME = value: the answer has this header, whatever the application says"`
	ResponseAdd     *paste.Conf `paste:"response_add *" help:"response_add NAME = value: one more header of the answer"`
	ResponseRemove  []string    `paste:"response_remove" help:"headers that answers lose; NAME* stands for all that begin so"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#headers", Options{}, New,
		paste.Help("Sets, adds and removes headers of requests and answers; values may hold ${client}, ${request_id} and more."),
		paste.Example(`
[filter:headers]
use = egg:wheatpaste#headers
request_set X-Client = ${client}
request_remove = X-Internal-*
response_set Cache-Control = no-store
response_default X-Request-Id = ${request_id}
response_remove = Server X-Powered-By
`))
}

// filter holds what is done, in the order in which it is done: remove, set, add.
type filter struct {
	requestRemove, responseRemove []pattern
	requestSet, requestAdd        []header
	defaults                      []header
	responseSet, responseAdd      []header
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	f := &filter{}
	var errs []error
	read := func(to *[]header, option string, conf *paste.Conf, request bool) {
		for name, value := range conf.All() {
			h, err := parseHeader(option+" "+name, name, value.Text, request)
			*to = append(*to, h)
			errs = append(errs, err)
		}
	}
	read(&f.requestSet, "request_set", o.RequestSet, true)
	read(&f.requestAdd, "request_add", o.RequestAdd, true)
	read(&f.defaults, "response_default", o.ResponseDefault, false)
	read(&f.responseSet, "response_set", o.ResponseSet, false)
	read(&f.responseAdd, "response_add", o.ResponseAdd, false)
	var err1, err2 error
	f.requestRemove, err1 = parsePatterns("request_remove", o.RequestRemove, true)
	f.responseRemove, err2 = parsePatterns("response_remove", o.ResponseRemove, false)
	if err := errors.Join(append(errs, err1, err2)...); err != nil {
		return nil, err
	}
	if f.changes()+f.answers()+len(f.defaults) == 0 {
		b.Warn("", "it has no options, so that it does nothing")
	}
	return f.wrap, nil
}

func (f *filter) changes() int { return len(f.requestSet) + len(f.requestAdd) + len(f.requestRemove) }
func (f *filter) answers() int {
	return len(f.responseSet) + len(f.responseAdd) + len(f.responseRemove)
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.changes() > 0 {
			f.request(r)
		}
		// An application that sets the header replaces what stands there.
		set(w.Header(), f.defaults, r)
		if f.answers() == 0 {
			next.ServeHTTP(w, r)
			return
		}
		hw := &writer{ResponseWriter: w, f: f, r: r}
		next.ServeHTTP(hw, r)
		hw.finish()
	})
}

// request changes the headers of a request. A placeholder for a header that is
// removed finds none: what the client may not send does not come in through it.
func (f *filter) request(r *http.Request) {
	remove(r.Header, f.requestRemove)
	set(r.Header, f.requestSet, r)
	add(r.Header, f.requestAdd, r)
}

func (f *filter) answer(h http.Header, r *http.Request) {
	remove(h, f.responseRemove)
	set(h, f.responseSet, r)
	add(h, f.responseAdd, r)
}

func set(h http.Header, headers []header, r *http.Request) {
	for i := range headers {
		if x := &headers[i]; x.value.static != nil {
			h[x.name] = x.value.static
		} else if text, ok := x.value.text(pipeline.FromRequest(r), r); ok {
			h[x.name] = []string{text}
		} else {
			delete(h, x.name)
		}
	}
}

func add(h http.Header, headers []header, r *http.Request) {
	for i := range headers {
		x := &headers[i]
		if text, ok := x.value.text(pipeline.FromRequest(r), r); ok {
			h[x.name] = append(slices.Clip(h[x.name]), text)
		}
	}
}

func remove(h http.Header, patterns []pattern) {
	for _, p := range patterns {
		if !p.prefix {
			delete(h, p.name)
			continue
		}
		for name := range h {
			if p.matches(name) {
				delete(h, name)
			}
		}
	}
}
