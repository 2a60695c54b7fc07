package paste

import "testing"

func TestPipelines(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "PIPE-01 words split on any white space; the last is the app",
			ini:  "[pipeline:main]\npipeline =\n  f1\tf2\n\n  # not a word\n  app\n[filter:f1]\nuse = egg:F1\n[filter:f2]\nuse = egg:F2\n[app:app]\nuse = egg:A\n",
			want: "pipeline()[egg:F1#main() egg:F2#main() egg:A#main()]",
		},
		{
			name: "PIPE-02 commas are no separators",
			ini: `
				[pipeline:main]
				pipeline = f, a
				[filter:f]
				use = egg:F
				[app:a]
				use = egg:A
			`,
			want:   "D/paste.ini:2:12: [pipeline:main] pipeline: No section 'f,' (prefixed by 'filter') found in config D/paste.ini; names are separated by white space, not by commas",
			python: "LookupError: No section 'f,' (prefixed by 'filter') found in config D/paste.ini",
		},
		{
			name: "PIPE-03 filters are sections or URIs, with filter-with or without",
			ini: `
				[pipeline:main]
				pipeline = f egg:F#x config:o.ini#g egg:A
				[filter:f]
				use = egg:F
				filter-with = w
				[filter:w]
				use = egg:W
				-- o.ini --
				[filter:g]
				use = egg:G
			`,
			want: "pipeline()[filtered_with()[egg:W#main() egg:F#main()] egg:F#x() egg:G#main() egg:A#main()]",
		},
		{
			name: "PIPE-03 not apps, pipelines or filter-apps",
			ini: `
				[pipeline:main]
				pipeline = a p fa egg:A
				[app:a]
				use = egg:A
				[pipeline:p]
				pipeline = egg:A
				[filter-app:fa]
				use = egg:F
				next = a
			`,
			want: `
				D/paste.ini:2:12: [pipeline:main] pipeline: No section 'a' (prefixed by 'filter') found in config D/paste.ini; [app:a] at line 3 is no filter; all words of a pipeline but the last are filters
				D/paste.ini:2:14: [pipeline:main] pipeline: No section 'p' (prefixed by 'filter') found in config D/paste.ini; [pipeline:p] at line 5 is no filter; all words of a pipeline but the last are filters
				D/paste.ini:2:16: [pipeline:main] pipeline: No section 'fa' (prefixed by 'filter') found in config D/paste.ini; [filter-app:fa] at line 7 is no filter; all words of a pipeline but the last are filters
			`,
			python: "LookupError: No section 'a' (prefixed by 'filter') found in config D/paste.ini",
		},
		{
			name: "PIPE-04 the last may be a pipeline or a filter-app",
			ini: `
				[pipeline:main]
				pipeline = egg:F p
				[pipeline:p]
				pipeline = egg:G fa
				[filter-app:fa]
				use = egg:H
				next = egg:A
			`,
			want: "pipeline()[egg:F#main() pipeline()[egg:G#main() filter_app()[egg:H#main() egg:A#main()]]]",
		},
		{
			name: "PIPE-04 a filter at the end",
			ini: `
				[pipeline:main]
				pipeline = f
				  f
				[filter:f]
				use = egg:F
			`,
			want:   "D/paste.ini:3:3: [pipeline:main] pipeline: No section 'f' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; f is a filter; the last word of a pipeline is its application",
			python: "LookupError: No section 'f' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "PIPE-05 one item is that app",
			ini: `
				[pipeline:main]
				pipeline = a
				[app:a]
				use = egg:A
				x = 1
			`,
			want: "pipeline()[egg:A#main(x=1)]",
		},
		{
			name: "PIPE-05 BUG-15 an empty list",
			ini: `
				[pipeline:main]
				pipeline =
			`,
			want:   "D/paste.ini:2:11: [pipeline:main] pipeline: the pipeline is empty; want pipeline = FILTER ... APP",
			python: "IndexError: list index out of range",
		},
		{
			name: "PIPE-05 a missing key",
			ini: `
				[pipeline:main]
				set x = 1
			`,
			want:   "D/paste.ini:1:1: [pipeline:main] The [pipeline:main] section in D/paste.ini is missing a 'pipeline' setting; want pipeline = FILTER ... APP",
			python: "LookupError: The [pipeline:main] section in D/paste.ini is missing a 'pipeline' setting",
		},
		{
			name: "PIPE-06 other options fail, in file order",
			ini: `
				[pipeline:main]
				use = egg:X
				pipeline = egg:A
				b = 1
				get q = here
				a = 2
			`,
			want:   "D/paste.ini:2:1: [pipeline:main] use: The [pipeline:main] pipeline section in D/paste.ini has extra (disallowed) settings: use, b, a, q; a pipeline takes only pipeline, set ..., filter-with and require; options belong to its filters and its app",
			python: "LookupError: The [pipeline:main] pipeline section in D/paste.ini has extra (disallowed) settings: use, b, a, q",
		},
		{
			name: "PIPE-06 allowed are set, filter-with, require and get pipeline",
			ini: `
				[DEFAULT]
				dropped = 1
				[pipeline:main]
				require = D
				set p = egg:F egg:A
				dropped = 2
				filter-with = egg:W
				get pipeline = p
			`,
			want: `filtered_with(| dropped=1 p="egg:F egg:A")[egg:W#main(| dropped=1 p="egg:F egg:A") pipeline(| dropped=1 p="egg:F egg:A")[egg:F#main(| dropped=1 p="egg:F egg:A") egg:A#main(| dropped=1 p="egg:F egg:A")]]`,
		},
		{
			name: "PIPE-08 the app is resolved first",
			ini: `
				[pipeline:main]
				pipeline = nofilter noapp
			`,
			want: `
				D/paste.ini:2:21: [pipeline:main] pipeline: No section 'noapp' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [pipeline:main]
				D/paste.ini:2:12: [pipeline:main] pipeline: No section 'nofilter' (prefixed by 'filter') found in config D/paste.ini; the file has no section for a filter
			`,
			python: "LookupError: No section 'noapp' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "PIPE-09 a pipeline is no filter",
			ask:  "filter p",
			ini: `
				[pipeline:p]
				pipeline = egg:F egg:G
			`,
			want: "D/paste.ini:1:1: No section 'p' (prefixed by 'filter') found in config D/paste.ini; [pipeline:p] at line 1 is no filter",
		},
		{
			name: "PIPE-01 INT-01 a pipeline of references",
			ini: `
				[DEFAULT]
				common = f nofilter
				[pipeline:main]
				pipeline = %(common)s noapp
				[filter:f]
				use = egg:F
			`,
			want: `
				D/paste.ini:4:12: [pipeline:main] pipeline: No section 'noapp' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [pipeline:main]
				D/paste.ini:4:12: [pipeline:main] pipeline: No section 'nofilter' (prefixed by 'filter') found in config D/paste.ini; the file has [filter:f]
			`,
		},
	})
}

func TestFilterApps(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "FAPP-01 a filter with its options and the next app",
			ini: `
				[filter-app:main]
				paste.filter_app_factory = m:f
				next = egg:A
				x = 1
			`,
			want: "filter_app(x=1)[m:f(x=1) egg:A#main()]",
		},
		{
			name: "FAPP-02 next is missing",
			ini: `
				[filter-app:main]
				use = egg:F
			`,
			want:   "D/paste.ini:1:1: [filter-app:main] The [filter-app:main] section in D/paste.ini is missing a 'next' setting; want next = NAME of an application",
			python: "LookupError: The [filter-app:main] section in D/paste.ini is missing a 'next' setting",
		},
		{
			name: "FAPP-02 next takes one name",
			ini: `
				[filter-app:main]
				use = egg:F
				next = f a
				[app:a]
				use = egg:A
			`,
			want:   "D/paste.ini:3:8: [filter-app:main] next: No section 'f a' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; only a pipeline takes several names",
			python: "LookupError: No section 'f a' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "FAPP-03 use names a filter section, the options go on top",
			ini: `
				[filter-app:main]
				use = f
				next = egg:A
				x = outer
				[filter:f]
				use = egg:F
				x = inner
				y = inner
				[app:f]
				use = egg:No
			`,
			want: "filter_app(x=outer)[egg:F#main(x=outer y=inner) egg:A#main()]",
		},
		{
			name: "FAPP-03 USE-18 unless that filter has filter-with and use",
			ini: `
				[filter-app:main]
				use = f
				next = egg:A
				x = lost
				[filter:f]
				use = egg:F
				filter-with = egg:W
			`,
			want: "filter_app(x=lost)[filtered_with(x=lost)[egg:W#main() egg:F#main()] egg:A#main()]",
			warn: "D/paste.ini:4:5: [filter-app:main] x: the option is lost: what the section uses has filter-with, which hands no options on; write it in the section that uses the factory",
		},
		{
			name: "FAPP-04 set reaches both",
			ini: `
				[filter-app:main]
				use = egg:F
				next = a
				set g = 1
				[app:a]
				use = egg:A
			`,
			want: "filter_app(| g=1)[egg:F#main(| g=1) egg:A#main(| g=1)]",
		},
		{
			name: "FAPP-05 elsewhere next is an ordinary option",
			ini: `
				[app:main]
				use = egg:A
				next = x
			`,
			want: "egg:A#main(next=x)",
		},
		{
			name: "FAPP-01 both parts are checked, next first",
			ini: `
				[filter-app:main]
				use = nofilter
				next = noapp
			`,
			want: `
				D/paste.ini:3:8: [filter-app:main] next: No section 'noapp' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [filter-app:main]
				D/paste.ini:2:7: [filter-app:main] use: No section 'nofilter' (prefixed by 'filter') found in config D/paste.ini; the file has no section for a filter
			`,
			python: "LookupError: No section 'noapp' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
		{
			name: "FAPP-01 no filter at all",
			ini: `
				[filter-app:main]
				next = egg:A
			`,
			want:   "D/paste.ini:1:1: [filter-app:main] No loader given in section 'filter-app:main'; want use = ... or paste.filter_factory = module:attribute",
			python: "LookupError: No loader given in section 'filter-app:main'",
		},
	})
}

func TestFilterWith(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "FWITH-01 one filter by name or URI",
			ini: `
				[app:main]
				use = egg:A
				filter-with = egg:F#x
			`,
			want: "filtered_with()[egg:F#x() egg:A#main()]",
		},
		{
			name: "FWITH-01 an empty value looks for an empty name",
			ini: `
				[app:main]
				use = egg:A
				filter-with =
			`,
			want:   "D/paste.ini:3:14: [app:main] filter-with: No section '' (prefixed by 'filter') found in config D/paste.ini; the name is empty",
			python: "LookupError: No section '' (prefixed by 'filter') found in config D/paste.ini",
		},
		{
			name: "FWITH-02 on a filter the named one is outside",
			ini: `
				[app:main]
				use = egg:A
				filter-with = h
				[filter:h]
				use = egg:H
				filter-with = f
				[filter:f]
				use = egg:F
			`,
			want: "filtered_with()[filtered_with()[egg:F#main() egg:H#main()] egg:A#main()]",
		},
		{
			name: "FWITH-02 so it is for a filter alone",
			ask:  "filter h",
			ini: `
				[filter:h]
				use = egg:H
				filter-with = f
				[filter:f]
				use = egg:F
			`,
			want: "filtered_with()[egg:F#main() egg:H#main()]",
		},
		{
			name: "FWITH-03 the filter gets the globals with their set lines, not the locals",
			ini: `
				[app:main]
				use = egg:A
				set g = 1
				x = 2
				filter-with = f
				[filter:f]
				use = egg:F
			`,
			want: "filtered_with(x=2 | g=1)[egg:F#main(| g=1) egg:A#main(x=2 | g=1)]",
		},
		{
			name: "FWITH-04 on a composite",
			ini: `
				[composite:main]
				use = egg:Paste#urlmap
				filter-with = egg:F
				/ = x
			`,
			want: "filtered_with(/=x)[egg:F#main() egg:Paste#urlmap(/=x)]",
		},
		{
			name: "FWITH-05 a filter with itself",
			ask:  "filter f",
			ini: `
				[filter:f]
				use = egg:F
				filter-with = f
			`,
			want:   "D/paste.ini:3:15: [filter:f] filter-with: the references run in a circle: [filter:f] -(filter-with)-> [filter:f]; remove one of them",
			python: "RecursionError: the references run in a circle: [filter:f] -(filter-with)-> [filter:f]",
		},
		{
			name: "FWITH-06 BUG-01 on a pipeline the context is there; the build wraps it",
			ini: `
				[pipeline:main]
				pipeline = egg:F egg:A
				filter-with = egg:W
			`,
			want: "filtered_with()[egg:W#main() pipeline()[egg:F#main() egg:A#main()]]",
		},
		{
			name: "FWITH-06 BUG-01 on a filter-app",
			ini: `
				[filter-app:main]
				use = egg:F
				next = egg:A
				filter-with = egg:W
			`,
			want: "filtered_with()[egg:W#main() filter_app()[egg:F#main() egg:A#main()]]",
		},
		{
			name: "FWITH-01 the app's error comes before the filter's",
			ini: `
				[app:main]
				use = noapp
				filter-with = nofilter
			`,
			want: `
				D/paste.ini:2:7: [app:main] use: No section 'noapp' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini; the file has [app:main]
				D/paste.ini:3:15: [app:main] filter-with: No section 'nofilter' (prefixed by 'filter') found in config D/paste.ini; the file has no section for a filter
			`,
			python: "LookupError: No section 'noapp' (prefixed by 'app' or 'application' or 'composite' or 'composit' or 'pipeline' or 'filter-app') found in config D/paste.ini",
		},
	})
}
