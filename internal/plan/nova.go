package plan

import (
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service"
)

// NovaMode reports whether conf files say what is served (design.md 7.2): where
// no URI does, or where they set enabled_apis themselves.
func NovaMode(conf *osloconf.Config, uriGiven bool) bool {
	return conf != nil && (!uriGiven || conf.Has(enabledAPIs))
}

// PasteFile finds the paste file of [wsgi] api_paste_config: a relative name in
// the folders of the conf files, that of the last one first (START-07), and,
// where no conf file sets it, in the working directory too.
func PasteFile(conf *osloconf.Config, files *snapshot.Files) (string, error) {
	name, err := conf.String(apiPasteConfig)
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", conf.Bad(apiPasteConfig, "no file, want the path of a paste file")
	}
	if filepath.IsAbs(name) {
		if _, err := files.Read(name); err != nil {
			return "", conf.Bad(apiPasteConfig, "%v, want a paste file", err)
		}
		return name, nil
	}
	folders := pasteFolders(conf)
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if _, err := files.Read(path); err == nil {
			return path, nil
		}
	}
	return "", conf.Bad(apiPasteConfig, "no file %q in %s, want the path of a paste file", name, strings.Join(folders, ", "))
}

func pasteFolders(conf *osloconf.Config) []string {
	var folders []string
	for _, name := range slices.Backward(conf.Files()) {
		folders = append(folders, filepath.Dir(name))
	}
	if !conf.Has(apiPasteConfig) {
		folders = append(folders, ".")
	}
	return once(folders)
}

// nova makes the groups of the APIs that conf files enable.
type nova struct {
	*maker
	read     *osloconf.Reader
	protocol *protocol // nil before an API with TLS
}

// novaGroups gives a group for each API. A name of the command line is that of
// the only one, which must be there (START-08); else those of enabled_apis that
// the file does not have are skipped.
func (m *maker) novaGroups() ([]*service.Group, error) {
	declare(m.Conf)
	n := &nova{maker: m, read: m.Conf.Read()}
	names, err := n.apis()
	if err != nil {
		return nil, err
	}
	var groups []*service.Group
	for _, name := range names {
		groups = append(groups, n.group(name))
	}
	if len(groups) == 0 {
		n.read.Bad(enabledAPIs, "No APIs were started. Check the enabled_apis config option.")
	}
	n.programWide(groups)
	n.withoutMeaning()
	n.sslAPIs(names)
	_, warnings, err := ReadLogging(m.Conf)
	m.fail(errors.Join(n.read.Err(), err))
	m.warn(append(warnings, m.Conf.Warnings()...)...)
	return groups, nil
}

// apis are the APIs to serve, and those of --server-name if there are any.
func (n *nova) apis() ([]string, error) {
	if n.name != nil {
		return []string{*n.name}, nil
	}
	enabled := n.read.List(enabledAPIs)
	names := once(enabled)
	if len(names) < len(enabled) {
		n.warnAt(enabledAPIs, "an API is named twice, it is served once", "")
	}
	if len(n.Servers) > 0 && !slices.Contains(n.Servers, "all") {
		for _, s := range n.Servers {
			if !slices.Contains(names, s) {
				return nil, usage("--server-name %s: no such API, enabled_apis has %s", s, strings.Join(names, ", "))
			}
		}
		names = once(n.Servers)
	}
	return n.present(names), nil
}

// present leaves out the APIs that the file does not have: a section that is
// not there is as nova's PasteAppNotFound. A factory that fails is another
// matter (START-06).
func (n *nova) present(names []string) []string {
	var list, lost []string
	for _, name := range names {
		if n.hasApp(name) {
			list = append(list, name)
		} else {
			lost = append(lost, name)
		}
	}
	for _, name := range lost {
		problem := "Could not load paste app '" + name + "' from " + n.file.Filename()
		if len(list) == 0 {
			n.read.Bad(enabledAPIs, "%s", problem)
			continue
		}
		n.warnAt(enabledAPIs, problem, "the API is skipped; take it out of enabled_apis to be rid of this warning")
	}
	return list
}

// hasApp reports whether the file has a section for an application, be it one
// that does not load.
func (n *nova) hasApp(name string) bool {
	if _, err := n.file.Load(paste.App, &name); err == nil || !errors.Is(err, paste.ErrLookup) {
		return true
	}
	for _, s := range n.file.Sections() {
		object, section, ok := paste.ObjectOf(s.Name)
		if ok && object == paste.App && section != nil && *section == name || s.Name == name {
			return true
		}
	}
	return false
}

func (n *nova) warnAt(o osloconf.Option, problem, hint string) {
	w := paste.AllErrors(n.Conf.Bad(o, "%s", problem))[0]
	w.Hint = hint
	n.warn(w)
}

// group makes the group of one API.
func (n *nova) group(name string) *service.Group {
	g := service.DefaultGroup()
	g.Name, g.App = name, name
	n.listen(g)
	n.workers(g)
	n.limits(g)
	if slices.Contains(n.read.List(enabledSSLAPIs), name) {
		n.tls(g)
	}
	return g
}

func (n *nova) listen(g *service.Group) {
	host, port := n.read.String(listenOption(g.Name)), n.read.Port(portOption(g.Name))
	a, err := service.HostPort(host, strconv.Itoa(port))
	if err != nil {
		n.read.Bad(listenOption(g.Name), "%v", err)
		return
	}
	g.Listen = []service.Address{a}
}

// workers reads NAME_workers: not set, or set to nothing, it is auto (START-04,
// START-05).
func (n *nova) workers(g *service.Group) {
	o := workersOption(g.Name)
	if s, ok := n.Conf.Find(o); !ok || strings.TrimSpace(s.Text) == "" {
		return
	}
	count, err := n.Conf.Int(o)
	switch {
	case err != nil:
		n.read.Int(o) // keeps the error
	case count < 1:
		n.read.Bad(o, "%d workers, want at least 1; one process without workers is --workers 0", count)
	case count > maxWorkers:
		n.read.Bad(o, "%d workers, want at most %d", count, maxWorkers)
	default:
		g.Workers = service.Workers(count)
	}
}

// maxWorkers is the most that service.Workers takes.
const maxWorkers = 4096

func (n *nova) limits(g *service.Group) {
	g.GracefulTimeout, g.ReportDir = n.read.Duration(gracefulTimeout), n.read.String(reportDir)
	g.Backlog = n.positive(backlog)
	g.PoolSize = n.positive(poolSize)
	g.KeepAlive = n.read.Bool(keepAlive)
	timeout := n.read.Duration(socketTimeout)
	g.BodyTimeout, g.WriteTimeout, g.IdleTimeout = timeout, timeout, timeout
	g.MaxHeaderLine = paste.Size(n.positive(maxHeaderLine))
	g.MaxHeaderBytes = max(g.MaxHeaderBytes, g.MaxHeaderLine)
	g.TCPKeepIdle = n.read.Duration(tcpKeepIdle)
	n.formats[g.Name] = n.logFormat()
}

func (n *nova) positive(o osloconf.Option) int {
	count := n.read.Int(o)
	if count < 0 || count > 1<<30 {
		n.read.Bad(o, "%d, want a number from 0 to %d", count, 1<<30)
		return 0
	}
	return count
}

// tls reads the files of [wsgi], or of oslo.service's [ssl]. A CA makes a
// certificate of the client a must (OPT-12).
func (n *nova) tls(g *service.Group) {
	cert, key, ca := n.either(sslCert, osloCert), n.either(sslKey, osloKey), n.either(sslCA, osloCA)
	g.CertFile, g.KeyFile, g.ClientCA = n.read.String(cert), n.read.String(key), n.read.String(ca)
	if g.CertFile == "" {
		n.read.Bad(enabledSSLAPIs, "no certificate for %s, want a PEM file as ssl_cert_file in [wsgi]", g.Name)
		return
	}
	g.Files = n.Source
	n.spoken(g)
	places := map[string]osloconf.Option{"cert_file": cert, "key_file": key, "ca_file": ca, "listen": listenOption(g.Name)}
	for _, e := range optionErrors(g.Check()) {
		n.read.Bad(places[e.Option], "%v", e.Err)
	}
	expired, soon := g.Expiring(time.Now())
	for _, e := range soon {
		n.warn(paste.AllErrors(n.Conf.Bad(cert, "%v", e.Err))...)
	}
	for _, e := range expired {
		n.made.Expired = append(n.made.Expired, paste.AllErrors(n.Conf.Bad(cert, "%v", e.Err))...)
	}
}

// either gives the second option where only that is set.
func (n *nova) either(o, other osloconf.Option) osloconf.Option {
	if n.Conf.Has(other) && !n.Conf.Has(o) {
		return other
	}
	return o
}

// optionErrors takes apart what Check joins.
func optionErrors(err error) []*paste.OptionError {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var list []*paste.OptionError
		for _, one := range joined.Unwrap() {
			list = append(list, optionErrors(one)...)
		}
		return list
	}
	if e, ok := errors.AsType[*paste.OptionError](err); ok {
		return []*paste.OptionError{e}
	}
	return nil
}

// sslAPIs warns of APIs that would have TLS, but are not served.
func (n *nova) sslAPIs(names []string) {
	if n.name != nil || len(n.Servers) > 0 {
		return
	}
	for _, name := range n.read.List(enabledSSLAPIs) {
		if !slices.Contains(names, name) {
			n.warnAt(enabledSSLAPIs, name+" is not served, so neither over TLS", "")
		}
	}
}
