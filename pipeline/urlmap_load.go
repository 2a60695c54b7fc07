package pipeline

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// LoadURLMap makes a URLMap of the options of a composite: each key of mounts is
// a ParseMountKey, each value the name or URI of an application, which is loaded
// with the composite's globals (MAP-01). notFound names the application for what
// no mount takes, "" for Paste's own answer (MAP-02). All errors of all mounts
// are returned together. See NewURLMap for wildcards.
func LoadURLMap(b *paste.Build, mounts *paste.Conf, notFound string, wildcards bool) (*URLMap, error) {
	var errs []error
	var notFoundApp http.Handler
	if notFound != "" {
		app, err := b.App(notFound, b.GlobalConf())
		if err != nil {
			errs = append(errs, err)
		}
		notFoundApp = app
	}
	m := NewURLMap(notFoundApp, wildcards)
	keys := make(map[string]MountKey, mounts.Len())
	options := make(map[MountKey]string, mounts.Len())
	for option, v := range mounts.All() {
		key, err := m.load(b, option, v.Text)
		if err != nil {
			errs = append(errs, err)
		}
		keys[option], options[key] = key, option
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for option := range mounts.All() {
		winner := options[m.winner(keys[option])]
		if winner != option { // MAP-06, MAP-13
			b.Warn(option, fmt.Sprintf("is never reached, %q takes all its requests", winner))
		}
	}
	return m, nil
}

// load mounts one application. The application is loaded even when its key is
// wrong, so that its errors are found, too.
func (m *URLMap) load(b *paste.Build, option, name string) (MountKey, error) {
	key, keyErr := ParseMountKey(option)
	if keyErr != nil {
		keyErr = paste.BadOption(option, "%w", keyErr)
	}
	app, err := b.App(name, b.GlobalConf())
	if keyErr != nil || err != nil {
		return key, errors.Join(keyErr, err)
	}
	if lower := strings.ToLower(key.Domain); lower != key.Domain { // MAP-12
		b.Warn(option, fmt.Sprintf("is never reached, a domain with capital letters matches no request: write %q", lower))
	}
	m.Mount(key, app)
	return key, nil
}

// winner gives the key of the mount that takes the requests for another one.
func (m *URLMap) winner(key MountKey) MountKey {
	root := m.anyHost
	if key.Domain != "" {
		name, port, hasPort := splitHost(key.Domain)
		host := m.hosts[name]
		root = host.anyPort
		if hasPort && m.tree.match(root, key.Path).node == nil {
			root = host.ports[port]
		}
	}
	return m.tree.match(root, key.Path).key()
}
