// Package rules holds the rules by which paths become other paths: REGEXP ->
// TARGET. Regular expressions are Go's, whose time is linear in the text.
package rules

import (
	"net/url"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Rule turns a path that it matches into a target.
type Rule struct {
	expr *regexp.Regexp
	path string // template of the target's path
	// query is the template of its query; hasQuery tells "?" from nothing.
	query    string
	hasQuery bool
	// Origin is the scheme and host of a target that has them: a text without
	// placeholders, so that no request chooses the host.
	Origin string
}

// MaxLength bounds what is matched and what comes out of it.
const MaxLength = 8 << 10

// Parse reads the options of a section that begin with rule, in their order.
// Origins are targets with http:// or https://, if they are allowed.
func Parse(conf *paste.Conf, origins bool) ([]Rule, error) {
	var rules []Rule
	for name, value := range conf.All() {
		r, err := parse("rule "+name, value.Text, origins)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parse(option, text string, origins bool) (Rule, error) {
	expr, target, found := strings.Cut(text, " -> ")
	expr, target = strings.TrimSpace(expr), strings.TrimSpace(target)
	if !found || expr == "" || target == "" {
		return Rule{}, paste.BadOption(option, "invalid rule %q, want REGEXP -> TARGET such as ^/old/(.*)$ -> /new/$1", text)
	}
	var r Rule
	var err error
	if r.expr, err = regexp.Compile(expr); err != nil {
		problem := err.Error()
		if s, ok := err.(*syntax.Error); ok { //nolint:errorlint // regexp.Compile gives it as it is
			problem = s.Code.String()
		}
		return Rule{}, paste.BadOption(option, "invalid regular expression %q: %s, want Go's syntax", expr, problem)
	}
	rest := target
	if origins {
		r.Origin, rest = cutOrigin(target)
	}
	r.path, r.query, r.hasQuery = strings.Cut(rest, "?")
	if r.path == "" && r.Origin != "" {
		r.path = "/"
	}
	if !strings.HasPrefix(r.path, "/") || r.Origin == "" && strings.HasPrefix(r.path, "//") || !printable(target) || strings.Contains(target, "#") {
		want := "want a path that begins with one slash"
		if origins {
			want += ", or https://host/path with the host as it is"
		}
		return Rule{}, paste.BadOption(option, "invalid target %q, %s", target, want)
	}
	return r, nil
}

// cutOrigin splits scheme and host off a target.
func cutOrigin(target string) (origin, rest string) {
	for _, scheme := range []string{"http://", "https://"} {
		if after, ok := strings.CutPrefix(target, scheme); ok {
			end := strings.IndexAny(after, "/?")
			if end < 0 {
				end = len(after)
			}
			if validHost(after[:end]) {
				return scheme + after[:end], after[end:]
			}
		}
	}
	return "", target
}

// validHost refuses what is no host and port, a user and placeholders before all.
func validHost(host string) bool {
	if host == "" || strings.ContainsAny(host, "$@\\") {
		return false
	}
	u, err := url.Parse("http://" + host)
	return err == nil && u.Host == host && u.Hostname() != ""
}

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) < 0
}

// Target is what a rule makes of a path: not escaped, with its query, if the
// rule has one.
type Target struct {
	Path     string
	Query    string
	HasQuery bool
}

// Apply gives the target of a path that matches. What leads out of its place (a
// segment .., a line break) is not safe, and neither is what is too long.
func (r *Rule) Apply(path string) (target Target, matched, safe bool) {
	if len(path) > MaxLength {
		return Target{}, false, false
	}
	at := r.expr.FindStringSubmatchIndex(path)
	if at == nil {
		return Target{}, false, true
	}
	target.Path = "/" + strings.TrimLeft(string(r.expr.ExpandString(nil, r.path, path, at)), "/")
	if target.HasQuery = r.hasQuery; r.hasQuery {
		target.Query = r.expandQuery(path, at)
	}
	return target, true, len(target.Path)+len(target.Query) <= MaxLength && safePath(target.Path)
}

// expandQuery fills the template in with escaped parts: a path holds no
// parameters of its own.
func (r *Rule) expandQuery(path string, at []int) string {
	var source strings.Builder
	escaped := make([]int, len(at))
	for i := 0; i < len(at); i += 2 {
		if at[i] < 0 {
			escaped[i], escaped[i+1] = -1, -1
			continue
		}
		escaped[i] = source.Len()
		source.WriteString(url.QueryEscape(path[at[i]:at[i+1]]))
		escaped[i+1] = source.Len()
	}
	return string(r.expr.ExpandString(nil, r.query, source.String(), escaped))
}

func safePath(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == ".." || segment == "." {
			return false
		}
	}
	return printable(path)
}
