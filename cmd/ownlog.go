package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
	"github.com/wheatpaste/wheatpaste/service"
)

// ownLog makes the access log of a group, if it is a file that is not there yet,
// for the user that the workers become: they could not make one in a folder of
// root's. What is there stays whose it is.
func ownLog(g *service.Group) error {
	if g.AccessLog == accesslog.Stdout || g.AccessLog == accesslog.Off || g.User == "" && g.UserGroup == "" {
		return nil
	}
	id, err := g.Identity()
	if err != nil {
		return fmt.Errorf("server %s: %w", g.Name, err)
	}
	f, err := os.OpenFile(g.AccessLog, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640) //nolint:gosec // the group may read logs
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("server %s: access log: %w", g.Name, err)
	}
	return errors.Join(f.Chown(id.UID, id.GID), f.Close())
}
