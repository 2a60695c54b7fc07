package paste

import "testing"

func TestLocalsAndGlobals(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "GLB-01 globals are DEFAULT, then what is passed, then the set lines, for each section its own",
			ask:  "app p",
			global: map[string]string{
				"b": "passed", "c": "passed", "n": "new",
			},
			ini: `
				[DEFAULT]
				a = default
				b = default
				c = default
				[pipeline:p]
				pipeline = f x
				[filter:f]
				use = egg:F
				set a = in f
				[app:x]
				use = egg:A
				set c = in x
			`,
			want: `pipeline(| a=default b=passed c=passed n=new)[egg:F#main(| a="in f" b=passed c=passed n=new) egg:A#main(| a=default b=passed c="in x" n=new)]`,
		},
		{
			name: "GLB-02 GLB-12 locals are the other options, without those that the loader consumes",
			ini: `
				[app:main]
				require = Dist1
					Dist2
				a = 1
				paste.app_factory = m:a
				filter-with = egg:F
				b = 2
			`,
			want: "filtered_with(a=1 b=2)[egg:F#main() m:a(a=1 b=2)]",
		},
		{
			name: "GEN-01 INI-16 CONV-04 everything is text, quotes and all",
			ini: `
				[app:main]
				use = egg:A
				quoted = "yes"
				flag = on
				number = 007
				list = [1, 2]
			`,
			want: `egg:A#main(quoted="\"yes\"" flag=on number=007 list="[1, 2]")`,
		},
		{
			name: "GEN-07 the order of the file is kept, inner keys first",
			ini: `
				[app:main]
				use = inner
				z = outer
				b = outer
				y = outer
				[app:inner]
				c = inner
				use = egg:A
				b = inner
				a = inner
			`,
			want: "egg:A#main(c=inner b=outer a=inner z=outer y=outer)",
		},
		{
			name: "GLB-03 BUG-02 a local option that DEFAULT has is dropped, whatever its value",
			ini: `
				[DEFAULT]
				debug = true
				same = 1
				[app:main]
				use = egg:A
				debug = false
				same = 1
				interp = %(debug)s
			`,
			want: "egg:A#main(interp=false | debug=true same=1)",
			warn: "D/paste.ini:6:9: [app:main] debug: the option is in [DEFAULT] too (line 2) and wins: this line has no effect; write set debug = ... to change it here",
		},
		{
			name: "GLB-03 here and __file__ are dropped too",
			ini: `
				[app:main]
				use = egg:A
				here = /x
				__file__ = y
			`,
			want: "egg:A#main()",
			warn: `
				D/paste.ini:3:8: [app:main] here: the option is set by the loader and wins: this line has no effect; write set here = ... to change it here
				D/paste.ini:4:12: [app:main] __file__: the option is set by the loader and wins: this line has no effect; write set __file__ = ... to change it here
			`,
		},
		{
			name:   "GLB-04 BUG-02 a passed global removes the option of its name",
			global: map[string]string{"debug": "1", "use": "egg:No"},
			ini: `
				[app:main]
				paste.app_factory = m:a
				debug = 2
				x = 3
			`,
			want: "m:a(x=3 | debug=1 use=egg:No)",
			warn: "D/paste.ini:3:9: [app:main] debug: the option is given by the caller too and wins: this line has no effect; write set debug = ... to change it here",
		},
		{
			name: "GLB-04 BUG-02 so do DEFAULT and set keys of an outer file",
			ini: `
				[DEFAULT]
				a = outer default
				[app:main]
				use = config:inner.ini
				set b = outer set
				-- inner.ini --
				[app:main]
				use = egg:A
				a = inner
				b = inner
				c = inner
			`,
			want: `egg:A#main(c=inner | a="outer default" b="outer set")`,
			warn: `
				D/inner.ini:3:5: [app:main] a: the option is in [DEFAULT] of D/paste.ini too (line 2), which uses this file and wins: this line has no effect; remove one of the two
				D/inner.ini:4:5: [app:main] b: the option is in [app:main] of D/paste.ini too (line 5), which uses this file and wins: this line has no effect; remove one of the two
			`,
		},
		{
			name: "GLB-05 use in DEFAULT takes it from every section",
			ini: `
				[DEFAULT]
				use = egg:A
				[app:main]
				use = egg:B
			`,
			want:   "D/paste.ini:3:1: [app:main] No loader given in section 'app:main'; its option use has no effect, because [DEFAULT] or the caller has one of that name",
			python: "LookupError: No loader given in section 'app:main'",
		},
		{
			name: "GLB-05 pipeline in DEFAULT",
			ini: `
				[DEFAULT]
				pipeline = egg:A
				[pipeline:main]
				pipeline = egg:B
			`,
			want:   "D/paste.ini:3:1: [pipeline:main] The [pipeline:main] section in D/paste.ini is missing a 'pipeline' setting; its option pipeline has no effect, because [DEFAULT] or the caller has one of that name",
			python: "LookupError: The [pipeline:main] section in D/paste.ini is missing a 'pipeline' setting",
		},
		{
			name: "GLB-05 next in DEFAULT",
			ini: `
				[DEFAULT]
				next = egg:A
				[filter-app:main]
				use = egg:F
				next = egg:B
			`,
			want:   "D/paste.ini:3:1: [filter-app:main] The [filter-app:main] section in D/paste.ini is missing a 'next' setting; its option next has no effect, because [DEFAULT] or the caller has one of that name",
			python: "LookupError: The [filter-app:main] section in D/paste.ini is missing a 'next' setting",
		},
		{
			name: "GLB-05 paste.app_factory and filter-with in DEFAULT",
			ini: `
				[DEFAULT]
				paste.app_factory = m:a
				filter-with = egg:F
				[app:main]
				paste.app_factory = m:b
				filter-with = egg:F
			`,
			want: "D/paste.ini:4:1: [app:main] No loader given in section 'app:main'; its option paste.app_factory has no effect, because [DEFAULT] or the caller has one of that name",
		},
		{
			name: "GLB-06 options of DEFAULT alone never become local",
			ini: `
				[DEFAULT]
				a = 1
				[app:main]
				use = egg:A
			`,
			want: "egg:A#main(| a=1)",
		},
		{
			name: "GLB-07 set needs one blank, the rest is stripped; its look-alikes are options",
			ini:  "[app:main]\nuse = egg:A\nset   q = 1\nset q r = 2\nset\tq = 3\nset = 4\nSet q = 5\nsetx = 6\nget\tq = 7\nget = 8\n",
			want: `egg:A#main("set\tq"=3 set=4 "Set q"=5 setx=6 "get\tq"=7 get=8 | q=1 "q r"=2)`,
		},
		{
			name: "GLB-07 PIPE-07 set is interpolated and reaches what the section refers to",
			ini: `
				[pipeline:main]
				pipeline = f a
				set g = %(here)s%%
				[filter:f]
				use = egg:F
				[app:a]
				use = b
				[app:b]
				use = egg:A
				get h = g
			`,
			want: "pipeline(| g=D%)[egg:F#main(| g=D%) egg:A#main(h=D% | g=D%)]",
		},
		{
			name: "GLB-08 get reads after all set lines; its right side is interpolated",
			ini: `
				[DEFAULT]
				which = q
				[app:main]
				use = egg:A
				get a = %(which)s
				set q = late
			`,
			want: "egg:A#main(a=late | which=q q=late)",
		},
		{
			name: "GLB-08 BUG-15 a missing global",
			ini: `
				[DEFAULT]
				log_level = info
				[app:main]
				use = egg:A
				get level = log_lebel
			`,
			want:   "D/paste.ini:5:13: [app:main] get level: no global option 'log_lebel'; did you mean log_level?",
			python: "KeyError: 'log_lebel'",
		},
		{
			name: "GLB-09 get overrides a plain local and reaches what GLB-03 drops",
			ini: `
				[DEFAULT]
				k = default
				[app:main]
				use = egg:A
				k = dropped
				p = plain
				get k = k
				get p = k
				get h = __file__
			`,
			want: "egg:A#main(p=default k=default h=D/paste.ini | k=default)",
		},
		{
			name: "GLB-10 set q and q are independent",
			ini: `
				[app:main]
				use = egg:A
				q = local
				set q = global
			`,
			want: "egg:A#main(q=local | q=global)",
		},
		{
			name: "GLB-11 set and get lines in DEFAULT act in every section, which may have its own",
			ini: `
				[DEFAULT]
				set x = from default
				get y = x
				[pipeline:main]
				pipeline = f egg:A
				get pipeline = p
				set p = f a
				[filter:f]
				use = egg:F
				set x = own
				[app:a]
				use = egg:A
			`,
			want: "D/paste.ini:3:1: [pipeline:main] y: The [pipeline:main] pipeline section in D/paste.ini has extra (disallowed) settings: y; a pipeline takes only pipeline, set ..., filter-with and require; options belong to its filters and its app",
		},
		{
			name: "GLB-11 one that needs no local",
			ini: `
				[DEFAULT]
				set x = from default
				get y = x
				[app:main]
				use = inner
				set x = own
				[app:inner]
				use = egg:A
			`,
			want: `egg:A#main(y=own | "set x"="from default" "get y"=x x=own)`,
		},
		{
			name: "GLB-13 a server keeps filter-with as an option",
			ask:  "server main",
			ini: `
				[server:main]
				use = egg:S
				filter-with = x
				require = D
			`,
			want: "egg:S#main(filter-with=x)",
		},
	})
}
