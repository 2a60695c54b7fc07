//go:build !windows

package healthcheck

import (
	"context"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// The tests of this file ask the real servers of Debian's packages
// (memcached, redis-server, mariadb-server-core, postgresql-15), each on a free
// port of 127.0.0.1, and then take them away.

// find gives the path of a program, or skips; it fails where integration tests
// run.
func find(t *testing.T, places ...string) string {
	t.Helper()
	for _, p := range places {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if os.Getenv("WHEATPASTE_INTEGRATION") == "1" {
		t.Fatalf("%s is not installed", places[0])
	}
	t.Skip(places[0] + " is not installed")
	return ""
}

// daemon starts a server, as the user that it wants to be, and waits until it
// answers.
func daemon(t *testing.T, as string, address string, command ...string) (stop func()) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = identity(t, as)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cmd.Process.Kill()
			<-done
		}
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return stop
		}
		select {
		case err := <-done:
			stopped = true
			t.Fatalf("%s: %v\n%s", command[0], err, log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not listen", command[0])
	return nil
}

// identity is that of another user, where this one is root.
func identity(t *testing.T, name string) *syscall.SysProcAttr {
	t.Helper()
	if name == "" || os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// folder is a new one that the user may write to.
func folder(t *testing.T, as string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "healthcheck")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if id := identity(t, as); id != nil {
		if err := os.Chown(dir, int(id.Credential.Uid), int(id.Credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T, as, input string, command ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.SysProcAttr = identity(t, as)
	cmd.Stdin, cmd.Dir = strings.NewReader(input), "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

// comesAndGoes wants an answer while the server runs, and none when it was killed.
func comesAndGoes(t *testing.T, o Options, name, kind string, stop func()) {
	t.Helper()
	if got, want := look(t, o), "true OK ("+name+" answers)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	stop()
	if got, want := look(t, o), "false "+kind+" UNAVAILABLE ("+name+": connection refused)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func port(t *testing.T) (address, number string) {
	t.Helper()
	address = closedPort(t)
	_, number, _ = net.SplitHostPort(address)
	return address, number
}

func TestMemcached(t *testing.T) {
	program := find(t, "memcached")
	address, number := port(t)
	stop := daemon(t, "nobody", address, program, "-l", "127.0.0.1", "-p", number, "-m", "8")
	comesAndGoes(t, Options{Backends: paste.CommaList{"memcached"}, CheckMemcached: paste.CommaList{address}}, "memcached "+address, "MEMCACHED", stop)
}

func TestRedis(t *testing.T) {
	program := find(t, "redis-server")
	address, number := port(t)
	stop := daemon(t, "", address, program, "--port", number, "--bind", "127.0.0.1", "--requirepass", "geheim", "--save", "", "--dir", t.TempDir())
	of := func(user string) Options {
		return Options{Backends: paste.CommaList{"redis"}, CheckRedis: paste.CommaList{"redis://" + user + address + "/0"}}
	}
	name := "redis://" + address + "/0"
	for user, want := range map[string]string{
		"": `it answers "-NOAUTH Authentication required."`, ":wrong@": `it answers "-WRONGPASS invalid username-password pair or user is disabled."`,
	} {
		if got, want := look(t, of(user)), "false REDIS UNAVAILABLE ("+name+": "+want+")"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	comesAndGoes(t, of(":geheim@"), name, "REDIS", stop)
}

func TestMariaDB(t *testing.T) {
	program := find(t, "mariadbd", "/usr/sbin/mariadbd")
	address, number := port(t)
	dir := folder(t, "nobody")
	run(t, "nobody", systemTables(t), program, "--no-defaults", "--bootstrap", "--datadir="+dir, "--innodb-buffer-pool-size=8M")
	users := filepath.Join(dir, "users.sql")
	sql := "CREATE DATABASE glance;\nCREATE USER 'glance'@'127.0.0.1' IDENTIFIED BY 'ge@heim';\nGRANT ALL ON glance.* TO 'glance'@'127.0.0.1';\n"
	if err := os.WriteFile(users, []byte(sql), 0o644); err != nil {
		t.Fatal(err)
	}
	stop := daemon(t, "nobody", address, program, "--no-defaults", "--datadir="+dir, "--port="+number, "--bind-address=127.0.0.1",
		"--socket="+filepath.Join(dir, "s"), "--skip-name-resolve", "--init-file="+users, "--innodb-buffer-pool-size=8M")
	of := func(password, database string) Options {
		return Options{Backends: paste.CommaList{"sql"}, CheckSQL: paste.CommaList{"mysql+pymysql://glance:" + password + "@" + address + "/" + database + "?charset=utf8"}}
	}
	name := "mysql://" + address + "/"
	for _, tt := range []struct{ password, database, want string }{
		{"falsch", "glance", "Access denied for user 'glance'@'127.0.0.1' (using password: YES)"},
		{"ge%40heim", "nova", "Access denied for user 'glance'@'127.0.0.1' to database 'nova'"},
	} {
		if got, want := look(t, of(tt.password, tt.database)), "false SQL UNAVAILABLE ("+name+tt.database+": "+tt.want+")"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	comesAndGoes(t, of("ge%40heim", "glance"), name+"glance", "SQL", stop)
}

// systemTables is what mariadb-install-db feeds to a server, which itself needs
// the client's package.
func systemTables(t *testing.T) string {
	t.Helper()
	text := "CREATE DATABASE mysql;\nUSE mysql;\n"
	for _, name := range []string{"mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql"} {
		sql, err := os.ReadFile(filepath.Join("/usr/share/mysql", name))
		if err != nil {
			t.Fatal(err)
		}
		text += string(sql)
	}
	return text
}

func TestPostgreSQL(t *testing.T) {
	program := find(t, "/usr/lib/postgresql/15/bin/postgres", "postgres")
	bin := filepath.Dir(program)
	address, number := port(t)
	dir := folder(t, "nobody")
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte("ge@heim\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	run(t, "nobody", "", filepath.Join(bin, "initdb"), "-D", data, "-U", "glance", "--pwfile="+secret, "-A", "scram-sha-256", "-N", "--locale=C", "-E", "UTF8")
	stop := daemon(t, "nobody", address, program, "-D", data, "-p", number, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir, "-c", "fsync=off")
	of := func(password, database string) Options {
		return Options{Backends: paste.CommaList{"sql"}, CheckSQL: paste.CommaList{"postgresql+psycopg2://glance:" + password + "@" + address + "/" + database}}
	}
	name := "postgresql://" + address + "/"
	waitReady(t, of("ge%40heim", "postgres"))
	for _, tt := range []struct{ password, database, want string }{
		{"falsch", "postgres", `password authentication failed for user "glance"`},
		{"ge%40heim", "nova", `database "nova" does not exist`},
	} {
		if got, want := look(t, of(tt.password, tt.database)), "false SQL UNAVAILABLE ("+name+tt.database+": "+tt.want+")"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	comesAndGoes(t, of("ge%40heim", "postgres"), name+"postgres", "SQL", stop)
}

// waitReady waits until a server that listens already has begun.
func waitReady(t *testing.T, o Options) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if strings.HasPrefix(look(t, o), "true ") {
			return
		}
	}
	t.Fatalf("not ready: %s", look(t, o))
}
