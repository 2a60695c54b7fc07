package paste

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// optionSpec is what a factory's options struct says.
type optionSpec struct {
	fields []optionField
	rest   int  // index of the field that collects what no other takes, or -1
	conf   bool // some options may stand in conf files
}

type optionField struct {
	index    int
	name     string
	old      []string // deprecated names
	prefix   string   // collects the options that start so
	required bool
	global   bool // falls back to the global option of the same name
	secret   bool
	help     string
	typ      reflect.Type
	conf     []ConfName // where conf files have it: the name, then the old ones
}

var (
	confType        = reflect.TypeFor[*Conf]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// newOptionSpec reads the tags of an options struct; a bad one is a mistake of
// the program.
func newOptionSpec(factory string, t reflect.Type) *optionSpec {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("paste: the options of %s are a %s, want a struct", factory, t))
	}
	spec := &optionSpec{rest: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("paste")
		if !ok {
			continue
		}
		field := parseTag(i, tag, f)
		if field.name == "" && field.prefix == "" { // ",rest"
			spec.rest = i
			mustBeConf(factory, f)
			continue
		}
		if field.prefix != "" {
			mustBeConf(factory, f)
		} else if !decodable(f.Type) {
			panic(fmt.Sprintf("paste: option %q of %s has the type %s, which cannot be read from a text", field.name, factory, f.Type))
		}
		spec.fields = append(spec.fields, field)
		spec.conf = spec.conf || len(field.conf) > 0
	}
	return spec
}

func mustBeConf(factory string, f reflect.StructField) {
	if f.Type != confType {
		panic(fmt.Sprintf("paste: field %s of %s collects options, so it must be a *paste.Conf", f.Name, factory))
	}
}

func parseTag(i int, tag string, f reflect.StructField) optionField {
	name, flags, _ := strings.Cut(tag, ",")
	field := optionField{index: i, name: name, help: f.Tag.Get("help"), typ: f.Type}
	if prefix, ok := strings.CutSuffix(name, "*"); ok {
		field.prefix = prefix
	}
	if old := f.Tag.Get("old"); old != "" {
		field.old = strings.Split(old, ",")
	}
	if conf := f.Tag.Get("conf"); conf != "" {
		field.conf = parseConfTag(conf, f.Name)
	}
	for flag := range strings.SplitSeq(flags, ",") {
		switch flag {
		case "", "rest":
		case "required":
			field.required = true
		case "global":
			field.global = true
		case "secret":
			field.secret = true
		default:
			panic(fmt.Sprintf("paste: unknown flag %q in the tag of field %s", flag, f.Name))
		}
	}
	return field
}

func decodable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshalerType) {
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Float64,
		reflect.Int, reflect.Int32, reflect.Int64:
		return true
	case reflect.Slice:
		return decodable(t.Elem()) && t.Elem().Kind() != reflect.Slice
	default:
		return false
	}
}

func (f *Factory) unknownOption(key string) string {
	var known []string
	for _, field := range f.spec.fields {
		if field.prefix == "" {
			known = append(append(known, field.name), field.old...)
		}
	}
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("unknown option, did you mean %s?", near)
	}
	names := make([]string, 0, len(f.spec.fields))
	for _, field := range f.spec.fields {
		names = append(names, field.name)
	}
	if len(names) == 0 {
		return fmt.Sprintf("unknown option, %s takes none", f.Name)
	}
	return fmt.Sprintf("unknown option, %s takes %s", f.Name, strings.Join(names, ", "))
}

// OptionInfo describes one option of a factory, for describe and the README
// tables.
type OptionInfo struct {
	Name     string   `json:"name"`    // "header *" stands for all options that start so, "*" for any
	Type     string   `json:"type"`    // such as "bool" or "seconds"
	Default  string   `json:"default"` // as it would be written; "" for none
	Required bool     `json:"required,omitempty"`
	Global   bool     `json:"global,omitempty"` // falls back to the global option of that name
	Secret   bool     `json:"secret,omitempty"`
	Old      []string `json:"old_names,omitempty"`
	Conf     []string `json:"conf,omitempty"` // names in conf files, "[group] name", the old ones last
	Help     string   `json:"help"`
}

func confNames(names []ConfName) []string {
	var list []string
	for _, n := range names {
		list = append(list, n.String())
	}
	return list
}

// Options describes the options of the factory in the order of its struct.
func (f *Factory) Options() []OptionInfo {
	var list []OptionInfo
	for _, o := range f.spec.fields {
		list = append(list, OptionInfo{
			Name: o.name, Type: typeWord(o.typ), Default: writeDefault(f.defaults.Field(o.index)),
			Required: o.required, Global: o.global, Secret: o.secret, Old: o.old, Conf: confNames(o.conf), Help: o.help,
		})
	}
	list = append(list, f.confOptions()...)
	if f.spec.rest >= 0 {
		list = append(list, OptionInfo{
			Name: "*", Type: "any",
			Help: f.defaults.Type().Field(f.spec.rest).Tag.Get("help"),
		})
	}
	return list
}

// secrets lists the options that hold secrets.
func (f *Factory) secrets() []string {
	var names []string
	for _, o := range f.spec.fields {
		if o.secret {
			names = append(append(names, o.name), o.old...)
		}
	}
	return names
}

// typeWord says in one word how a value is written. A type with a method
// OptionType says so itself.
func typeWord(t reflect.Type) string {
	if t.Kind() == reflect.Pointer && t != confType {
		t = t.Elem()
	}
	if named, ok := reflect.TypeAssert[interface{ OptionType() string }](reflect.New(t)); ok {
		return named.OptionType()
	}
	switch t {
	case durationType:
		return "seconds"
	case confType:
		return "text"
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[CommaList]():
		return "comma-list"
	case reflect.TypeFor[netip.Prefix]():
		return "network"
	case reflect.TypeFor[netip.Addr]():
		return "address"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		if word := typeWord(t.Elem()); word != "text" {
			return word + "-list"
		}
		return "word-list"
	default:
		return "text"
	}
}

// writeDefault writes a default as an operator would.
func writeDefault(v reflect.Value) string {
	if v.Type() == confType || v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Struct && v.IsZero() {
		return ""
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return strconv.FormatFloat(x.Seconds(), 'f', -1, 64)
	case fmt.Stringer:
		return x.String()
	}
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = writeDefault(v.Index(i))
		}
		return strings.Join(items, " ")
	}
	return fmt.Sprint(v.Interface())
}

// Secret reports whether name is the kind of option whose value is never
// shown: one that the factory declares secret, or one that is called so.
func (f *Factory) Secret(name string) bool {
	return f != nil && slices.Contains(f.secrets(), name) || SecretName(name)
}

// SecretName reports whether an option of this name holds a secret by all
// experience: passwords, tokens, keys of ciphers and connection strings.
func SecretName(name string) bool {
	n := strings.ToLower(name)
	for _, word := range []string{"password", "passwd", "secret", "token", "credential", "private_key", "api_key", "apikey", "admin_key", "hmac_key", "fernet_key", "auth_key"} {
		if strings.Contains(n, word) && !slices.Contains(notSecret, n) {
			return true
		}
	}
	for _, word := range []string{"connection", "transport_url", "sqlalchemy.url"} {
		if strings.HasSuffix(n, word) {
			return true
		}
	}
	return strings.HasPrefix(n, "user_") || strings.HasPrefix(n, "user64_") // Swift's tempauth
}

// notSecret are names that hold such a word and no secret.
var notSecret = []string{"token_cache_time", "token_life", "include_service_catalog", "service_token_roles", "service_token_roles_required", "secure_proxy_ssl_header", "tokens_per_second",
	"allow_credentials", "latent_allow_credentials"}
