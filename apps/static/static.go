// Package static is an application that serves the files of a folder, as
// Paste's static does.
package static

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/apps/internal/wsgi"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Options are the options of the application.
type Options struct {
	DocumentRoot string `paste:"document_root,required" help:"the folder; a relative one starts at the working directory, so write %(here)s/..."`
	CacheMaxAge  int    `paste:"cache_max_age" help:"for how many seconds caches may keep a file; 0 says nothing about it"`
	Symlinks     string `paste:"symlinks" help:"inside follows links that stay in the folder, all follows every link"`
}

func init() {
	paste.RegisterApp("egg:Paste#static", Options{Symlinks: linksInside}, New,
		paste.Alias("paste.urlparser:make_static", "egg:wheatpaste#static"),
		paste.Help("Serves the files of a folder: index.html for a folder, never a listing."),
		paste.Example(`
[app:static]
use = egg:Paste#static
document_root = %(here)s/htdocs
cache_max_age = 3600
`))
}

const (
	linksInside = "inside"
	linksAll    = "all"

	// maxPath is Linux's PATH_MAX; a longer path names no file and would only
	// cost one system call per segment.
	maxPath = 4096
)

// New makes an application that serves Options.DocumentRoot.
func New(b *paste.Build, o Options) (http.Handler, error) {
	if o.DocumentRoot == "" {
		return nil, paste.BadOption("document_root", "empty, want a folder such as %%(here)s/htdocs")
	}
	if o.CacheMaxAge < 0 {
		return nil, paste.BadOption("cache_max_age", "invalid age %d, want 0 or more seconds", o.CacheMaxAge)
	}
	if o.Symlinks != linksInside && o.Symlinks != linksAll {
		return nil, paste.BadOption("symlinks", "invalid value %q, want inside or all", o.Symlinks)
	}
	b.OnStart(func(context.Context) error {
		if info, err := os.Stat(o.DocumentRoot); err != nil || !info.IsDir() {
			b.Logger().Warn("document_root is no folder, all requests get 404 until it is", "document_root", o.DocumentRoot)
		}
		return nil
	})
	return &files{Options: o, now: time.Now}, nil
}

// files serves a folder. The folder is opened anew for each request: it may
// come late, and it may be a link that a deployment moves.
type files struct {
	Options
	now func() time.Time
}

// tree is the folder: an *os.Root, which no path and no link leaves, or a
// linkTree.
type tree interface {
	Stat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
	Close() error
}

// linkTree is a folder whose links may lead out of it; paths do not, because
// resolve gives only local ones.
type linkTree string

func (t linkTree) Stat(name string) (fs.FileInfo, error) {
	return os.Stat(filepath.Join(string(t), name))
}
func (t linkTree) Open(name string) (*os.File, error) {
	return os.Open(filepath.Join(string(t), name))
}
func (t linkTree) Close() error { return nil }

func (f *files) open() (tree, error) {
	if f.Symlinks == linksAll {
		return linkTree(f.DocumentRoot), nil
	}
	return os.OpenRoot(f.DocumentRoot)
}

// ServeHTTP serves one file, or sends the client to the right place.
func (f *files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, err := f.open()
	if err != nil {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	defer t.Close() //nolint:errcheck // only read from
	name, err := resolve(t, r.URL.Path)
	var extra extraPathError
	switch {
	case errors.Is(err, errNoSlash):
		addSlash(w, r)
	case errors.As(err, &extra):
		http.Error(w, extra.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, "Not Found", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET,HEAD") // STA-04
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	default:
		f.serve(w, r, t, name)
	}
}

var errNoSlash = errors.New("a folder without a slash")

// extraPathError is what came behind the name of a file.
type extraPathError string

func (e extraPathError) Error() string {
	return fmt.Sprintf("The trailing path %s is not allowed", quote(string(e))) // STA-03
}

// quote writes a text in single quotes, as Python does, unless that needs
// escapes.
func quote(text string) string {
	if q := strconv.Quote(text); len(q) != len(text)+2 || strings.Contains(text, "'") {
		return q
	}
	return "'" + text + "'"
}

// resolve walks down the folder, segment by segment (STA-02, STA-03), and gives
// the name of a file.
func resolve(t tree, urlPath string) (string, error) {
	if len(urlPath) > maxPath {
		return "", fs.ErrNotExist
	}
	dir, rest := ".", urlPath
	for strings.Trim(rest, "/") != "" {
		rest = strings.TrimLeft(rest, "/")
		end := strings.IndexByte(rest+"/", '/')
		name := path.Join(dir, rest[:end])
		rest = rest[end:]
		info, err := stat(t, name)
		if err != nil {
			return "", err
		}
		if !info.IsDir() {
			return name, checkFile(info, rest)
		}
		dir = name
	}
	if rest == "" {
		return "", errNoSlash
	}
	name := path.Join(dir, "index.html")
	info, err := stat(t, name)
	if err != nil {
		return "", err
	}
	return name, checkFile(info, "")
}

// checkFile refuses devices and pipes, which are not to be opened, and a path
// that goes on behind a file. One slash is let pass (STA-03).
func checkFile(info fs.FileInfo, rest string) error {
	switch {
	case !info.Mode().IsRegular():
		return fs.ErrNotExist
	case rest != "" && rest != "/":
		return extraPathError(rest)
	default:
		return nil
	}
}

func stat(t tree, name string) (fs.FileInfo, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fs.ErrNotExist
	}
	return t.Stat(filepath.FromSlash(name))
}

// addSlash sends the client to the folder itself (STA-02).
func addSlash(w http.ResponseWriter, r *http.Request) {
	target := wsgi.BaseURL(r) + wsgi.EscapePath(r.URL.Path) + "/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	http.Redirect(w, r, target, http.StatusMovedPermanently) //nolint:gosec // the host is the client's own
}

func (f *files) serve(w http.ResponseWriter, r *http.Request, t tree, name string) {
	file, err := t.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrPermission) {
		http.Error(w, "Forbidden", http.StatusForbidden)
		return
	}
	if err != nil {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	}
	contentType, encoding := guessType(name)
	h := w.Header()
	h.Set("Content-Type", contentType)
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Etag", etag(info))
	http.ServeContent(&reply{w, f, info.Size()}, onlyByteRanges(r), "", info.ModTime(), file)
}

// etag is the original's (STA-05), so that caches outlive a change from one to
// the other: the time of change as Python writes it, and the size.
func etag(info fs.FileInfo) string {
	t := info.ModTime()
	// The conversion keeps the product from being fused with the sum.
	seconds := float64(t.Unix()) + float64(1e-9*float64(t.Nanosecond()))
	text := strconv.FormatFloat(seconds, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return `"` + text + "-" + strconv.FormatInt(info.Size(), 10) + `"`
}

// onlyByteRanges takes a Range in other units off the request: it is to be
// ignored (RFC 9110 14.2), and ServeContent refuses it.
func onlyByteRanges(r *http.Request) *http.Request {
	unit, _, found := strings.Cut(r.Header.Get("Range"), "=")
	if found && unit == "bytes" || r.Header["Range"] == nil {
		return r
	}
	plain := new(http.Request)
	*plain = *r
	plain.Header = r.Header.Clone()
	plain.Header.Del("Range")
	return plain
}

// reply adds the headers that depend on which answer ServeContent chooses.
type reply struct {
	http.ResponseWriter
	files *files
	size  int64
}

// Unwrap is for http.ResponseController.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader adds Content-Range to a whole file, as the original does, and the
// age to whatever may be cached.
func (w *reply) WriteHeader(code int) {
	h := w.Header()
	if code == http.StatusOK {
		size := strconv.FormatInt(w.size, 10)
		h.Set("Content-Length", size) // ServeContent leaves it out of encoded files
		if w.size > 0 {
			h.Set("Content-Range", "bytes 0-"+strconv.FormatInt(w.size-1, 10)+"/"+size)
		}
	}
	cached := code == http.StatusOK || code == http.StatusPartialContent || code == http.StatusNotModified
	if age := w.files.CacheMaxAge; age > 0 && cached { // STA-06
		h.Set("Cache-Control", "public, max-age="+strconv.Itoa(age))
		h.Set("Expires", w.files.now().Add(time.Duration(age)*time.Second).UTC().Format(http.TimeFormat))
	}
	w.ResponseWriter.WriteHeader(code)
}
