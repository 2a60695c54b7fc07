package paste

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

// MaxFileSize is the size in bytes from which a file is refused.
const MaxFileSize = 16 << 20

// LoadOption changes how something is loaded.
type LoadOption func(*loadOptions)

type loadOptions struct {
	name       *string
	global     *Conf
	relativeTo string
	tokens     bool
	read       func(name string) ([]byte, error)
}

// Name asks for an object by name; it wins over the URI's #fragment (URI-02).
func Name(name string) LoadOption {
	return func(o *loadOptions) { o.name = &name }
}

// GlobalConf passes global configuration, as var=value does (INT-10, INT-11).
func GlobalConf(texts map[string]string) LoadOption {
	return func(o *loadOptions) { o.global = NewConf(texts) }
}

// RelativeTo is the directory that a relative config: path starts from
// (URI-05); without it such a path is an error.
func RelativeTo(dir string) LoadOption {
	return func(o *loadOptions) { o.relativeTo = dir }
}

// Portable writes <here> and <file> for the paths of the file and its folder,
// so that the result is the same wherever the file lies. It is for Open only.
func Portable() LoadOption {
	return func(o *loadOptions) { o.tokens = true }
}

// ReadFiles has files, also those that config: URIs in them name, read by a
// function in place of the disk. Its errors are those of os.ReadFile; of a file
// that is too large it may give MaxFileSize+1 bytes.
func ReadFiles(read func(name string) ([]byte, error)) LoadOption {
	return func(o *loadOptions) { o.read = read }
}

func applyOptions(opts []LoadOption) loadOptions {
	var o loadOptions
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Load resolves one object: "config:/etc/nova/api-paste.ini#osapi_compute",
// "egg:Paste#urlmap". Nothing is built; no factory needs to be registered. The
// error is one of type Errors: it holds all problems that were found.
func Load(object Object, uri string, opts ...LoadOption) (*Context, error) {
	o := applyOptions(opts)
	s := newSession()
	s.read = o.read
	return s.resolution().uri(request{
		object: object, name: o.name, global: o.global,
	}, uri, o.relativeTo)
}

// Config is what AppConfig gives (URI-13).
type Config struct {
	Global, Local *Conf
	Context       *Context
}

// All is the globals overlaid by the locals.
func (c *Config) All() *Conf {
	all := c.Global.Clone()
	all.Update(c.Local)
	return all
}

// AppConfig resolves an application and gives its effective options, as Paste
// Deploy's appconfig does.
func AppConfig(uri string, opts ...LoadOption) (*Config, error) {
	c, err := Load(App, uri, opts...)
	if err != nil {
		return nil, err
	}
	return &Config{Global: c.Global, Local: c.Local, Context: c}, nil
}

// session is one load: files are read once in it.
type session struct {
	files    map[string]*parsed
	warnings Errors
	hints    int
	root     *Loader                           // whose paths become tokens; nil without Portable
	read     func(name string) ([]byte, error) // nil for the disk
}

type parsed struct {
	doc *document
	err error
}

// FileInfo is one file that was read.
type FileInfo struct {
	Path   string // absolute
	SHA256 [sha256.Size]byte
}

// Files lists the files that were read so far, by path.
func (l *Loader) Files() []FileInfo {
	var list []FileInfo
	for name, p := range l.session.files {
		if p.doc != nil {
			list = append(list, FileInfo{absolute(name), sha256.Sum256([]byte(p.doc.text))})
		}
	}
	slices.SortFunc(list, func(a, b FileInfo) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func newSession() *session { return &session{files: map[string]*parsed{}} }

// maxHints bounds the searches for near names, which are slow in large files.
const maxHints = 50

func (s *session) nearest(name string, known []string) string {
	if s.hints++; s.hints > maxHints {
		return ""
	}
	return nearest(name, known)
}

// Loader finds objects by name, relative to one file (LDR-02), or to one
// distribution (LDR-05).
type Loader struct {
	session     *session
	filename    string // as opened
	path        string // absolute and normal
	doc         *document
	passed      *Conf // the global_conf given when the file was loaded
	rawDefaults *Conf // the DEFAULT set (INT-10)
	defaults    *Conf // the same, interpolated
	defaultsErr error

	dist string // of a loader for egg:, which has no file
}

// Open reads a file. The error holds all problems of its syntax.
func Open(filename string, opts ...LoadOption) (*Loader, error) {
	o := applyOptions(opts)
	s := newSession()
	s.read = o.read
	if o.tokens {
		s.root = &Loader{filename: filename, path: absolute(filename)}
	}
	return s.open(filename, o.global)
}

// OpenURI opens the file that a config: URI names, and gives the name that the
// URI or the options ask for; nil for none.
func OpenURI(uri string, opts ...LoadOption) (*Loader, *string, error) {
	o := applyOptions(opts)
	path, fragment, named := strings.Cut(uri, "#")
	if named && o.name == nil {
		o.name = &fragment
	}
	scheme, path, ok := strings.Cut(path, ":")
	if !ok || !strings.EqualFold(scheme, "config") {
		return nil, nil, Errors{{Problem: repr(uri) + " names no file, want config:PATH", Kind: ErrReference}}
	}
	s := newSession()
	s.read = o.read
	file, err := s.configPath(request{}, uri, path, o.relativeTo)
	if err != nil {
		return nil, nil, err
	}
	l, err := s.open(file, o.global)
	return l, o.name, err
}

// Slips tells of lines that continue a value but look like options or sections
// of their own (INI-34).
func (l *Loader) Slips() Errors {
	var list Errors
	for _, s := range l.doc.swallows {
		name, _, _ := strings.Cut(s.text, " =") // the value may be a secret
		list = append(list, &Error{
			Pos: l.doc.place(s.line, s.offset), Section: s.section.name, Option: s.key, Kind: ErrSyntax,
			Problem: fmt.Sprintf("the line that begins with %q continues the value, because it is indented more than %q", clip(name), s.key),
			Hint:    "begin it in the column of the option before, if it is one of its own",
		})
	}
	return list
}

func (s *session) open(filename string, passed *Conf) (*Loader, error) {
	filename = strip(filename)
	p, ok := s.files[filename]
	if !ok {
		text, err := s.readFile(filename)
		p = &parsed{err: err}
		if err == nil {
			p.doc, p.err = parse(filename, text)
		}
		s.files[filename] = p
	}
	if p.err != nil {
		return nil, p.err
	}
	l := &Loader{session: s, filename: filename, path: absolute(filename), doc: p.doc, passed: passed}
	l.rawDefaults = l.defaultSet(passed)
	return l, nil
}

// defaultSet is INT-10: here and __file__, the file's own [DEFAULT], then the
// passed globals that are not there yet.
func (l *Loader) defaultSet(passed *Conf) *Conf {
	set := &Conf{}
	here, file := filepath.Dir(l.path), l.path
	if root := l.session.root; root != nil {
		here, file = root.dirToken(l.path), root.fileToken(l.path)
	}
	set.Set("here", Value{Text: here, via: ViaBuiltin})
	set.Set("__file__", Value{Text: file, via: ViaBuiltin})
	for i := range l.doc.defaults.all() {
		o := &l.doc.defaults.options[i]
		set.Set(o.key, Value{Text: o.raw, opt: o, via: ViaDefault, raw: true})
	}
	for k, v := range passed.All() {
		if !set.Has(k) {
			set.Set(k, v)
		}
	}
	return set
}

// Filename is the path as it was opened; "" for a loader of a distribution.
func (l *Loader) Filename() string { return l.filename }

// Sections lists the sections of the file in order, without [DEFAULT].
func (l *Loader) Sections() []Section {
	list := make([]Section, len(l.doc.sections))
	for i, s := range l.doc.sections {
		list[i] = Section{File: l.filename, Name: s.name, Pos: s.pos(), doc: l.doc}
	}
	return list
}

// Load resolves an object of the file by name, with the globals that the file
// was opened with; a nil name is Python's None (SEC-08).
func (l *Loader) Load(object Object, name *string) (*Context, error) {
	return l.session.resolution().named(l, request{object: object, name: name, global: l.passed})
}

// Get resolves an object by section name or URI, as a composite's loader does:
// with the globals that are passed on, or nil (LDR-03, LDR-04).
func (l *Loader) Get(object Object, name string, global *Conf) (*Context, error) {
	return l.session.resolution().named(l, request{object: object, name: &name, global: global})
}

// Warnings gives what was found so far that loads but is probably not meant.
func (l *Loader) Warnings() Errors { return AllErrors(l.session.warnings) }

func (s *session) warn(e *Error) { s.warnings = append(s.warnings, e) }

// readFile reads a file by the reader that was given, else from disk.
func (s *session) readFile(name string) (string, error) {
	if s.read == nil {
		return readFile(name)
	}
	text, err := s.read(name)
	switch {
	case err != nil:
		return "", fileError(name, err)
	case len(text) > MaxFileSize:
		return "", tooLarge(name)
	}
	return string(text), nil
}

// readFile reads a file of bounded size; the error has Python's text (URI-09).
func readFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fileError(name, err)
	}
	defer f.Close()
	var text strings.Builder
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		if info.Size() > MaxFileSize {
			return "", tooLarge(name)
		}
		text.Grow(int(info.Size()))
	}
	if _, err := io.Copy(&text, io.LimitReader(f, MaxFileSize+1)); err != nil {
		return "", fileError(name, err)
	}
	if text.Len() > MaxFileSize {
		return "", tooLarge(name)
	}
	return text.String(), nil
}

func tooLarge(name string) error {
	return Errors{{
		Pos: Pos{File: displayName(name)}, Problem: fmt.Sprintf("the file is larger than %d MB", MaxFileSize>>20),
		Hint: "is it a paste file?", Kind: ErrFile, class: "ValueError",
	}}
}

// fileErrors are Python's classes for the system's errors.
var fileErrors = map[syscall.Errno]string{
	syscall.ENOENT: "FileNotFoundError", syscall.EISDIR: "IsADirectoryError", syscall.ENOTDIR: "NotADirectoryError",
	syscall.EACCES: "PermissionError", syscall.EPERM: "PermissionError",
}

func fileError(name string, err error) error {
	e := &Error{Pos: Pos{File: displayName(name)}, Kind: ErrFile, Cause: err, class: "OSError", Problem: err.Error()}
	var no syscall.Errno
	if !errors.As(err, &no) {
		return Errors{e}
	}
	if class, ok := fileErrors[no]; ok {
		e.class = class
	}
	if no == syscall.EINVAL && strings.ContainsRune(name, 0) {
		e.class, e.Problem = "ValueError", "embedded null byte"
		return Errors{e}
	}
	text := no.Error()
	first, size := utf8.DecodeRuneInString(text)
	text = strings.ToUpper(string(first)) + text[size:]
	e.Problem = text
	e.text = fmt.Sprintf("[Errno %d] %s: %s", int(no), text, repr(name))
	return Errors{e}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}

// fileToken and dirToken write a path relative to the file that was asked for.
func (l *Loader) fileToken(path string) string {
	if path == l.path {
		return "<file>"
	}
	return "<here>/" + relative(filepath.Dir(l.path), path)
}

func (l *Loader) dirToken(path string) string {
	rel := relative(filepath.Dir(l.path), filepath.Dir(path))
	if rel == "." {
		return "<here>"
	}
	return "<here>/" + rel
}

func relative(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// untoken turns the tokens in a config: path back into paths.
func (l *Loader) untoken(path string) string {
	return strings.ReplaceAll(strings.ReplaceAll(path, "<file>", l.path), "<here>", filepath.Dir(l.path))
}

// Text is the content of the file as it was read; "" for a loader of a
// distribution.
func (l *Loader) Text() string {
	if l.doc == nil {
		return ""
	}
	return l.doc.text
}

// Path is the absolute path of the file; "" for a loader of a distribution.
func (l *Loader) Path() string { return l.path }

// FileToken writes the path of another file relative to this one, as Portable
// does.
func (l *Loader) FileToken(path string) string { return l.fileToken(path) }
