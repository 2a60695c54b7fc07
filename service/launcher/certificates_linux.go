package launcher

import (
	"time"

	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
	"github.com/wheatpaste/wheatpaste/service"
)

// watchCertificates looks from now on at the certificates of the plan in force:
// the workers may not be able to read them.
func (m *Master) watchCertificates(plan *Plan) {
	if m.certificates != nil {
		m.certificates.Close()
	}
	m.certificates = service.WatchCertificates(plan.Groups...)
	m.showExpiries()
}

func (m *Master) showExpiries() {
	m.board.Master().Table(scoreboard.CertificateExpiry, m.certificates.Expiries()...)
}

// lookAtCertificates passes on what was replaced, without a reload.
func (m *Master) lookAtCertificates(now time.Time) {
	if m.certificates == nil || now.Before(m.nextLook) {
		return
	}
	m.nextLook = now.Add(service.CertificateLookTime)
	for _, c := range m.certificates.Look() {
		if c.Err != nil {
			m.log.Warn("the certificates were replaced by what cannot be used: those before are kept", "server", c.Group.Name, "error", c.Err)
			continue
		}
		for _, w := range m.workers {
			if w.group == c.Group {
				m.sendCertificates(w, c.Data)
			}
		}
		m.log.Info("new certificates", "server", c.Group.Name)
		m.showExpiries()
	}
}

// sendCertificates tells a worker of certificates that are newer than those of
// its generation.
func (m *Master) sendCertificates(w *worker, data []byte) {
	fd, err := newMemory("wheatpaste-certificates", data)
	if err == nil {
		err = w.channel.send(&message{Type: typeCertificates}, fd)
		closeAll([]int{fd})
	}
	if err != nil {
		m.log.Error("a worker does not take the new certificates", "server", w.group.Name, "worker", w.slot, "pid", w.pid, "error", err)
	}
}
