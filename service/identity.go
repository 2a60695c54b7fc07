package service

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Identity is who the workers of a group are. The master stays who it is, so
// that it can bind and start workers again.
type Identity struct {
	Name     string // as the operator wrote it; "" for who the process is
	UID, GID int
	Groups   []int  // supplementary ones
	Umask    int    // -1 for the one that is inherited
	Dir      string // "" for the one that is inherited

	noNewPrivs bool

	change bool // it is another than the process's
}

// Identity finds the user, the group and the mask of a group's workers, names or
// numbers, as this process can become them. Each problem is a
// *paste.OptionError.
func (g *Group) Identity() (*Identity, error) {
	return g.identity(os.Geteuid(), os.Getegid())
}

// identity is Identity for a process of the user uid and the group gid.
func (g *Group) identity(uid, gid int) (*Identity, error) {
	id := &Identity{Name: g.User, UID: uid, GID: gid, Umask: -1, Dir: g.Dir, noNewPrivs: g.NoNewPrivs}
	errs := []error{id.setMask(g.Umask)}
	if uid < 0 && (g.User != "" || g.UserGroup != "") {
		return nil, errors.Join(append(errs, paste.BadOption("user", "this system cannot change the user, want none"))...)
	}
	errs = append(errs, id.setUser(g.User, g.UserGroup != "", uid), id.setGroup(g.UserGroup))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	id.change = id.UID != uid || id.GID != gid
	if uid == 0 || !id.change {
		return id, nil
	}
	if id.UID != uid {
		return nil, paste.BadOption("user", "the process is user %q, want to be root or user = %s", userName(uid), userName(uid))
	}
	return nil, paste.BadOption("group", "the process is of group %q, want to be root or group = %s", groupName(gid), groupName(gid))
}

// setMask reads a mask as gunicorn does: as Python's numbers, and octal with a
// leading 0.
func (id *Identity) setMask(text string) error {
	if text == "" {
		return nil
	}
	n, err := strconv.ParseUint(text, 0, 16)
	if err != nil || n > 0o777 {
		return paste.BadOption("umask", "invalid mask %q, want an octal number like 022", text)
	}
	id.Umask = int(n)
	return nil
}

// setUser takes the user with its groups (initgroups). A user without an entry
// has none, and would keep the group of root.
func (id *Identity) setUser(text string, ownGroup bool, uid int) error {
	if text == "" {
		return nil
	}
	u, err := user.Lookup(text)
	if err != nil {
		u, err = user.LookupId(text)
	}
	if err != nil {
		return id.setNumber(text, ownGroup, uid)
	}
	if id.UID, err = strconv.Atoi(u.Uid); err != nil || id.UID == uid {
		return err // who we are already: with the groups we have
	}
	if id.GID, err = strconv.Atoi(u.Gid); err != nil {
		return err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return paste.BadOption("user", "groups of user %q: %w", text, err)
	}
	for _, g := range groups {
		if n, err := strconv.Atoi(g); err == nil {
			id.Groups = append(id.Groups, n)
		}
	}
	return nil
}

func (id *Identity) setNumber(text string, ownGroup bool, uid int) error {
	n, ok := number(text)
	if !ok {
		return paste.BadOption("user", "unknown user %q, want a user of this machine", text)
	}
	if n != uid && !ownGroup {
		return paste.BadOption("user", "user %q has no entry on this machine, want the option group too", text)
	}
	id.UID = n
	return nil
}

// setGroup takes another group than the user's.
func (id *Identity) setGroup(text string) error {
	if text == "" {
		return nil
	}
	number, known := number(text)
	if g, err := user.LookupGroup(text); err == nil {
		number, err = strconv.Atoi(g.Gid)
		known = err == nil
	}
	if !known {
		return paste.BadOption("group", "unknown group %q, want a group of this machine", text)
	}
	id.GID = number
	return nil
}

// number reads the number of a user or a group: the largest means "no change"
// to the system.
func number(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return int(n), err == nil && n < 1<<32-1
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}

// checkDir looks for the folder of the workers.
func (g *Group) checkDir() error {
	if g.Dir == "" {
		return nil
	}
	if !filepath.IsAbs(g.Dir) { // each reload would go deeper
		return paste.BadOption("chdir", "%q is no absolute path, want one", g.Dir)
	}
	info, err := os.Stat(g.Dir)
	switch {
	case err != nil:
		return paste.BadOption("chdir", "%w, want a folder", err)
	case !info.IsDir():
		return paste.BadOption("chdir", "%q is no folder, want one", g.Dir)
	}
	return nil
}

// socketOwner finds the user and the group of unix sockets; -1 for those that the
// process has.
func (g *Group) socketOwner() (owner socketOwner, err error) {
	owner = socketOwner{-1, -1}
	if g.SocketUser != "" {
		owner.uid, err = lookUp(g.SocketUser, func(name string) (string, error) {
			u, err := user.Lookup(name)
			if err != nil {
				return "", err
			}
			return u.Uid, nil
		})
		if err != nil {
			return owner, paste.BadOption("socket_user", "unknown user %q, want a user of this machine", g.SocketUser)
		}
	}
	if g.SocketGroup != "" {
		owner.gid, err = lookUp(g.SocketGroup, func(name string) (string, error) {
			one, err := user.LookupGroup(name)
			if err != nil {
				return "", err
			}
			return one.Gid, nil
		})
		if err != nil {
			return owner, paste.BadOption("socket_group", "unknown group %q, want a group of this machine", g.SocketGroup)
		}
	}
	return owner, nil
}

// lookUp finds the number of a name, or takes a number as it is.
func lookUp(text string, find func(string) (string, error)) (int, error) {
	id, err := find(text)
	if n, ok := number(text); err != nil && ok {
		return n, nil
	}
	if err != nil {
		return -1, err
	}
	return strconv.Atoi(id)
}

// socketOwner is whose a unix socket is.
type socketOwner struct{ uid, gid int }

// Confine takes from a worker, all of its threads, what it has no more use for
// when it has its sockets: it goes to its folder, it and what it starts can
// never get more privileges than it has (set-user-ID programs), and unless it is
// root it drops the capabilities that it may have inherited. It comes after
// Become. The error is errors.ErrUnsupported where the system, or this build of
// the program, cannot do so for all threads.
func (id *Identity) Confine() error {
	if id.Dir != "" {
		if err := os.Chdir(id.Dir); err != nil {
			return err
		}
	}
	return id.confine()
}

// Become makes this process, all of its threads, what the identity says, for
// good: it fails when the process could get back. It is for a worker that has
// inherited its sockets and opened no file yet.
func (id *Identity) Become() error {
	if id.Umask >= 0 {
		setUmask(id.Umask)
	}
	if !id.change {
		return nil
	}
	return id.become()
}
