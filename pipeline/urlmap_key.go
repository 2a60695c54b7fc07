package pipeline

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// MountKey is the normal form of a key of a URLMap (MAP-06): the domain, with
// its port if one was given, as written, "" for all domains; and the path
// without a slash at its end.
type MountKey struct{ Domain, Path string }

// ParseMountKey reads a key as it is written in a section: "/path",
// "domain D [port P] [/path]" in any order (MAP-03), or "http://D[:P]/path"
// (MAP-04). The errors have Paste's texts.
func ParseMountKey(text string) (MountKey, error) {
	url, err := mountURL(paste.Words(text))
	if err != nil {
		return MountKey{}, err
	}
	domain, path, ok := splitURL(url)
	if !ok {
		return MountKey{}, fmt.Errorf("URL fragments must start with / or http:// (you gave %s)", paste.Repr(url))
	}
	return MountKey{domain, strings.TrimRight(collapseSlashes(path), "/")}, nil
}

// mountURL puts the words of a key together to one URL, as Paste does: what is
// odd in a key is then odd in the same way.
func mountURL(words []string) (string, error) {
	var domain, port, path string
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		var err error
		switch word {
		case "domain":
			domain, words, err = keyword(word, "domain name", domain, words)
		case "port":
			port, words, err = keyword(word, "port number", port, words)
		default:
			if path != "" {
				err = fmt.Errorf("more than one path given (have %s, got %s)", paste.Repr(path), paste.Repr(word))
			}
			path = word
		}
		if err != nil {
			return "", err
		}
	}
	switch {
	case port != "" && domain == "":
		return "", errors.New("If you give a port, you must also give a domain") //nolint:staticcheck // Paste's text
	case domain == "":
		return path, nil
	}
	url := "http://" + domain
	if port != "" {
		url += ":" + port
	}
	if path != "" {
		url += "/" + path
	}
	return url, nil
}

// keyword takes the word that must follow domain or port.
func keyword(name, what, have string, words []string) (string, []string, error) {
	if len(words) == 0 {
		return "", nil, fmt.Errorf("'%s' must be followed with a %s", name, what)
	}
	if have != "" {
		return "", nil, fmt.Errorf("'%s' given twice", name)
	}
	return words[0], words[1:], nil
}

// splitURL cuts http://domain or https://domain off a path; ok is false for
// what is no path (MAP-04, MAP-05).
func splitURL(url string) (domain, path string, ok bool) {
	if url == "" || url[0] == '/' {
		return "", url, true
	}
	rest, found := strings.CutPrefix(url, "http://")
	if !found {
		rest, found = strings.CutPrefix(url, "https://")
	}
	if !found {
		return "", "", false
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[:i], rest[i:], true
	}
	return rest, "", true
}

// CollapsePath brings the path of a request to the form that mounts are
// compared with: runs of slashes become one (MAP-14). It reports false for a
// path that does not start with a slash, such as "*" (MAP-16).
func CollapsePath(path string) (string, bool) {
	_, path, ok := splitURL(path)
	return collapseSlashes(path), ok
}

func collapseSlashes(path string) string {
	at := strings.Index(path, "//")
	if at < 0 {
		return path
	}
	b := append(make([]byte, 0, len(path)), path[:at+1]...)
	for i := at + 1; i < len(path); i++ {
		if path[i] != '/' || path[i-1] != '/' {
			b = append(b, path[i])
		}
	}
	return string(b)
}
