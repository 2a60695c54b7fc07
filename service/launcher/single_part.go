package launcher

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/control"
	"github.com/wheatpaste/wheatpaste/internal/scoreboard"
)

// part is a Part that begins, serves or ends.
type part struct {
	Part
	region    *scoreboard.Region
	listeners map[string]net.Listener // by the keys of their sockets
	state     string
	started   time.Time
	over      bool
}

// enroll gives a server its place in the scoreboard.
func (s *Single) enroll(p Part) (*part, error) {
	one := &part{Part: p, state: control.WorkerStarting, started: time.Now(), listeners: map[string]net.Listener{}}
	region, err := s.conf.Board.Claim(p.Server.Group.Name, 0, s.generation)
	if err != nil {
		return nil, err
	}
	one.region, p.Server.Region = region, region
	region.Process().PID.Store(int64(pid()))
	region.Process().Started.Store(one.started.UnixNano())
	return one, nil
}

// startAll starts the applications, in their order.
func startAll(ctx context.Context, parts []*part) error {
	for _, p := range parts {
		if p.Start == nil {
			continue
		}
		if err := startOne(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func startOne(ctx context.Context, p *part) error {
	g := p.Server.Group
	if g.StartTimeout <= 0 {
		return p.Start(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, g.StartTimeout)
	defer cancel()
	err := p.Start(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("server %s: not ready within start_timeout (%v): %w", g.Name, g.StartTimeout, err)
	}
	return err
}
