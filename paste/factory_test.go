package paste

import (
	"testing"
)

func TestEggs(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "EGG-01 a filter by its distribution and entry point",
			ask:  "filter main",
			ini: `
				[filter:main]
				use = egg:Dist#entry
				a = 1
			`,
			want: "egg:Dist#entry(a=1)",
		},
		{
			name: "EGG-04 an empty distribution",
			ini: `
				[app:main]
				use = egg:#x
			`,
			want:   "D/paste.ini:2:7: [app:main] use: A distribution name is required; want egg:DISTRIBUTION#NAME",
			python: "ValueError: A distribution name is required.",
		},
		{
			name: "EGG-06 white space is not trimmed, only the first # splits",
			ini: `
				[filter-app:main]
				use = egg: X # n
				next = egg:X#a#b
			`,
			want: "filter_app()[egg: X # n() egg:X#a#b()]",
		},
		{
			name: "EGG-06 egg:X# asks for an entry without a name",
			ini: `
				[app:main]
				use = egg:X#
			`,
			want: "egg:X#()",
		},
		{
			name: "URI-03 EGG-01 the scheme is case-insensitive",
			ini: `
				[app:main]
				use = EGG:X
			`,
			want: "egg:X#main()",
		},
		{
			name: "CALL-01 call: without a colon",
			ini: `
				[app:main]
				use = call:some.module
			`,
			want:   "D/paste.ini:2:7: [app:main] use: Configuration not in format module:function; want call:MODULE:FUNCTION, without dots after the colon",
			python: "LookupError: Configuration not in format module:function",
		},
		{
			name: "CALL-01 call: with two colons",
			ini: `
				[app:main]
				use = call:some.module:a:b
			`,
			want: "D/paste.ini:2:7: [app:main] use: too many colons in 'call:some.module:a:b'; want call:MODULE:FUNCTION, without dots after the colon",
		},
		{
			name: "CALL-01 call: with dots behind the colon",
			ini: `
				[app:main]
				use = call:some.module:Class.method
			`,
			want: "D/paste.ini:2:7: [app:main] use: module 'some.module' has no attribute 'Class.method'; want call:MODULE:FUNCTION, without dots after the colon",
		},
		{
			name: "CALL-01 what stands behind # is ignored",
			ini: `
				[app:main]
				use = call:some.module:a#x
			`,
			want: "call:some.module:a()",
		},
	})
}

// EGG-07, CALL-02: how a callable is called depends on the section that says
// use; an egg's entry point does not.
func TestProtocols(t *testing.T) {
	dir := writeFiles(t, `
		[app:a]
		use = call:m:x
		[application:b]
		use = call:m:x
		[composite:c]
		use = call:m:x
		[composit:d]
		use = call:m:x
		[app:e]
		use = c
		[app:urlmap]
		use = egg:Paste#urlmap
		[composite:app]
		use = egg:App
		[pipeline:direct]
		pipeline = call:m:f call:m:x
		[filter-app:fa]
		use = call:m:f
		next = egg:A
		[app:wrong]
		paste.composite_factory = m:x
		[composite:wrong2]
		paste.app_factory = m:x
		[app:composit]
		paste.composit_factory = m:x
	`)
	for _, tc := range []struct {
		name, app string
		find      func(*Context) *Context
		want      Protocol
	}{
		{"CALL-02 in app", "a", nil, AppFactory},
		{"CALL-02 in application", "b", nil, AppFactory},
		{"CALL-02 in composite", "c", nil, CompositFactory},
		{"CALL-02 in composit", "d", nil, CompositFactory},
		{"CALL-02 in the section that says call:, not in the one that uses it", "e", nil, CompositFactory},
		{"EGG-07 a composite in an app section", "urlmap", nil, CompositeFactory},
		{"CALL-03 BUG-18 directly in a pipeline there is no protocol", "direct", func(c *Context) *Context { return c.Next }, ""},
		{"CALL-03 BUG-18 nor for its filters", "direct", func(c *Context) *Context { return c.Filters[0] }, ""},
		{"CALL-03 in a filter-app the protocol is an unknown one", "fa", func(c *Context) *Context { return c.Filter }, "paste.filter-app_factory"},
		{"FAC-08 a composite factory in an app section", "wrong", nil, CompositeFactory},
		{"FAC-08 an app factory in a composite section", "wrong2", nil, AppFactory},
		{"FAC-08 the old spelling", "composit", nil, CompositFactory},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Load(App, "config:paste.ini#"+tc.app, RelativeTo(dir))
			if err != nil {
				t.Fatal(err)
			}
			if tc.find != nil {
				c = tc.find(c)
			}
			if c.Protocol != tc.want {
				t.Errorf("protocol = %q, want %q", c.Protocol, tc.want)
			}
		})
	}
}

func TestExplicitFactories(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "FAC-07 numbered names of version 0.1 are options",
			ini: `
				[app:main]
				paste.app_factory1 = m:a
				paste.app_factory = m:b
			`,
			want: "m:b(paste.app_factory1=m:a)",
		},
		{
			name: "FAC-08 a key of another kind does not count",
			ini: `
				[app:main]
				paste.filter_factory = m:a
			`,
			want:   "D/paste.ini:1:1: [app:main] No loader given in section 'app:main'; paste.filter_factory does not fit a section of this kind, want use = ... or paste.app_factory = module:attribute",
			python: "LookupError: No loader given in section 'app:main'",
		},
		{
			name: "FAC-09 two app protocols in one section",
			ini: `
				[app:main]
				paste.composit_factory = m:b
				paste.app_factory = m:a
			`,
			want:   "D/paste.ini:1:1: [app:main] Multiple protocols given in section 'app:main': [('paste.app_factory', 'm:a'), ('paste.composit_factory', 'm:b')]; want one of them",
			python: "LookupError: Multiple protocols given in section 'app:main': [('paste.app_factory', 'm:a'), ('paste.composit_factory', 'm:b')]",
		},
		{
			name: "FAC-09 in a filter the first of the group is used, the other is an option",
			ask:  "filter main",
			ini: `
				[filter:main]
				paste.filter_app_factory = m:b
				paste.filter_factory = m:a
			`,
			want: "m:a(paste.filter_app_factory=m:b)",
		},
		{
			name: "FAC-09 in a server too",
			ask:  "server main",
			ini: `
				[server:main]
				paste.server_runner = m:b
				paste.server_factory = m:a
			`,
			want: "m:a(paste.server_runner=m:b)",
		},
		{
			name: "FAC-04 FAC-06 the second of a group alone",
			ask:  "server main",
			ini: `
				[server:main]
				paste.server_runner = m:b
			`,
			want: "m:b()",
		},
		{
			name: "FAC-10 white space round the colon and dotted attributes",
			ini: `
				[filter-app:main]
				paste.filter_factory = some.module : Class.method
				next = a
				[app:a]
				paste.app_factory = module_only
			`,
			want: "filter_app()[some.module : Class.method() module_only()]",
		},
		{
			name: "FAC-10 BUG-15 an empty expression",
			ini: `
				[app:main]
				paste.app_factory =
			`,
			want:   "D/paste.ini:2:20: [app:main] paste.app_factory: invalid factory ''; want module:attribute on the line of the option, and no comment behind it",
			python: "AttributeError: invalid factory ''",
		},
		{
			name: "FAC-10 BUG-15 a malformed expression",
			ini: `
				[app:main]
				paste.app_factory = m:a:b
			`,
			want: "D/paste.ini:2:21: [app:main] paste.app_factory: invalid factory 'm:a:b'; want module:attribute on the line of the option, and no comment behind it",
		},
		{
			name: "FAC-10 a comment behind the expression",
			ini: `
				[app:main]
				paste.app_factory = m:a # the app
			`,
			want: "D/paste.ini:2:21: [app:main] paste.app_factory: invalid factory 'm:a # the app'; want module:attribute on the line of the option, and no comment behind it",
		},
		{
			name: "FAC-10 on the line below",
			ini: `
				[app:main]
				paste.app_factory =
				  m:a
			`,
			want: `D/paste.ini:2:20: [app:main] paste.app_factory: invalid factory '\nm:a'; want module:attribute on the line of the option, and no comment behind it`,
		},
		{
			name: "FAC-12 keys may hold anything",
			ini: `
				[app:main]
				use = egg:A
				a b = 1
				/x.y = 2
				self = 3
			`,
			want: `egg:A#main("a b"=1 /x.y=2 self=3)`,
		},
	})
}

// FAC-14: the egg items of one pipeline share its globals, each named section
// has its own.
func TestSharedGlobals(t *testing.T) {
	dir := writeFiles(t, `
		[pipeline:main]
		pipeline = egg:F egg:G h egg:A
		[filter:h]
		use = egg:H
	`)
	c, err := Load(App, "config:paste.ini", RelativeTo(dir))
	if err != nil {
		t.Fatal(err)
	}
	if c.Filters[0].Global != c.Filters[1].Global || c.Filters[0].Global != c.Next.Global || c.Next.Global != c.Global {
		t.Error("FAC-14 the egg items do not share the pipeline's globals")
	}
	if c.Filters[2].Global == c.Global {
		t.Error("FAC-14 a named section shares the pipeline's globals, want its own")
	}
	b := NewBuild(c.Next, BuildConfig{})
	b.GlobalConf().Set("x", Value{Text: "1"})
	if c.Global.Has("x") {
		t.Error("GO-12 FAC-14 a factory's change of its globals is seen by others")
	}
}
