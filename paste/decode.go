package paste

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// reading is what options are read from, and what is kept about it.
type reading struct {
	local, global *Conf
	// conf looks an option up in the conf files; nil without any.
	conf func(name ConfName, old []ConfName) (ConfValue, bool, error)
	// found is told about each option that comes from a conf file.
	found func(option string, v ConfValue)
	warn  func(option, problem string)
	loose bool // unknown options are but warned about
	used  map[string]bool
}

// decode fills a copy of the defaults with the options of a section and gives
// it with all errors: those of type *OptionError are about the section, others
// have their place in a conf file.
func (f *Factory) decode(r *reading) (any, []error) {
	target := reflect.New(f.defaults.Type()).Elem()
	target.Set(f.defaults)
	var errs []error
	r.used = map[string]bool{}
	for _, field := range f.spec.fields {
		if field.prefix != "" {
			target.Field(field.index).Set(reflect.ValueOf(collectPrefix(r.local, field.prefix, r.used)))
			continue
		}
		if err := field.decode(target.Field(field.index), r); err != nil {
			errs = append(errs, err)
		}
	}
	rest := &Conf{}
	for key, v := range r.local.All() {
		switch {
		case r.used[key], f.isConfOption(key):
		case f.spec.rest >= 0:
			rest.Set(key, v)
		case r.loose:
			r.warn(key, f.unknownOption(key)+"; it is ignored")
		default:
			errs = append(errs, &OptionError{key, fmt.Errorf("%s", f.unknownOption(key))})
		}
	}
	if f.spec.rest >= 0 {
		target.Field(f.spec.rest).Set(reflect.ValueOf(rest))
	}
	return target.Interface(), errs
}

// confOptions describes the options that name conf files.
func (f *Factory) confOptions() []OptionInfo {
	if !f.spec.conf {
		return nil
	}
	return []OptionInfo{
		{Name: confProject, Type: "text", Global: true, Help: "service whose conf file has the options that are not here: PROJECT.conf in ~/.PROJECT, ~, /etc/PROJECT or /etc"},
		{Name: confProgram, Type: "text", Global: true, Help: "program whose PROGRAM.conf in these folders counts, too"},
		{Name: confFile, Type: "text", Global: true, Help: "the conf file, in place of the ones that would be found"},
	}
}

// isConfOption reports the options that name conf files: who has options there
// takes them without a field of its own.
func (f *Factory) isConfOption(key string) bool {
	return f.spec.conf && (key == confProject || key == confProgram || key == confFile)
}

func collectPrefix(local *Conf, prefix string, used map[string]bool) *Conf {
	c := &Conf{}
	for key, v := range local.All() {
		if rest, ok := strings.CutPrefix(key, prefix); ok && strip(rest) != "" {
			c.Set(strip(rest), v)
			used[key] = true
		}
	}
	return c
}

// decode reads the option from the section, else from the global options if it
// is said so, else from the conf files.
func (o *optionField) decode(target reflect.Value, r *reading) error {
	key, v, found := o.written(r)
	if found {
		if err := decodeText(target, v.Text); err != nil {
			return &OptionError{key, o.masked(err, v.Secret())}
		}
		return nil
	}
	set, err := o.fromConf(target, r)
	if err != nil || set {
		return err
	}
	if o.required {
		return &OptionError{o.name, fmt.Errorf("missing, want %s (%s)", strings.TrimSpace(o.name+" = "+typeWord(o.typ)), o.help)}
	}
	return nil
}

// written finds the option in the section or the global options.
func (o *optionField) written(r *reading) (key string, v Value, found bool) {
	for _, name := range append([]string{o.name}, o.old...) {
		w, ok := r.local.Value(name)
		if !ok {
			continue
		}
		r.used[name] = true
		if name != o.name {
			r.warn(name, "old name, want "+o.name)
		}
		if !found {
			key, v, found = name, w, true
		}
	}
	if !found && o.global {
		key = o.name
		v, found = r.global.Value(o.name)
	}
	return key, v, found
}

// fromConf reads the option from the conf files, and reports whether they have
// it.
func (o *optionField) fromConf(target reflect.Value, r *reading) (bool, error) {
	if len(o.conf) == 0 || r.conf == nil {
		return false, nil
	}
	v, ok, err := r.conf(o.conf[0], o.conf[1:])
	if err != nil || !ok {
		return false, err
	}
	if r.found != nil {
		r.found(o.name, v)
	}
	if err := confText(target, v.Text); err != nil {
		return true, confError(v, o.masked(err, v.Secret).Error())
	}
	return true, nil
}

// masked keeps the value of a secret out of what is wrong with it.
func (o *optionField) masked(err error, secret bool) error {
	if secret || o.secret || SecretName(o.name) {
		return fmt.Errorf("invalid value, want %s", typeWord(o.typ))
	}
	return err
}

// decodeText reads one value into a field.
func decodeText(target reflect.Value, text string) error {
	if target.Kind() == reflect.Pointer {
		elem := reflect.New(target.Type().Elem())
		if err := decodeText(elem.Elem(), text); err != nil {
			return err
		}
		target.Set(elem)
		return nil
	}
	if target.Type() == durationType {
		d, err := AsDuration(text)
		target.SetInt(int64(d))
		return err
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](target.Addr()); ok {
		err := u.UnmarshalText([]byte(strip(text)))
		if example := examples[typeWord(target.Type())]; err != nil && example != "" {
			return fmt.Errorf("invalid %s %q, want one such as %s", typeWord(target.Type()), text, example)
		}
		return err
	}
	switch target.Kind() {
	case reflect.String:
		target.SetString(text)
	case reflect.Bool:
		v, err := AsBool(text)
		target.SetBool(v)
		return err
	case reflect.Int, reflect.Int32, reflect.Int64:
		n, err := AsInt(text)
		if err == nil && target.OverflowInt(n) {
			return fmt.Errorf("integer %d is out of range", n)
		}
		target.SetInt(n)
		return err
	case reflect.Float64:
		n, err := strconv.ParseFloat(strip(text), 64)
		if err != nil {
			return fmt.Errorf("invalid number %q, want one such as 0.5", text)
		}
		target.SetFloat(n)
	case reflect.Slice:
		return decodeSlice(target, text)
	}
	return nil
}

// examples stand in the errors of types whose own errors are for programmers.
var examples = map[string]string{"network": "10.0.0.0/8", "address": "127.0.0.1"}

// decodeSlice reads a list: words, which may be followed by commas where an
// item cannot hold one.
func decodeSlice(target reflect.Value, text string) error {
	words := Words(text)
	if target.Type().Elem().Kind() != reflect.String {
		words = Words(strings.ReplaceAll(text, ",", " "))
	}
	list := reflect.MakeSlice(target.Type(), len(words), len(words))
	for i, w := range words {
		if err := decodeText(list.Index(i), w); err != nil {
			return err
		}
	}
	target.Set(list)
	return nil
}
