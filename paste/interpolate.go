package paste

import (
	"fmt"
	"os"
	"strings"
)

const (
	// maxInterpolation is how deep references may nest (INT-04).
	maxInterpolation = 10
	// maxReferences bounds what one value may expand to: nested references
	// multiply.
	maxReferences = 100_000
	// maxExpansion bounds the length of an expanded value, in bytes.
	maxExpansion = 16 << 20
)

// scope is where the names in a value are looked up (INT-02): the section, then
// the DEFAULT set.
type scope struct {
	loader  *Loader
	section *section // the DEFAULT section itself for its own values
}

func (s scope) lookup(name string) (Value, bool) {
	if s.section != s.loader.doc.defaults {
		if o := s.section.option(name); o != nil {
			return Value{Text: o.raw, opt: o, via: ViaSection, raw: true}, true
		}
	}
	return s.loader.rawDefaults.Value(name)
}

// expansion is the work on one value.
type expansion struct {
	scope
	option string // of the value asked for, for the error texts
	asked  Value
	out    strings.Builder
	count  int
	secret bool
}

// expand interpolates a value (section 2).
func (s scope) expand(key string, v Value) (Value, *Error) {
	if strings.IndexByte(v.Text, '%') < 0 {
		return v, nil
	}
	x := &expansion{scope: s, option: key, asked: v, secret: v.secret}
	if err := x.value(v, 1); err != nil {
		return v, err
	}
	return Value{Text: x.out.String(), opt: v.opt, via: v.via, secret: x.secret}, nil
}

// value appends the expansion of one text. What the loader made itself (here,
// __file__ and the values that another file passed down) is plain text where it
// would otherwise be a syntax error: INT-16 and INT-17 are mended so.
func (x *expansion) value(v Value, depth int) *Error {
	x.secret = x.secret || v.Secret()
	before := x.out.Len()
	err, own := x.text(v, depth)
	if err == nil || v.raw || !own {
		return err
	}
	kept := x.out.String()[:before]
	x.out.Reset()
	x.out.WriteString(kept)
	x.out.WriteString(v.Text)
	return nil
}

// text expands one text; own tells that the error is a syntax error of this
// very text, not of one that it refers to.
func (x *expansion) text(v Value, depth int) (err *Error, own bool) {
	if depth > maxInterpolation {
		return x.error("InterpolationDepthError", v, 0, fmt.Sprintf(
			"Recursion limit exceeded in value substitution: option %s in section %s contains an interpolation key which cannot be substituted in %d steps. Raw value: ",
			repr(x.option), repr(x.section.name), maxInterpolation), x.asked.Text, "values may refer to each other at most 10 levels deep, and never in a circle"), false
	}
	for rest := v.Text; rest != ""; {
		p := strings.IndexByte(rest, '%')
		if p < 0 {
			p = len(rest)
		}
		x.out.WriteString(rest[:p])
		if x.out.Len() > maxExpansion {
			return x.tooLarge(v), false
		}
		rest = rest[p:]
		at := len(v.Text) - len(rest)
		switch {
		case rest == "":
		case strings.HasPrefix(rest, "%%"):
			x.out.WriteByte('%')
			rest = rest[2:]
		case !strings.HasPrefix(rest, "%("):
			return x.error("InterpolationSyntaxError", v, at,
				"'%' must be followed by '%' or '(', found: ", rest, "write %% for a percent sign"), true
		default:
			name, after, ok := reference(rest)
			if !ok {
				return x.error("InterpolationSyntaxError", v, at,
					"bad interpolation variable reference ", rest, "want %(NAME)s, or %% for a percent sign"), true
			}
			if err := x.reference(name, v, at, depth); err != nil {
				return err, false
			}
			rest = after
		}
	}
	return nil, false
}

// reference splits "%(name)s rest": one or more characters but ")" (INT-02).
func reference(rest string) (name, after string, ok bool) {
	end := strings.IndexByte(rest, ')')
	if end < 3 || !strings.HasPrefix(rest[end:], ")s") {
		return "", "", false
	}
	return rest[2:end], rest[end+2:], true
}

func (x *expansion) reference(name string, in Value, at, depth int) *Error {
	if x.count++; x.count > maxReferences {
		return x.tooLarge(in)
	}
	v, ok := x.lookup(name)
	if !ok {
		return x.environment(name, in, at)
	}
	if strings.IndexByte(v.Text, '%') < 0 {
		x.secret = x.secret || v.Secret()
		x.out.WriteString(v.Text)
		return nil
	}
	return x.value(v, depth+1)
}

// environment resolves %(ENV:NAME)s and %(ENV:NAME:-default)s, which are ours;
// every other name is unknown (INT-05).
func (x *expansion) environment(name string, in Value, at int) *Error {
	variable, isEnv := strings.CutPrefix(name, "ENV:")
	if !isEnv {
		return x.unknown(name, in, at)
	}
	variable, fallback, hasFallback := strings.Cut(variable, ":-")
	value, set := os.LookupEnv(variable)
	switch {
	case set && value != "":
		x.secret = true
		x.out.WriteString(value)
	case hasFallback:
		x.out.WriteString(fallback)
	case set:
	default:
		return x.error("InterpolationMissingOptionError", in, at,
			fmt.Sprintf("environment variable %s is not set", variable), "", "set it, or write %(ENV:"+variable+":-DEFAULT)s")
	}
	return nil
}

func (x *expansion) unknown(name string, in Value, at int) *Error {
	hint := "[DEFAULT] is expanded by itself: want one of its own options, or %% for a percent sign" // INT-13
	var known []string
	if x.section != x.loader.doc.defaults {
		hint = "want an option of this section or of [DEFAULT], or %% for a percent sign"
		for _, o := range x.section.all() {
			if o.key != x.option && !strings.HasPrefix(o.key, "set ") && !strings.HasPrefix(o.key, "get ") {
				known = append(known, o.key)
			}
		}
	}
	if near := x.loader.session.nearest(name, append(known, x.loader.rawDefaults.Keys()...)); near != "" {
		hint = fmt.Sprintf("did you mean %%(%s)s?", near)
	}
	if x.section.option("set "+name) != nil { // INT-12
		hint = fmt.Sprintf("set %s is for factories only: write %s = ... as well", name, name)
	}
	return x.error("InterpolationMissingOptionError", in, at, fmt.Sprintf(
		"Bad value substitution: option %s in section %s contains an interpolation key %s which is not a valid option name. Raw value: ",
		repr(x.option), repr(x.section.name), repr(name)), x.asked.Text, hint)
}

func (x *expansion) tooLarge(v Value) *Error {
	return x.error("InterpolationDepthError", v, 0,
		fmt.Sprintf("the value expands to more than %d references or %d bytes", maxReferences, maxExpansion), "",
		"values may not multiply each other")
}

// error places a problem at a byte of the value in which it stands. Paste
// Deploy's text ends with a piece of a value, which is not shown when it may be
// a secret: nothing else in these files breaks as often as a % in a password.
func (x *expansion) error(class string, in Value, at int, text, quoted, hint string) *Error {
	shown := quoted
	if quoted != "" {
		shown, quoted = repr(quoted), repr(quoted)
		if x.hides(in) {
			shown = "'****'"
		}
	}
	e := &Error{
		Section: x.section.name, Option: x.option, Problem: text + shown, Hint: hint,
		Kind: ErrInterpolation, class: class,
		text: "Error in file " + x.loader.filename + ": " + text + quoted, // INT-08
	}
	switch {
	case in.opt != nil:
		e.Pos = in.opt.valueAt(at)
	case x.asked.opt != nil:
		e.Pos = x.asked.opt.valuePos()
	default:
		e.Pos = Pos{File: displayName(x.loader.filename)}
		e.Hint = "the value was given by the caller; " + hint
	}
	return e
}

// hides reports whether a value or the one that refers to it may be a secret: by
// the name of its option, by its origin, or as a URL with a password.
func (x *expansion) hides(in Value) bool {
	return x.secret || SecretName(x.option) || holdsPassword(x.asked.Text) || holdsPassword(in.Text) ||
		in.opt != nil && SecretName(in.opt.key)
}

// holdsPassword reports whether a text looks like scheme://user:password@host.
func holdsPassword(text string) bool {
	_, rest, ok := strings.Cut(text, "://")
	at := strings.LastIndexByte(rest, '@')
	return ok && at >= 0 && strings.Contains(rest[:at], ":")
}
