package service

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/paste"
)

// CertificateLookTime is how often the files of certificates should be looked
// at.
const CertificateLookTime = 5 * time.Second

// expiryNotice is how long before its end a certificate is warned about.
const expiryNotice = 30 * 24 * time.Hour

// CertificateWatch finds out when the files of certificates were replaced. It is
// for the process that may read them, the master: workers may be other users,
// and get what changed by [Server.SetCertificates]. It is not safe for
// concurrent use.
type CertificateWatch struct {
	groups []*watchedGroup
}

type watchedGroup struct {
	*Group
	stats   string // of the files, when they were looked at
	data    []byte // what is in force, encoded
	changed bool   // since the beginning
	set     []tls.Certificate
	acme    *obtained // nil without
}

// CertificateChange says that the certificates of a group were replaced.
type CertificateChange struct {
	Group *Group
	Data  []byte // for Server.SetCertificates of all its workers
	// Err is why they cannot be taken: what was in force is so still.
	Err error
}

// WatchCertificates begins to watch the files of the groups that speak TLS.
// What they were rehearsed with is taken for what is in force.
func WatchCertificates(groups ...*Group) *CertificateWatch {
	w := &CertificateWatch{}
	for _, g := range groups {
		if g.CertFile == "" {
			continue
		}
		one := &watchedGroup{Group: g}
		if g.ACME != nil {
			one.acme = &obtained{config: *g.ACME}
		}
		if pairs, err := g.pairs(g.files().ReadSecret); err == nil {
			one.data, one.set, _ = encodePairs(pairs)
		}
		w.groups = append(w.groups, one)
	}
	return w
}

// Look gives the groups whose files were replaced since the last call.
func (w *CertificateWatch) Look() []CertificateChange {
	var changes []CertificateChange
	for _, g := range w.groups {
		if changed, err := g.look(); changed {
			changes = append(changes, CertificateChange{Group: g.Group, Data: g.data, Err: err})
		}
		if err := g.acme.problem(); err != nil {
			changes = append(changes, CertificateChange{Group: g.Group, Data: g.data, Err: err})
		}
	}
	return changes
}

// Latest is the data of the last change of a group's certificates, for workers
// that are started later; nil when they are as in the generation's snapshot.
func (w *CertificateWatch) Latest(g *Group) []byte {
	for _, one := range w.groups {
		if one.Group == g && one.changed {
			return one.data
		}
	}
	return nil
}

// look reads the files when they are others than at the last time. Files that do
// not fit together are an error once: their second half may come in a moment.
func (g *watchedGroup) look() (changed bool, err error) {
	proofs := g.acme.look()
	stats := g.stat() + proofNames(proofs)
	if stats == g.stats {
		return false, nil
	}
	first := g.stats == ""
	g.stats = stats
	pairs, err := g.pairs(os.ReadFile)
	if err != nil { // at first, nothing was replaced: this process may not read them
		return !first, err
	}
	data, set, err := encodePairs(append(pairs, proofs...))
	if err != nil {
		return true, err
	}
	if bytes.Equal(data, g.data) {
		return false, nil
	}
	g.data, g.set, g.changed = data, set, true
	return true, nil
}

// Close ends what obtains certificates. Without it, that ends by itself when Look
// is not called any more.
func (w *CertificateWatch) Close() {
	for _, g := range w.groups {
		g.acme.close()
	}
}

// stat tells files from others without reading them.
func (g *watchedGroup) stat() string {
	var b bytes.Buffer
	for _, f := range g.pairFiles() {
		for _, name := range []string{f.CertFile, f.KeyFile} {
			if name == "" || name == selfMade {
				continue
			}
			if info, err := os.Stat(name); err != nil {
				fmt.Fprintln(&b, err)
			} else {
				fmt.Fprintln(&b, info.ModTime().UnixNano(), info.Size(), info.Mode(), inodeOf(info))
			}
		}
	}
	return b.String()
}

func encodePairs(pairs []pair) ([]byte, []tls.Certificate, error) {
	set, _, err := parsePairs(pairs)
	if err != nil {
		return nil, nil, err
	}
	data, err := json.Marshal(pairs)
	return data, set, err
}

// startWatch watches the certificates of a server without a master; the function
// that it gives ends that.
func (s *Server) startWatch() (end func()) {
	if s.certs == nil || s.Supervised {
		return func() {}
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		s.watchCertificates(stop)
	}()
	return func() { close(stop); <-done }
}

// watchCertificates keeps the certificates up to date of a server without a
// master, and their ends in the metrics, until it drains.
func (s *Server) watchCertificates(stop <-chan struct{}) {
	w := WatchCertificates(s.watched)
	defer w.Close()
	tick := time.NewTicker(cmp.Or(s.lookTime, CertificateLookTime))
	defer tick.Stop()
	for {
		for _, change := range w.Look() {
			s.certificatesChanged(change)
		}
		if s.Region != nil {
			s.Region.Table(scoreboard.CertificateExpiry, w.Expiries()...)
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

func (s *Server) certificatesChanged(c CertificateChange) {
	if c.Err == nil {
		c.Err = s.SetCertificates(c.Data)
	}
	if c.Err != nil {
		s.logger.Warn("the certificates were replaced by what cannot be used: those before are kept", "server", s.Group.Name, "error", c.Err)
		return
	}
	s.logger.Info("new certificates", "server", s.Group.Name)
}

// Expiries are the rows of scoreboard.CertificateExpiry.
func (w *CertificateWatch) Expiries() []scoreboard.Row {
	var rows []scoreboard.Row
	for _, g := range w.groups {
		for i := range g.set {
			name, end := certificateName(&g.set[i]), certificateEnd(&g.set[i]).Unix()
			at := slices.IndexFunc(rows, func(r scoreboard.Row) bool { return r.Labels[0] == g.Name && r.Labels[1] == name })
			if at < 0 {
				rows = append(rows, scoreboard.Row{Labels: []string{g.Name, name}, Value: end})
			} else {
				rows[at].Value = min(rows[at].Value, end) // one of each kind of key
			}
		}
	}
	return rows
}

// certificateName is what a certificate is called.
func certificateName(c *tls.Certificate) string {
	switch leaf := c.Leaf; {
	case len(leaf.DNSNames) > 0:
		return leaf.DNSNames[0]
	case len(leaf.IPAddresses) > 0:
		return leaf.IPAddresses[0].String()
	default:
		return cmp.Or(leaf.Subject.CommonName, leaf.SerialNumber.String())
	}
}

// certificateEnd is when the first one of the chain ends.
func certificateEnd(c *tls.Certificate) time.Time {
	end := c.Leaf.NotAfter
	for _, der := range c.Certificate[1:] {
		if one, err := x509.ParseCertificate(der); err == nil && one.NotAfter.Before(end) {
			end = one.NotAfter
		}
	}
	return end
}

// Expiring finds certificates that have ended, and such that will within 30
// days. Neither keeps a group from serving: clients who look will refuse it, and
// the others should not suffer. It finds nothing where Check finds files that
// cannot be read.
func (g *Group) Expiring(now time.Time) (expired, soon []*paste.OptionError) {
	if g.CertFile == "" {
		return nil, nil
	}
	set, err := g.readPairs(g.files().ReadSecret)
	if err != nil {
		return nil, nil
	}
	for i, f := range g.pairFiles() {
		end := certificateEnd(&set[i])
		text := fmt.Sprintf("the certificate of %s in %q", certificateName(&set[i]), f.CertFile)
		day := end.UTC().Format(time.DateOnly)
		switch left := end.Sub(now); {
		case left <= 0:
			expired = append(expired, optionError("%s expired on %s, want a new one", text, day))
		case left < expiryNotice && f.CertFile != selfMade:
			soon = append(soon, optionError("%s expires in %d days, on %s, want a new one", text, int(left.Hours()/24), day))
		}
	}
	return expired, soon
}

func optionError(format string, args ...any) *paste.OptionError {
	return &paste.OptionError{Option: "cert_file", Err: fmt.Errorf(format, args...)}
}
