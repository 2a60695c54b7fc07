package pipeline

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// LoadCascade makes a Cascade of the options of a composite: the values of apps,
// whose keys must start with "app", name the applications, which are loaded with
// the composite's globals and asked in the order of their keys as text (CAS-01,
// CAS-02). catch lists the statuses to catch. All errors are returned together.
func LoadCascade(b *paste.Build, catch string, apps *paste.Conf) (*Cascade, error) {
	codes, err := catchCodes(catch)
	errs := []error{err}
	type named struct {
		key string
		app http.Handler
	}
	var list []named
	for key, v := range apps.All() {
		if !strings.HasPrefix(key, "app") {
			errs = append(errs, badCascadeKey(key, v.Text))
			continue
		}
		app, err := b.App(v.Text, b.GlobalConf())
		errs = append(errs, err)
		list = append(list, named{key, app})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, paste.BadOption("app1", "missing, a cascade needs an application")
	}
	slices.SortFunc(list, func(a, b named) int { return strings.Compare(a.key, b.key) })
	sorted := make([]http.Handler, len(list))
	for i, x := range list {
		sorted[i] = x.app
	}
	return NewCascade(sorted, codes, b.Logger()), nil
}

func badCascadeKey(key, value string) error {
	shown := paste.Repr(value)
	if paste.SecretName(key) {
		shown = "'***'"
	}
	return paste.BadOption(key, "Bad configuration key %s (=%s); all configuration keys must start with 'app'", paste.Repr(key), shown)
}

// catchCodes reads a list of statuses. Only those that Paste has an exception
// for can be caught (CAS-05).
func catchCodes(text string) ([]int, error) {
	var codes []int
	for _, word := range paste.Words(text) {
		n, err := paste.AsInt(word)
		if err != nil {
			return nil, paste.BadOption("catch", "invalid status %q, want statuses divided by blanks, such as 404 500", word)
		}
		code := int(n)
		if !knownStatus(code) {
			return nil, paste.BadOption("catch", "unknown status %d, want a redirection or an error such as 404", n)
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// knownStatus reports the statuses that Paste has an exception for.
func knownStatus(code int) bool {
	return code >= 300 && code <= 307 && code != 306 ||
		code >= 400 && code <= 417 || code == 429 ||
		code >= 500 && code <= 505
}
