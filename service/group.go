package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wheatpaste/wheatpaste/internal/accesslog"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/service/acme"
)

// Group is the configuration of a group of workers that serve one application
// on the same listeners, as an operator writes it. Start from [DefaultGroup].
type Group struct {
	Name string // of the section, without its kind
	App  string // wheatpaste.app: the application to serve; "" for the command line's

	Listen     []Address
	SocketMode fs.FileMode // of unix sockets
	// SocketUser and SocketGroup are the owners of unix sockets, names or
	// numbers; "" for those that the process has.
	SocketUser, SocketGroup string
	Backlog                 int // connections that may wait to be accepted; 0 for the system's limit

	CertFile string // PEM with the chain; "" for no TLS, "*" for a self-made certificate
	KeyFile  string // PEM; "" when it stands in CertFile
	// MoreCertificates are chosen by the name that a client wants (SNI); the
	// one above is for all other names.
	MoreCertificates []CertificateFiles
	// ACME obtains the certificates, see ObtainCertificates; nil for files that
	// somebody else takes care of.
	ACME          *acme.Config
	ClientCA      string     // PEM; when set, clients must have a certificate of it
	ClientAuth    ClientAuth // whether they must, or may
	TLSMinVersion TLSVersion // 0 is 1.2
	TLSCiphers    []uint16   // of TLS 1.2, see Ciphers; none for Go's
	H2C           bool       // HTTP/2 without TLS, too

	// ProxyProtocol says that those of ProxyFrom begin each connection with a
	// header of the PROXY protocol that names the client.
	ProxyProtocol bool
	ProxyFrom     TrustedPeers

	// A timeout of 0 is none.
	HeaderTimeout time.Duration // for the whole header of a request
	BodyTimeout   time.Duration // between two reads of a request's body
	WriteTimeout  time.Duration // between two writes of an answer
	IdleTimeout   time.Duration // of a connection between two requests
	KeepAlive     bool          // several requests on one connection

	// RequestTimeout is for a whole request, from its header to the end of its
	// answer; 0 is none. See docs/server.md for what becomes of the handler.
	RequestTimeout time.Duration

	TCPKeepAlive      bool          // so_keepalive: probes on silent connections
	TCPKeepIdle       time.Duration // silence before the first probe; 0 for Go's 15 s
	KeepAliveInterval time.Duration // between two probes; 0 for Go's 15 s
	KeepAliveCount    int           // unanswered ones that end a connection; 0 for Go's 9

	// A limit of 0 is none, but for the header's.
	MaxRequestLine paste.Size // longer ones: 414
	MaxHeaderLine  paste.Size // longer ones: 431
	MaxHeaderBytes paste.Size // all lines: 431
	MaxBody        paste.Size // 413
	MaxConnections int        // of one process; more wait to be accepted
	PoolSize       int        // requests at once of one process; more wait in order
	PoolQueue      int        // those that may wait; more get 503

	DrainAnnounce   time.Duration // between a stop and its drain: health answers 503, all else goes on
	DrainIdleGrace  time.Duration // for idle connections at the end
	GracefulTimeout time.Duration // graceful_shutdown_timeout; 0 waits for ever

	AccessLog string // stdout, off or a path
	ReportDir string // for the reports that SIGUSR2 asks for; "" for standard error

	// Files are those of the generation, for certificates; nil for the disk.
	Files *snapshot.Files

	// MetricsSample times the filters of one request in so many; 0 is the
	// default, 1 is all.
	MetricsSample int

	URLScheme string // what the application sees; "" for the real one
	URLPrefix string // SCRIPT_NAME; taken off the path where it stands there

	// A worker that has answered so many requests wants to be replaced; see
	// Server.OnLimit. 0 is never. The jitter, a random number up to it that each
	// worker draws, keeps them from doing so all at once.
	MaxRequests       int
	MaxRequestsJitter int

	// AcceptShared says that all workers accept from the same sockets: then one
	// that is full leaves new connections to the others.
	AcceptShared bool

	// What follows is for the launcher: a Server serves in one process, as
	// who it is.
	Workers         Workers
	StartTimeout    time.Duration // for a worker to get ready
	MaxRSS          paste.Size    // a worker that holds more memory is replaced; 0 is no limit
	User, UserGroup string
	Umask           string
	Dir             string // chdir: the workers' folder, "" for the one that the service was started in
	NoNewPrivs      bool   // workers, and what they start, never get more privileges
	PIDFile         string
	SignalProfile   SignalProfile // of the first group that names one
}

// Workers is a number of worker processes, or AutoWorkers.
type Workers int

// AutoWorkers is one worker per usable core.
const AutoWorkers Workers = -1

// UnmarshalText reads a number or auto.
func (w *Workers) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*w = AutoWorkers
		return nil
	}
	n, err := paste.AsInt(string(text))
	if err != nil || n < 0 || n > 4096 {
		return fmt.Errorf("invalid number of workers %q, want auto or 0 to 4096", text)
	}
	*w = Workers(n)
	return nil
}

// String writes the number as it is read.
func (w Workers) String() string {
	if w == AutoWorkers {
		return "auto"
	}
	return strconv.Itoa(int(w))
}

// DefaultGroup is what is served without any server section: 127.0.0.1:8080.
// The defaults are nginx's where it has them (60 s between two reads or writes,
// 75 s of keep-alive), eventlet's and nova's for the header (8192, 16384,
// 65536 bytes), oslo.service's for the end (60 s).
func DefaultGroup() *Group {
	return &Group{
		Name:           "main",
		Listen:         []Address{{"tcp", "127.0.0.1:8080"}},
		SocketMode:     0o660,
		HeaderTimeout:  10 * time.Second,
		BodyTimeout:    60 * time.Second,
		WriteTimeout:   60 * time.Second,
		IdleTimeout:    75 * time.Second,
		KeepAlive:      true,
		TCPKeepAlive:   true,
		MaxRequestLine: 8192, MaxHeaderLine: 16384, MaxHeaderBytes: 65536,
		PoolQueue:       1024,
		DrainIdleGrace:  time.Second,
		GracefulTimeout: 60 * time.Second,
		AccessLog:       accesslog.Stdout,
		Workers:         AutoWorkers,
		StartTimeout:    60 * time.Second,
		MetricsSample:   64,
		ProxyFrom:       LocalPeers(),
		NoNewPrivs:      true,
	}
}

// Check finds what would keep the group from serving, short of opening its
// sockets: files that are missing or do not fit. Each problem is a
// *paste.OptionError.
func (g *Group) Check() error {
	var errs []error
	if len(g.Listen) == 0 {
		errs = append(errs, paste.BadOption("listen", "no address, %s", addressForms))
	}
	if _, _, err := g.tlsConfig(time.Now); err != nil {
		errs = append(errs, err)
	}
	if _, err := g.socketOwner(); err != nil {
		errs = append(errs, err)
	}
	if err := g.checkDir(); err != nil {
		errs = append(errs, err)
	}
	if _, err := g.identity(0, 0); err != nil { // whether we may become it depends on who serves
		errs = append(errs, err)
	}
	if g.AccessLog != accesslog.Stdout && g.AccessLog != accesslog.Off {
		if info, err := os.Stat(filepath.Dir(g.AccessLog)); err != nil {
			errs = append(errs, paste.BadOption("access_log", "%w, want stdout, off or a path in a folder that exists", err))
		} else if !info.IsDir() {
			errs = append(errs, paste.BadOption("access_log", "%q is no folder, want stdout, off or a path", filepath.Dir(g.AccessLog)))
		}
	}
	return errors.Join(errs...)
}

// Serve opens the listeners and serves until the context ends and the server
// has drained. It makes a Group a paste.Server.
func (g *Group) Serve(ctx context.Context, app http.Handler) error {
	return Run(ctx, &Server{Group: g, Handler: app})
}

var _ paste.Server = (*Group)(nil)
