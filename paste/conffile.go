package paste

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ConfSource says which oslo-style conf files a section means, as its options
// oslo_config_project, oslo_config_program and oslo_config_file do. The zero
// ConfSource means those of the process, which --config-file names.
type ConfSource struct{ Project, Program, File string }

// The options that make a ConfSource. They count in the section, and in
// [DEFAULT] for all sections.
const (
	confProject = "oslo_config_project"
	confProgram = "oslo_config_program"
	confFile    = "oslo_config_file"
)

// ConfFiles is what conf files say. The package internal/osloconf reads them.
type ConfFiles interface {
	// Lookup gives the value that wins, with other options' values in place
	// of their names, and whether a file sets the option under its name or one
	// of the old ones. The error is about the text of the file.
	Lookup(name ConfName, old []ConfName) (ConfValue, bool, error)
	// Groups are the groups of all files, each once, as first written.
	Groups() []string
	// Names are the options that the files set in a group, each once.
	Names(group string) []string
	// Files are the files, in the order in which they were read.
	Files() []string
}

// ConfName names an option of a conf file; Group is DEFAULT for those above all
// other groups.
type ConfName struct{ Group, Name string }

// String writes [group] name.
func (n ConfName) String() string { return "[" + n.Group + "] " + n.Name }

// ConfValue is the value of one option of a conf file.
type ConfValue struct {
	ConfName // as written
	Text     string
	Pos      Pos  // of the value
	Secret   bool // not to be shown
	Old      bool // it was found under an old name
}

// parseConfTag reads the tag conf:"GROUP.name,GROUP.old_name": the option's name
// in conf files, then its old ones. A group may hold dots, a name cannot.
func parseConfTag(tag, field string) []ConfName {
	var names []ConfName
	for text := range strings.SplitSeq(tag, ",") {
		n, ok := confName(text)
		if !ok {
			panic(fmt.Sprintf("paste: invalid name %q in the conf tag of field %s, want GROUP.name", text, field))
		}
		names = append(names, n)
	}
	return names
}

func confName(text string) (ConfName, bool) {
	i := strings.LastIndex(text, ".")
	if i <= 0 || i == len(text)-1 {
		return ConfName{}, false
	}
	return ConfName{text[:i], text[i+1:]}, true
}

// confFiles opens the conf files that the section means, once; nil when there
// are none.
func (b *Build) confFiles() (ConfFiles, error) {
	if b.confOpened || b.cfg.Conf == nil {
		return b.conf, b.confErr
	}
	b.confOpened = true
	source := b.ConfSource()
	files, err := b.cfg.Conf(source)
	if err != nil {
		b.confErr = b.confError(source, err)
		return nil, b.confErr
	}
	b.conf = files
	if source.Project != "" && (files == nil || len(files.Files()) == 0) {
		b.Warn(confProject, fmt.Sprintf("no conf file of %q was found, the defaults of all options count", source.Project))
	}
	return b.conf, nil
}

// ConfSource is what the section and the global options say about conf files.
// Without any, and where they name no file, it is those of the process.
func (b *Build) ConfSource() ConfSource {
	get := func(name string) string {
		v, ok := b.context.Local.Get(name)
		if !ok {
			v, _ = b.context.Global.Get(name)
		}
		return strip(v)
	}
	return ConfSource{get(confProject), get(confProgram), get(confFile)}
}

// confError gives the problem of a file that cannot be read the place of the
// option that names it; problems inside of a file have their own.
func (b *Build) confError(source ConfSource, err error) error {
	option := confFile
	if source.File == "" {
		option = confProject
	}
	var list Errors
	for _, e := range AllErrors(err) {
		if errors.Is(e.Kind, ErrFile) && source != (ConfSource{}) {
			at := b.context.optionError(option, strings.TrimPrefix(e.Pos.File+": "+e.Problem, ": "), ErrFile)
			at.Cause = e.Cause
			e = at
		}
		list = append(list, e)
	}
	return list
}

// Conf looks an option up in the conf files of the section: those that its
// oslo_config_project or oslo_config_file name, else those of --config-file. It
// is for groups that are known at run time only; the options of a struct have
// the tag conf. An old name is GROUP.name, or a name of the same group. The error
// has its place.
func (b *Build) Conf(group, name string, old ...string) (ConfValue, bool, error) {
	names := make([]ConfName, len(old))
	for i, text := range old {
		n, ok := confName(text)
		if !ok {
			n = ConfName{group, text}
		}
		names[i] = n
	}
	return b.lookupConf(ConfName{group, name}, names)
}

func (b *Build) lookupConf(name ConfName, old []ConfName) (ConfValue, bool, error) {
	files, err := b.confFiles()
	if err != nil || files == nil {
		return ConfValue{}, false, err
	}
	v, ok, err := files.Lookup(name, old)
	if err != nil {
		return v, ok, collect(err)
	}
	if ok && v.Old && b.cfg.Warn != nil {
		b.cfg.Warn(&Error{Pos: v.Pos, Section: v.Group, Option: v.Name, Kind: ErrOption,
			Problem: fmt.Sprintf("deprecated name, want %s in [%s]", name.Name, name.Group)})
	}
	return v, ok, nil
}

// ConfGroups are the groups of the section's conf files, each once and as it was
// first written.
func (b *Build) ConfGroups() ([]string, error) {
	files, err := b.confFiles()
	if err != nil || files == nil {
		return nil, err
	}
	return files.Groups(), nil
}

// ConfNames are the options that the section's conf files set in a group.
func (b *Build) ConfNames(group string) ([]string, error) {
	files, err := b.confFiles()
	if err != nil || files == nil {
		return nil, err
	}
	return files.Names(group), nil
}

// ConfFiles are the conf files that the section's options come from, in the
// order in which they are read.
func (b *Build) ConfFiles() ([]string, error) {
	files, err := b.confFiles()
	if err != nil || files == nil {
		return nil, err
	}
	return files.Files(), nil
}

// ReadConf fills the fields of the struct that into points to which have the
// tag conf, with what the conf files say in another group than the tag's; old
// names of other groups do not count there. A field whose option is not set keeps
// its value. It is for groups such as [cors.NAME].
func (b *Build) ReadConf(group string, into any) error {
	return b.readGroup(&reading{conf: b.lookupConf}, group, into)
}

// ReadOptions is ReadConf for options of which those in the section itself go
// first. It is for groups that an option names, such as auth_section.
func (b *Build) ReadOptions(group string, into any) error {
	r := &reading{local: b.context.Local, global: b.context.Global, conf: b.lookupConf, warn: b.Warn}
	return b.readGroup(r, group, into)
}

func (b *Build) readGroup(r *reading, group string, into any) error {
	target := reflect.ValueOf(into).Elem()
	spec := newOptionSpec("section "+b.Name(), target.Type())
	r.used, r.found = map[string]bool{}, b.noteConf
	var errs []error
	for _, field := range spec.fields {
		if len(field.conf) == 0 {
			continue
		}
		field.conf, field.required = field.inGroup(group), false
		errs = append(errs, b.context.placed(field.decode(target.Field(field.index), r)))
	}
	return collect(errs...)
}

// inGroup gives the names in conf files with another group in place of the
// first one's.
func (o *optionField) inGroup(group string) []ConfName {
	var names []ConfName
	for _, n := range o.conf {
		if n.Group == o.conf[0].Group {
			names = append(names, ConfName{group, n.Name})
		}
	}
	return names
}

// noteConf remembers that an option came from a conf file, for the errors of the
// factory about it.
func (b *Build) noteConf(option string, v ConfValue) { b.context.noteConf(option, v) }

func (c *Context) noteConf(option string, v ConfValue) {
	if c.conf == nil {
		c.conf = map[string]ConfValue{}
	}
	c.conf[option] = v
}

// confText reads a value of a conf file into a field, in oslo's notation where
// it differs from Paste's: its words for booleans, commas between the items of
// every list, and numbers that may be set to nothing.
func confText(target reflect.Value, text string) error {
	t := target.Type()
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshalerType) {
		return decodeText(target, text)
	}
	switch t.Kind() {
	case reflect.Bool:
		return confBool(target, text)
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		if strip(text) == "" { // None in oslo
			target.SetZero()
			return nil
		}
	case reflect.Slice:
		if !pointer {
			return confList(target, text)
		}
	}
	return decodeText(target, text)
}

func confBool(target reflect.Value, text string) error {
	word := strings.ToLower(text)
	if !slices.Contains([]string{"true", "1", "on", "yes", "false", "0", "off", "no"}, word) {
		return fmt.Errorf("invalid boolean %q, want true, 1, on, yes or false, 0, off, no", text)
	}
	return decodeText(target, word)
}

func confList(target reflect.Value, text string) error {
	var items CommaList
	if err := items.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	list := reflect.MakeSlice(target.Type(), len(items), len(items))
	for i, item := range items {
		if err := decodeText(list.Index(i), item); err != nil {
			return err
		}
	}
	target.Set(list)
	return nil
}

// confError is the error about a value of a conf file, at its place there.
func confError(v ConfValue, problem string) error {
	return &Error{Pos: v.Pos, Section: v.Group, Option: v.Name, Problem: problem, Kind: ErrOption}
}

// ConfOption is an option that has its value from a conf file.
type ConfOption struct {
	Option string // as it would stand in the section
	Value  ConfValue
}

// FromConf gives the options of the factory that the section leaves to conf files
// and that these set, in the order of the options.
func (f *Factory) FromConf(b *Build) ([]ConfOption, error) {
	var list []ConfOption
	var errs []error
	r := &reading{local: b.context.Local, global: b.context.Global, used: map[string]bool{}, warn: func(string, string) {}}
	for _, o := range f.spec.fields {
		if _, _, written := o.written(r); written || len(o.conf) == 0 {
			continue
		}
		v, ok, err := b.lookupConf(o.conf[0], o.conf[1:])
		errs = append(errs, err)
		if ok {
			v.Secret = v.Secret || f.Secret(o.name)
			list = append(list, ConfOption{o.name, v})
		}
	}
	return list, collect(errs...)
}
