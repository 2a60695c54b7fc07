package conformance

import "regexp"

// landmark is an error of sections 0 to 8 of the semantics that a long run of
// the generator has to meet.
type landmark struct {
	name, class string
	text        *regexp.Regexp
}

func mark(name, class, text string) landmark {
	return landmark{name, class, regexp.MustCompile(text)}
}

// landmarks leaves out what cannot happen with a stubbed resolution of code:
// EGG-02, EGG-03, unknown distributions, failing imports; and errors of the
// caller: URIs without a scheme, globals that are no text (INT-18).
var landmarks = []landmark{
	mark("INI-01 undecodable bytes", "UnicodeDecodeError", ``),
	mark("INI-02 byte order mark", "MissingSectionHeaderError", `'\\ufeff`),
	mark("INI-14 line without delimiter", "ParsingError", `\[line +\d+\]: '[^:=]*'`),
	mark("INI-15 empty key", "ParsingError", `\[line +\d+\]: '\s*[:=]`),
	mark("INI-15 two empty keys", "DuplicateOptionError", `option '' in section`),
	mark("INI-18 duplicate option", "DuplicateOptionError", `option '.+' in section '[^D]`),
	mark("INI-18 duplicate option of DEFAULT", "DuplicateOptionError", `in section 'DEFAULT' already`),
	mark("INI-20 option before any section", "MissingSectionHeaderError", `^File contains no section headers`),
	mark("INI-25 duplicate section", "DuplicateSectionError", `already exists$`),
	mark("INT-04 too many steps", "InterpolationDepthError", `^Error in file .*: Recursion limit exceeded`),
	mark("INT-05 unknown name", "InterpolationMissingOptionError", `: Bad value substitution`),
	mark("INT-06 stray %", "InterpolationSyntaxError", `'%' must be followed by`),
	mark("INT-07 bad reference", "InterpolationSyntaxError", `bad interpolation variable reference`),
	mark("INT-13 error in DEFAULT", "InterpolationMissingOptionError", `in section 'DEFAULT'`),
	mark("SEC-06 no such app", "LookupError", `^No section '.*' \(prefixed by 'app' or`),
	mark("SEC-06 no such filter", "LookupError", `^No section .* \(prefixed by 'filter'\)`),
	mark("SEC-06 no such server", "LookupError", `^No section .* \(prefixed by 'server'\)`),
	mark("SEC-06 in another file", "LookupError", `^No section .* found in config <here>`),
	mark("SEC-07 ambiguous", "LookupError", `^Ambiguous section names \['`),
	mark("GLB-08 get of nothing", "KeyError", ``),
	mark("USE-12 value that starts with a line end", "LookupError", `^No section '\\n`),
	mark("USE-14 no loader", "LookupError", `^No loader given in section`),
	mark("USE-15 cycle", "RecursionError", ``),
	mark("EGG-04 empty distribution", "ValueError", `^A distribution name is required`),
	mark("CALL-01 no colon", "LookupError", `^Configuration not in format module:function`),
	mark("CALL-01 two colons", "ValueError", `^too many values to unpack`),
	mark("CALL-01 dotted attribute", "AttributeError", `has no attribute 'a\.b'`),
	mark("FAC-09 two protocols", "LookupError", `^Multiple protocols given in section`),
	mark("FAC-10 malformed expression", "AttributeError", `^'NoneType' object has no attribute 'group'`),
	mark("PIPE-05 empty pipeline", "IndexError", `^list index out of range`),
	mark("PIPE-05 no pipeline", "LookupError", `is missing a 'pipeline' setting$`),
	mark("PIPE-06 extra settings", "LookupError", `has extra \(disallowed\) settings: `),
	mark("FAPP-02 no next", "LookupError", `is missing a 'next' setting$`),
	mark("URI-03 unknown scheme", "LookupError", `^URI scheme not known: `),
	mark("URI-05 nothing to be relative to", "ValueError", `^Cannot resolve relative uri`),
	mark("URI-09 missing file", "FileNotFoundError", `^\[Errno 2\] No such file or directory: '<here>`),
	mark("URI-09 directory", "IsADirectoryError", ``),
	mark("URI-09 file as a folder", "NotADirectoryError", ``),
	mark("URI-09 NUL in a path", "ValueError", `embedded null byte`),
}

// kindsToReach are the values of a context's keys that a long run has to meet.
var kindsToReach = []string{
	"object_type application", "object_type filter", "object_type server",
	"object_type pipeline", "object_type filter_app", "object_type filtered_with",
	"factory_kind egg", "factory_kind call", "factory_kind explicit",
	"composite_kind urlmap", "composite_kind cascade", "composite_kind pipeline_factory", "composite_kind opaque",
	"protocol paste.app_factory", "protocol paste.composite_factory", "protocol paste.composit_factory",
	"protocol paste.filter_factory", "protocol paste.filter_app_factory", "protocol paste.filter-app_factory",
	"protocol paste.server_factory", "protocol paste.server_runner", "protocol <nil>",
}
