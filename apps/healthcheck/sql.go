package healthcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// sqlProbe takes the URLs of SQLAlchemy, which services have as [database]
// connection: dialect+driver://user:password@host:port/database?options. The
// driver, Python's, does not count.
func sqlProbe(target string) (*probe, error) {
	scheme, rest, ok := strings.Cut(target, "://")
	dialect, _, _ := strings.Cut(scheme, "+")
	if !ok {
		return nil, errors.New("no URL, want mysql://HOST/NAME or postgresql://HOST/NAME")
	}
	if dialect == "sqlite" {
		return nil, errors.New("an SQLite database is a file, want enable_by_files")
	}
	u, err := parseURL(dialect+"://"+rest, "mysql", "mariadb", "postgresql", "postgres")
	if err != nil {
		return nil, err
	}
	p := &probe{kind: "SQL", name: shown(u), hide: hidden(u)}
	if dialect == "mysql" || dialect == "mariadb" {
		p.run, err = mysqlRun(u)
		return p, err
	}
	p.run = func(ctx context.Context) error { return pingPostgres(ctx, u.String()) }
	return p, nil
}

// pingPostgres opens a session and asks one question. What is missing in the URL
// comes from the environment and ~/.pgpass, as for all clients of PostgreSQL.
func pingPostgres(ctx context.Context, dsn string) error {
	conf, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return errors.New("the URL has an option that is not PostgreSQL's")
	}
	conn, err := pgconn.ConnectConfig(ctx, conf)
	if err != nil {
		return postgresProblem(err)
	}
	defer conn.Close(ctx) //nolint:errcheck // it is thrown away
	return postgresProblem(conn.Exec(ctx, "SELECT 1").Close())
}

// postgresProblem is what the server says, or the network.
func postgresProblem(err error) error {
	var said *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return errors.New(said.Message)
	case pgconn.Timeout(err):
		return reworded(context.DeadlineExceeded)
	}
	return innermost(err)
}

// innermost is the cause: what lies around it names the server again.
func innermost(err error) error {
	for {
		switch x := err.(type) { //nolint:errorlint // each is unwrapped
		case interface{ Unwrap() error }:
			if x.Unwrap() == nil {
				return reworded(err)
			}
			err = x.Unwrap()
		case interface{ Unwrap() []error }:
			all := x.Unwrap()
			if len(all) == 0 {
				return reworded(err)
			}
			err = all[len(all)-1]
		default:
			return reworded(err)
		}
	}
}

// mysqlRun makes the check of a MySQL or MariaDB. Of the options that Python's
// drivers take, those for a socket and for TLS count.
func mysqlRun(u *url.URL) (func(context.Context) error, error) {
	q := u.Query()
	conf := mysql.NewConfig()
	conf.User, conf.DBName = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	conf.Passwd, _ = u.User.Password()
	conf.Net, conf.Addr = "tcp", hostPort(u, "3306")
	conf.Logger = silent{}
	if socket := q.Get("unix_socket"); socket != "" {
		conf.Net, conf.Addr = "unix", socket
	} else if u.Hostname() == "" {
		return nil, errors.New("no server, want mysql://USER:PASSWORD@HOST/DATABASE")
	}
	ca := q.Get("ssl_ca")
	return func(ctx context.Context) error {
		one := conf.Clone()
		if ca != "" {
			var err error
			if one.TLS, err = authority(ca, u.Hostname()); err != nil {
				return err
			}
		}
		return pingMySQL(ctx, one)
	}, nil
}

func pingMySQL(ctx context.Context, conf *mysql.Config) error {
	connector, err := mysql.NewConnector(conf)
	if err != nil {
		return err
	}
	conn, err := connector.Connect(ctx)
	if err != nil {
		return mysqlProblem(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	return mysqlProblem(ctx, conn.(driver.Pinger).Ping(ctx))
}

func mysqlProblem(ctx context.Context, err error) error {
	var said *mysql.MySQLError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &said):
		return errors.New(said.Message)
	case ctx.Err() != nil:
		return reworded(ctx.Err())
	}
	return reworded(err)
}

// authority reads the certificates that a server's is checked with. They are
// read anew for each round: they are replaced while services run.
func authority(file, host string) (*tls.Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("no certificate in " + file)
	}
	return &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}, nil
}

// silent keeps the driver's own messages out of the logs: its errors say the
// same.
type silent struct{}

// Print is nothing.
func (silent) Print(...any) {}
