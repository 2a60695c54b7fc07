package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
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
	name    *string
	globals map[string]string
}

func (s *source) flags(c *cobra.Command) {
	c.Flags().StringVarP(&s.appName, "app-name", "n", "", "application of the file, in place of the URI's #NAME")
	c.Flags().StringArrayVar(&s.configFiles, "config-file", nil, "oslo-style conf file such as nova.conf (repeatable, later wins)")
	c.Flags().StringVar(&s.missing, "missing", string(pipeline.MissingError), "what to do about factories that are not registered: error, or stub (an app answers 501, a filter passes through)")
}

// parse reads the arguments: at most one URI, and var=value words.
func (s *source) parse(c *cobra.Command, args []string) error {
	s.globals = map[string]string{}
	var uris []string
	for _, arg := range args {
		if isAssignment(arg) {
			name, value, _ := strings.Cut(arg, "=")
			s.globals[name] = value
			continue
		}
		uris = append(uris, arg)
	}
	if len(uris) > 1 {
		return fmt.Errorf("more than one URI: %s", strings.Join(uris, " "))
	}
	if len(uris) == 0 {
		uris = []string{defaultFile}
	}
	if s.missing != string(pipeline.MissingError) && s.missing != string(pipeline.MissingStub) {
		return fmt.Errorf("invalid --missing %q, want error or stub", s.missing)
	}
	s.setURI(uris[0])
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
	opts := []paste.LoadOption{paste.RelativeTo("."), paste.GlobalConf(maps.Clone(s.globals))}
	if s.name != nil {
		opts = append(opts, paste.Name(*s.name))
	}
	return opts
}

// loader makes the loader that the flags ask for.
func (s *source) loader(p *program) (*pipeline.Loader, error) {
	logger, err := p.logger()
	if err != nil {
		return nil, err
	}
	l := &pipeline.Loader{Missing: pipeline.Missing(s.missing), Logger: logger}
	if len(s.configFiles) == 0 {
		return l, nil
	}
	conf, err := osloconf.Load(s.configFiles, nil)
	if err != nil {
		return nil, failed(err)
	}
	l.AuthStrategy, err = conf.String(authStrategy)
	if err != nil {
		return nil, failed(err)
	}
	return l, nil
}

// open opens the file of the URI, for the commands that show all of it.
func (s *source) open() (*paste.Loader, *string, error) {
	l, name, err := paste.OpenURI(s.uri, s.options()...)
	if err != nil {
		return nil, nil, failed(err)
	}
	return l, name, nil
}

// authStrategy is what the auth-strategy composites choose by (OSP-01).
var authStrategy = osloconf.Option{Group: "api", Name: "auth_strategy"}
