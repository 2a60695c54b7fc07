package paste

import "testing"

func TestUse(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "USE-01 a name is a section of the same kind",
			ini: `
				[app:main]
				use = x
				a = 1
				[filter:x]
				use = egg:F
				[composite:x]
				use = egg:Paste#urlmap
				/ = y
			`,
			want: "egg:Paste#urlmap(/=y a=1)",
		},
		{
			name: "USE-02 config: is relative to the file, the name defaults to main",
			ini: `
				[pipeline:main]
				pipeline = a b
				[filter:a]
				use = config:sub/x.ini
				[app:b]
				use = config:sub/x.ini#other
				-- sub/x.ini --
				[filter:main]
				use = config:y.ini#f
				[app:other]
				use = egg:A
				-- sub/y.ini --
				[filter:f]
				use = egg:F
			`,
			want: "pipeline()[egg:F#main() egg:A#main()]",
		},
		{
			name: "USE-03 egg: the name defaults to main",
			ini: `
				[pipeline:main]
				pipeline = egg:F egg:F#x egg:A
			`,
			want: "pipeline()[egg:F#main() egg:F#x() egg:A#main()]",
		},
		{
			name: "USE-04 CALL-01 call: names a callable",
			ini: `
				[app:main]
				use = call:some.module:attr
				x = 1
			`,
			want: "call:some.module:attr(x=1)",
		},
		{
			name: "USE-05 the target gets the globals, then the set lines and locals go on top again",
			ini: `
				[app:main]
				use = inner
				set g = outer
				a = outer
				[app:inner]
				use = egg:A
				set g = inner
				set h = inner
				a = inner
				b = inner
			`,
			want: "egg:A#main(a=outer b=inner | g=outer h=inner)",
		},
		{
			name: "USE-06 chains of any depth: the outermost wins",
			ini: `
				[app:main]
				use = b
				x = main
				[app:b]
				use = c
				x = b
				y = b
				[app:c]
				use = egg:A
				x = c
				y = c
				z = c
			`,
			want: "egg:A#main(x=main y=b z=c)",
		},
		{
			name: "USE-07 outer set, inner set, outer DEFAULT, inner DEFAULT",
			ini: `
				[DEFAULT]
				a = outer default
				b = outer default
				c = outer default
				[app:main]
				use = config:inner.ini
				set a = outer set
				-- inner.ini --
				[DEFAULT]
				a = inner default
				b = inner default
				c = inner default
				d = inner default
				[app:main]
				use = egg:A
				set a = inner set
				set b = inner set
			`,
			want: `egg:A#main(| a="outer set" b="inner set" c="outer default" d="inner default")`,
		},
		{
			name: "USE-09 what interpolation sees in the inner file",
			ini: `
				[DEFAULT]
				d = outer
				e = outer
				[app:main]
				use = config:inner.ini
				set s = set
				-- inner.ini --
				[DEFAULT]
				d = inner
				[app:main]
				use = egg:A
				b = %(d)s %(e)s %(s)s
			`,
			want: `egg:A#main(b="inner outer set" | d=outer e=outer s=set)`,
		},
		{
			name: "USE-09 in one file a set outside does not change what the inside sees",
			ini: `
				[DEFAULT]
				g = D
				[app:main]
				use = inner
				set g = M
				[app:inner]
				use = egg:A
				x = %(g)s
			`,
			want: "egg:A#main(x=D | g=M)",
		},
		{
			name: "USE-10 get inside sees outer set and is kept unless the outside gets too",
			ini: `
				[app:main]
				use = inner
				set q = outer
				get b = q
				[app:inner]
				use = egg:A
				get w = q
				b = inner
			`,
			want: "egg:A#main(b=outer w=outer | q=outer)",
		},
		{
			name: "USE-10 get outside does not see inner set",
			ini: `
				[app:main]
				use = inner
				get w = q
				[app:inner]
				use = egg:A
				set q = inner
			`,
			want: "D/paste.ini:3:9: [app:main] get w: no global option 'q'; want a name of [DEFAULT], of a set line or of var=value",
		},
		{
			name: "USE-11 use looks names up by the same rules",
			ini: `
				[app:main]
				use = f
				[filter:f]
				use = egg:F
			`,
			want:   "D/paste.ini:2:7: [app:main] use: No section 'f' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; [filter:f] at line 3 is no application",
			python: "LookupError: No section 'f' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "USE-12 use on the next line looks for a name with a line break",
			ini: `
				[app:main]
				use =
				  egg:X
			`,
			want:   `D/paste.ini:2:6: [app:main] use: No section '\negg:X' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; write the name on the line of its option`,
			python: `LookupError: No section '\negg:X' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini`,
		},
		{
			name: "USE-12 an empty use looks for an empty name",
			ini: `
				[app:main]
				use =
			`,
			want:   "D/paste.ini:2:6: [app:main] use: No section '' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the name is empty",
			python: "LookupError: No section '' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "USE-12 an empty use finds [app:]",
			ini: `
				[app:main]
				use =
				[app:]
				use = egg:A
			`,
			want: "egg:A#main()",
		},
		{
			name: "USE-13 use wins over paste.app_factory, which becomes an option",
			ini: `
				[app:main]
				paste.app_factory = m:a
				use = egg:A
			`,
			want: "egg:A#main(paste.app_factory=m:a)",
		},
		{
			name: "USE-14 neither",
			ini: `
				[app:main]
				a = 1
			`,
			want:   "D/paste.ini:1:1: [app:main] No loader given in section 'app:main'; want use = ... or paste.app_factory = module:attribute",
			python: "LookupError: No loader given in section 'app:main'",
		},
		{
			name: "USE-14 neither, in a filter",
			ask:  "filter f",
			ini: `
				[filter:f]
				paste.app_factory = m:a
			`,
			want:   "D/paste.ini:1:1: [filter:f] No loader given in section 'filter:f'; paste.app_factory does not fit a section of this kind, want use = ... or paste.filter_factory = module:attribute",
			python: "LookupError: No loader given in section 'filter:f'",
		},
		{
			name: "USE-14 after an error in the section nothing is said about its missing factory",
			ini: `
				[app:main]
				use = 5%
			`,
			want: "D/paste.ini:2:8: [app:main] use: '%' must be followed by '%' or '(', found: '%'; write %% for a percent sign",
		},
		{
			name: "USE-15 BUG-15 a section that uses itself",
			ini: `
				[app:main]
				use = main
			`,
			want:   "D/paste.ini:2:7: [app:main] use: the references run in a circle: [app:main] -(use)-> [app:main]; remove one of them",
			python: "RecursionError: the references run in a circle: [app:main] -(use)-> [app:main]",
		},
		{
			name: "USE-15 BUG-15 two that use each other, reached from a third",
			ini: `
				[app:main]
				use = a
				[app:a]
				use = b
				[app:b]
				use = a
			`,
			want: "D/paste.ini:6:7: [app:b] use: the references run in a circle: [app:a] -(use)-> [app:b] -(use)-> [app:a]; remove one of them",
		},
		{
			name: "USE-15 BUG-15 a circle over use, pipeline, filter-with and next",
			ini: `
				[app:main]
				use = p
				[pipeline:p]
				pipeline = f
				[filter-app:f]
				use = egg:F
				next = a
				[app:a]
				use = main
				filter-with = w
				[filter:w]
				use = egg:F
			`,
			want: "D/paste.ini:9:7: [app:a] use: the references run in a circle: [app:main] -(use)-> [pipeline:p] -(pipeline)-> [filter-app:f] -(next)-> [app:a] -(use)-> [app:main]; remove one of them",
		},
		{
			name: "USE-15 BUG-15 a circle over two files",
			ini: `
				[app:main]
				use = config:b.ini
				-- b.ini --
				[app:main]
				use = config:paste.ini
			`,
			want: "D/paste.ini:2:7: [app:main] use: the references run in a circle: D/b.ini [app:main] -(use)-> D/paste.ini [app:main] -(use)-> D/b.ini [app:main]; remove one of them",
		},
		{
			name: "USE-15 BUG-15 files that refer to each other by names that are URIs",
			ini: `
				[app:main]
				use = config:b.ini#config:paste.ini
				-- b.ini --
			`,
			want: "D/paste.ini:2:7: [app:main] use: the references run in a circle: [app:main] -(use)-> [app:main]; remove one of them",
		},
		{
			name: "USE-15 the same section with other globals is no circle",
			ini: `
				[app:main]
				use = egg:A
				filter-with = f
				[filter:f]
				use = egg:F
				set x = 1
			`,
			want: "filtered_with()[egg:F#main(| x=1) egg:A#main()]",
		},
		{
			name: "USE-17 BUG-04 locals on top of a pipeline are lost, with a warning",
			ini: `
				[app:main]
				use = p
				set g = kept
				lost = 1
				[pipeline:p]
				pipeline = egg:F egg:A
			`,
			want: "pipeline(lost=1 | g=kept)[egg:F#main(| g=kept) egg:A#main(| g=kept)]",
			warn: "D/paste.ini:4:8: [app:main] lost: the option is lost: what the section uses is a pipeline, which hands no options on; write it in the section that uses the factory",
		},
		{
			name: "USE-18 BUG-04 locals on top of an app with filter-with are lost if it has use",
			ini: `
				[app:main]
				use = x
				lost = 1
				set g = kept
				[app:x]
				use = egg:A
				filter-with = egg:F
			`,
			want: "filtered_with(lost=1 | g=kept)[egg:F#main(| g=kept) egg:A#main(| g=kept)]",
			warn: "D/paste.ini:3:8: [app:main] lost: the option is lost: what the section uses has filter-with, which hands no options on; write it in the section that uses the factory",
		},
		{
			name: "USE-18 and reach it if it names its factory itself",
			ini: `
				[app:main]
				use = x
				kept = 1
				[app:x]
				paste.app_factory = m:a
				filter-with = egg:F
			`,
			want: "filtered_with(kept=1)[egg:F#main() m:a(kept=1)]",
			warn: "none",
		},
		{
			name: "USE-18 BUG-04 locals on top of a filter-app are lost if it has use",
			ini: `
				[app:main]
				use = x
				lost = 1
				[filter-app:x]
				use = egg:F
				next = egg:A
			`,
			want: "filter_app(lost=1)[egg:F#main() egg:A#main()]",
			warn: "D/paste.ini:3:8: [app:main] lost: the option is lost: what the section uses is a filter-app, which hands no options on; write it in the section that uses the factory",
		},
		{
			name: "USE-18 and reach its filter if it names its factory itself",
			ini: `
				[app:main]
				use = x
				kept = 1
				[filter-app:x]
				paste.filter_factory = m:f
				next = egg:A
			`,
			want: "filter_app(kept=1)[m:f(kept=1) egg:A#main()]",
			warn: "none",
		},
		{
			name: "USE-19 an outer filter-with wraps the whole target",
			ini: `
				[app:main]
				use = x
				filter-with = egg:Outer
				a = 1
				[app:x]
				use = egg:A
				filter-with = egg:Inner
			`,
			want: "filtered_with(a=1)[egg:Outer#main() filtered_with(a=1)[egg:Inner#main() egg:A#main()]]",
		},
	})
}
