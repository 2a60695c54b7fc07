package osloconf

import (
	"fmt"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// The getters give an option's value from the files, else its default, with
// names substituted; the zero value when there is neither, and for a number
// that is set to nothing, both of which are None in oslo. An error is a
// *paste.Error with the place of the value.

// String gives a text as it is, line breaks of continued values too.
func (c *Config) String(o Option) (string, error) { return get(c, o, parseText) }

// Int gives a whole number.
func (c *Config) Int(o Option) (int, error) { return get(c, o, parseInt) }

// Port gives a number from 0 to 65535.
func (c *Config) Port(o Option) (int, error) { return get(c, o, parsePort) }

// Float gives a number.
func (c *Config) Float(o Option) (float64, error) { return get(c, o, parseFloat) }

// Duration gives a number of seconds, 0 or more.
func (c *Config) Duration(o Option) (time.Duration, error) { return get(c, o, parseDuration) }

// Bool gives a truth value: true 1 on yes, false 0 off no, in any case.
func (c *Config) Bool(o Option) (bool, error) { return get(c, o, parseBool) }

// List gives the items between commas.
func (c *Config) List(o Option) ([]string, error) { return get(c, o, parseList) }

// Multi gives all values of a multi-valued option, those of earlier files
// first, and within a file those under deprecated names first.
func (c *Config) Multi(o Option) ([]string, error) {
	o.Type = Multi
	list, err := c.expansion().values(o)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, v := range list {
		texts = append(texts, v.text)
	}
	return texts, nil
}

func get[T any](c *Config, o Option, parse func(string) (T, *problem)) (T, error) {
	var zero T
	if o.Type == Multi {
		o.Type = Text // the last one
	}
	x := c.expansion()
	list, err := x.values(o)
	if err != nil {
		return zero, err
	}
	if len(list) == 0 {
		return zero, nil
	}
	v := list[0]
	got, bad := parse(v.text)
	if bad != nil {
		return zero, &paste.Error{Pos: v.pos, Section: v.group, Option: v.name, Problem: bad.about(v.text, x.secret), Kind: paste.ErrOption}
	}
	return got, nil
}

func (c *Config) expansion() *expansion {
	return &expansion{conf: c, done: map[key]string{}}
}

// Bad makes the error of a caller who does not like the value of an option,
// with its place. Say what is wrong and what is wanted:
//
//	return conf.Bad(workers, "%d workers, want at least 1", n)
func (c *Config) Bad(o Option, format string, args ...any) error {
	e := &paste.Error{Section: o.group(), Option: o.dest(), Problem: fmt.Sprintf(format, args...), Kind: paste.ErrOption}
	if s, ok := c.Find(o); ok {
		e.Pos, e.Section, e.Option = s.Pos, s.Group, s.Name
	}
	return e
}

// Reader reads many options and keeps the errors, so that an operator sees all
// of them at once:
//
//	r := conf.Read()
//	host, port := r.String(listen), r.Port(listenPort)
//	if err := r.Err(); err != nil {
type Reader struct {
	conf *Config
	errs paste.Errors
}

// Read makes a Reader. It is for one goroutine.
func (c *Config) Read() *Reader { return &Reader{conf: c} }

// Err gives all errors so far as a paste.Errors, each once; nil without any.
func (r *Reader) Err() error {
	if all := paste.AllErrors(r.errs); len(all) > 0 {
		return all
	}
	return nil
}

// String is as Config.String.
func (r *Reader) String(o Option) string { return keep(r, r.conf.String, o) }

// Int is as Config.Int.
func (r *Reader) Int(o Option) int { return keep(r, r.conf.Int, o) }

// Port is as Config.Port.
func (r *Reader) Port(o Option) int { return keep(r, r.conf.Port, o) }

// Float is as Config.Float.
func (r *Reader) Float(o Option) float64 { return keep(r, r.conf.Float, o) }

// Duration is as Config.Duration.
func (r *Reader) Duration(o Option) time.Duration { return keep(r, r.conf.Duration, o) }

// Bool is as Config.Bool.
func (r *Reader) Bool(o Option) bool { return keep(r, r.conf.Bool, o) }

// List is as Config.List.
func (r *Reader) List(o Option) []string { return keep(r, r.conf.List, o) }

// Multi is as Config.Multi.
func (r *Reader) Multi(o Option) []string { return keep(r, r.conf.Multi, o) }

// Bad keeps the error that Config.Bad makes.
func (r *Reader) Bad(o Option, format string, args ...any) {
	r.errs = append(r.errs, paste.AllErrors(r.conf.Bad(o, format, args...))...)
}

func keep[T any](r *Reader, get func(Option) (T, error), o Option) T {
	v, err := get(o)
	r.errs = append(r.errs, paste.AllErrors(err)...)
	return v
}
