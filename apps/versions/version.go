package versions

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
	"github.com/wheatpaste/wheatpaste/paste"
)

// version is one version, as its option says.
type version struct {
	document        // without the link to itself
	path     string // where it is, seen from this application
}

// at gives the version's document with the link to itself first.
func (v *version) at(self string) document {
	d := v.document
	d.Links = append([]link{{Rel: "self", Href: self}}, v.Links...)
	return d
}

// parseVersion reads what follows "version ID =": words of the form name=value.
func parseVersion(id, text string) (version, error) {
	v := version{document: document{ID: id, Status: "CURRENT"}, path: "/" + id + "/"}
	option := "version " + id
	if len(paste.Words(id)) != 1 || strings.ContainsAny(id, "/?#") {
		return v, paste.BadOption(option, "invalid version name %q, want one word such as v2.1", id)
	}
	var errs []error
	for _, word := range paste.Words(text) {
		if err := v.set(word); err != nil {
			errs = append(errs, paste.BadOption(option, "%w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return v, err
	}
	if v.Version != "" && v.MinVersion != "" && less(v.Version, v.MinVersion) {
		return v, paste.BadOption(option, "min_version %s is above version %s", v.MinVersion, v.Version)
	}
	return v, nil
}

var (
	numbers  = pattern.Lazy(`^[0-9]{1,9}(\.[0-9]{1,9})*$`)
	statuses = pattern.Lazy(`^(CURRENT|SUPPORTED|DEPRECATED|EXPERIMENTAL)$`)
)

func match(form *regexp.Regexp, name, value, want string) error {
	if !form.MatchString(value) {
		return fmt.Errorf("invalid %s %q, want %s", name, value, want)
	}
	return nil
}

func (v *version) set(word string) error {
	name, value, found := strings.Cut(word, "=")
	if !found || value == "" {
		return fmt.Errorf("invalid word %q, want name=value", word)
	}
	switch name {
	case "status":
		v.Status = value
		return match(statuses(), name, value, "CURRENT, SUPPORTED, DEPRECATED or EXPERIMENTAL")
	case "version":
		v.Version = value
		return match(numbers(), name, value, "one such as 2.90")
	case "min_version":
		v.MinVersion = value
		return match(numbers(), name, value, "one such as 2.1")
	case "path":
		return v.setPath(value)
	case "updated":
		v.Updated = value
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return fmt.Errorf("invalid time %q, want one such as 2013-07-23T11:33:21Z", value)
		}
	case "docs":
		u, err := url.Parse(value)
		if err != nil || !isWeb(u) {
			return fmt.Errorf("invalid URL %q, want one such as https://docs.example.org/", value)
		}
		v.Links = append(v.Links, link{Rel: "describedby", Type: "text/html", Href: value})
	case "media_type":
		v.MediaTypes = append(v.MediaTypes, mediaType{Base: "application/json", Type: value})
	default:
		return fmt.Errorf("unknown word %q, want status, path, version, min_version, updated, docs or media_type", name)
	}
	return nil
}

// setPath takes the path at which the version is, seen from this application.
func (v *version) setPath(path string) error {
	if !strings.HasPrefix(path, "/") || path == "/" || strings.ContainsAny(path, "?#") {
		return fmt.Errorf("invalid path %q, want one such as /v2.1/", path)
	}
	v.path = path
	return nil
}

// less compares versions number by number; what is missing is 0.
func less(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		m, n := number(x, i), number(y, i)
		if m != n {
			return m < n
		}
	}
	return false
}

func number(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	n, _ := strconv.Atoi(parts[i]) // the form is checked
	return n
}
