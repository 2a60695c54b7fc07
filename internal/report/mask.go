package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
	"github.com/wheatpaste/wheatpaste/internal/tree"
	"github.com/wheatpaste/wheatpaste/paste"
)

// Mask stands for a secret.
const Mask = tree.Mask

// SecretName is paste.SecretName, and more careful: a report goes to strangers.
func SecretName(name string) bool {
	low := strings.ToLower(name)
	if paste.SecretName(low) {
		return true
	}
	for _, end := range []string{"key", "pass", "pwd", "passphrase", "cookie", "authorization"} {
		if rest, ok := strings.CutSuffix(low, end); ok && (rest == "" || strings.HasSuffix(rest, "_") || strings.HasSuffix(rest, "-") || strings.HasSuffix(rest, ".")) {
			return true
		}
	}
	return false
}

var (
	// inURL is scheme://user:password@, see tree; a password may hold anything
	// but white space.
	inURL = pattern.Lazy(`(\w://[^\s:/@]*:)([^\s]*)(@)`)
	// bareUser is scheme://token@host.
	bareUser = pattern.Lazy(`(\w://)([^\s:/@?#]+)(@)`)
	// inPair is name=value and name: value with a name that says secret.
	inPair = pattern.Lazy(`(?i)((?:passw(?:or)?d|passphrase|pwd|secret|token|credentials?|signature|api[_-]?key|private[_-]?key|auth[_-]?key|session|jwt|cookie)["']?\s?[=:]\s?["']?)[^\s&;,'"]+`)
	// inHeader is the value of an Authorization header.
	inHeader = pattern.Lazy(`(?i)\b((?:bearer|basic|digest|negotiate)\s+)[A-Za-z0-9+/=._~-]{6,}`)
	// inAuthorization is all that stands behind its name.
	inAuthorization = pattern.Lazy(`(?i)(authorization["']?\s*[=:]\s*)[^\r\n]+`)
	// inTokens are tokens that look like none of the above: JWT, Fernet.
	inTokens = pattern.Lazy(`\b(?:eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+|gAAAAA[A-Za-z0-9_=-]{20,})`)
)

// MaskText takes from a text of any kind what looks like a secret.
func MaskText(text string) string {
	if strings.Contains(text, "://") {
		text = inURL().ReplaceAllString(text, "${1}"+Mask+"${3}")
		text = bareUser().ReplaceAllString(text, "${1}"+Mask+"${3}")
	}
	text = inAuthorization().ReplaceAllString(text, "${1}"+Mask)
	text = inPair().ReplaceAllString(text, "${1}"+Mask)
	text = inHeader().ReplaceAllString(text, "${1}"+Mask)
	return inTokens().ReplaceAllString(text, Mask)
}

// Arguments are those of a command line, as they may be shown: the values of
// var=value words are masked, of options what looks like a secret.
func Arguments(args []string) []string {
	list := make([]string, 0, len(args))
	words := false // all that follows -- are words
	for i, arg := range args {
		name, _, assigned := strings.Cut(arg, "=")
		option := strings.HasPrefix(arg, "-") && !words
		if option && SecretName(strings.TrimLeft(name, "-")) || i > 0 && assigned && !option {
			arg = name + "=" + Mask
		}
		words = words || arg == "--"
		list = append(list, MaskText(arg))
	}
	return list
}

// shortest is the length from which a known secret is looked for in texts:
// shorter ones stand everywhere by chance.
const shortest = 6

// Secrets are those that the configuration holds. Where they turn up in a text,
// such as an error's, they are masked, whatever stands around them.
type Secrets struct{ known map[string]bool }

// Add notes a secret, and the passwords of the URLs in it.
func (s *Secrets) Add(text string) {
	s.addURLs(text)
	s.add(text)
}

// addURLs notes only the passwords of the URLs in a text.
func (s *Secrets) addURLs(text string) {
	for _, m := range inURL().FindAllStringSubmatch(text, -1) {
		s.add(m[2])
	}
}

func (s *Secrets) add(text string) {
	if text = strings.TrimSpace(text); len(text) < shortest {
		return
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[text] = true
}

// replacer masks the longest first: one may be a part of another.
func (s *Secrets) replacer() *strings.Replacer {
	var list []string
	for text := range s.known {
		list = append(list, text)
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, text := range list {
		pairs = append(pairs, text, Mask)
	}
	return strings.NewReplacer(pairs...)
}

// Scrub masks known secrets in all texts of a report that people or programs
// have written. Names of sections, functions and files stay.
func (s *Secrets) Scrub(r *Report) {
	known := s.replacer()
	clean := func(text *string) { *text = known.Replace(MaskText(*text)) }
	uri := func(text *string) { *text = known.Replace(inTokens().ReplaceAllString(*text, Mask)) } // its parameters are masked already
	all := func(texts []string) {
		for i := range texts {
			clean(&texts[i])
		}
	}
	all(r.Master.Arguments)
	if reload := r.Master.LastReload; reload != nil {
		copied := *reload // the launcher's own stays as it is
		copied.Errors = slices.Clone(reload.Errors)
		all(copied.Errors)
		r.Master.LastReload = &copied
	}
	for i := range r.Workers {
		clean(&r.Workers[i].LastExit)
	}
	for _, p := range r.Processes {
		clean(&p.Problem)
		p.Detail.scrub(clean, uri)
	}
}

func (d *Detail) scrub(clean, uri func(*string)) {
	if d == nil {
		return
	}
	for i := range d.Requests {
		q := &d.Requests[i]
		uri(&q.URI)
		for _, text := range []*string{&q.RequestID, &q.Client, &q.Method} {
			clean(text)
		}
	}
	for i := range d.Errors {
		clean(&d.Errors[i].Message)
		for j := range d.Errors[i].Attrs {
			clean(&d.Errors[i].Attrs[j].Value)
		}
	}
	for i := range d.Descriptors {
		clean(&d.Descriptors[i].Target)
	}
}
