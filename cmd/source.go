package cmd

import (
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
	"github.com/wheatpaste/wheatpaste/internal/plan"
	"github.com/wheatpaste/wheatpaste/internal/snapshot"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// defaultFile is served when no URI is given.
const defaultFile = "api-paste.ini"

// source is what all commands take that load a file: the URI, var=value words
// and the flags that change how it loads.
type source struct {
	appName     string
	configFiles []string
	missing     string

	uri     string // config:PATH or another URI, without its fragment
	given   bool   // the URI was, and is not the default
	name    *string
	globals map[string]string

	// files are what everything is read from, once. A worker sets those of its
	// generation.
	files *snapshot.Files

	conf        *osloconf.Config // the conf files; nil without any, and before prepare
	nova        bool             // they say what is served
	formatGiven bool             // --log-format
}

func (s *source) flags(c *cobra.Command) {
	c.Flags().StringVarP(&s.appName, "app-name", "n", "", "application of the file, in place of the URI's #NAME")
	c.Flags().StringArrayVar(&s.configFiles, "config-file", nil, "oslo-style conf file such as nova.conf (repeatable, later wins)")
	c.Flags().StringVar(&s.missing, "missing", string(pipeline.MissingError), "what to do about factories that are not registered: error, or stub (an app answers 501, a filter passes through)")
	complete(c, "missing", string(pipeline.MissingError), string(pipeline.MissingStub))
}

// isAssignment tells a var=value word from a path or URI.
func isAssignment(word string) bool {
	name, _, ok := strings.Cut(word, "=")
	return ok && name != "" && !strings.ContainsAny(name, "/:#\\")
}

// splitArgs tells URIs and var=value words apart.
func splitArgs(args []string) (uris, assignments []string) {
	for _, arg := range args {
		if isAssignment(arg) {
			assignments = append(assignments, arg)
		} else {
			uris = append(uris, arg)
		}
	}
	return uris, assignments
}

// parse reads the arguments: at most one URI, else the default file is meant or,
// with conf files, theirs; and var=value words.
func (s *source) parse(c *cobra.Command, args []string) error {
	uris, assignments := splitArgs(args)
	if len(uris) > 1 {
		return fmt.Errorf("more than one URI: %s", strings.Join(uris, " "))
	}
	if s.missing != string(pipeline.MissingError) && s.missing != string(pipeline.MissingStub) {
		return fmt.Errorf("invalid --missing %q, want error or stub", s.missing)
	}
	if s.files == nil {
		s.files = new(snapshot.Files)
	}
	s.globals = map[string]string{}
	for _, word := range assignments {
		name, value, _ := strings.Cut(word, "=")
		s.globals[name] = value
	}
	s.setURI(append(uris, defaultFile)[0])
	s.given, s.formatGiven = len(uris) > 0, c.Flags().Changed("log-format")
	if c.Flags().Changed("app-name") {
		s.name = &s.appName
	}
	return nil
}

// setURI takes a path or a URI, with #NAME. What has no scheme that Paste
// Deploy knows is a path.
func (s *source) setURI(text string) {
	uri, fragment, named := strings.Cut(text, "#")
	if named {
		s.name = &fragment
	}
	scheme, rest, ok := strings.Cut(uri, ":")
	switch {
	case ok && slices.Contains([]string{"egg", "call"}, strings.ToLower(scheme)):
		s.uri = uri
	case ok && strings.EqualFold(scheme, "config"):
		s.uri = "config:" + rest
	default:
		s.uri = paste.FileURI(uri)
	}
}

// options are the load options for the application.
func (s *source) options() []paste.LoadOption {
	opts := []paste.LoadOption{paste.RelativeTo("."), paste.GlobalConf(maps.Clone(s.globals)), paste.ReadFiles(s.files.Read)}
	if s.name != nil {
		opts = append(opts, paste.Name(*s.name))
	}
	return opts
}

// loader makes the loader that the flags ask for.
func (s *source) loader(logger *slog.Logger) (*pipeline.Loader, error) {
	strategy, err := s.authStrategy()
	if err != nil {
		return nil, failed(err)
	}
	return &pipeline.Loader{
		Missing: pipeline.Missing(s.missing), Logger: logger, AuthStrategy: strategy,
		Conf: osloconf.NewLookup(s.files, s.conf).Open,
	}, nil
}

// prepare reads the conf files, once, and finds the paste file that they name
// where no URI does.
func (s *source) prepare() error {
	if len(s.configFiles) == 0 || s.conf != nil {
		return nil
	}
	conf, err := osloconf.LoadFrom(s.files, s.configFiles, nil)
	if err != nil {
		return err
	}
	nova := plan.NovaMode(conf, s.given)
	if nova && !s.given {
		path, err := plan.PasteFile(conf, s.files)
		if err != nil {
			return paste.AllErrors(err)
		}
		s.uri = paste.FileURI(path)
	}
	s.conf, s.nova = conf, nova
	return nil
}

// authStrategy reads from the conf files what the auth-strategy composites
// choose by (OSP-01).
func (s *source) authStrategy() (string, error) {
	if err := s.prepare(); err != nil || s.conf == nil {
		return "", err
	}
	for _, o := range authStrategies {
		if !s.conf.Has(o) {
			continue
		}
		strategy, err := s.conf.String(o)
		if err != nil {
			return "", paste.AllErrors(err)
		}
		return strategy, nil
	}
	return "", nil
}

// authStrategies are the places of the strategy: nova's, that of cinder, manila
// and neutron, and designate's.
var authStrategies = []osloconf.Option{
	{Group: "api", Name: "auth_strategy"}, {Name: "auth_strategy"}, {Group: "service:api", Name: "auth_strategy"},
}

// request is what check and serve make a plan of.
func (s *source) request(l *pipeline.Loader) plan.Request {
	return plan.Request{
		Loader: l, URI: s.uri, Name: s.name, Options: s.options(),
		Conf: s.conf, Nova: s.nova, Source: s.files,
	}
}

// open opens the file of the URI, for the commands that show all of it. They
// need no conf file, but tell of a wrong one as serve does.
func (s *source) open() (*paste.Loader, *string, error) {
	if _, err := s.authStrategy(); err != nil {
		return nil, nil, err
	}
	return paste.OpenURI(s.uri, s.options()...)
}

// portable opens the file with <here> and <file> for its paths, for the
// comparison with one in another folder.
func (s *source) portable() (*paste.Loader, *string, error) {
	l, name, err := s.open()
	if err != nil {
		return nil, nil, err
	}
	l, err = paste.Open(l.Filename(), paste.Portable(), paste.GlobalConf(s.globals), paste.ReadFiles(s.files.Read))
	return l, name, err
}

// path is the absolute path of the file that the URI names, also of one that
// does not open; "" for a URI without a file.
func (s *source) path(l *paste.Loader, openErr error) string {
	if l != nil {
		return l.Path()
	}
	for _, e := range paste.AllErrors(openErr) {
		if abs, err := filepath.Abs(e.Pos.File); err == nil && e.Pos.File != "" {
			return abs
		}
	}
	return ""
}
