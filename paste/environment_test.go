package paste

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestSecretsInInterpolationErrors(t *testing.T) {
	runRules(t, []ruleCase{
		{
			name: "BUG-05 a percent sign in a password does not show the password",
			ini: `
				[app:main]
				use = egg:D
				admin_password = hun%ter2
			`,
			want:   "D/paste.ini:3:21: [app:main] admin_password: '%' must be followed by '%' or '(', found: '****'; write %% for a percent sign",
			python: "InterpolationSyntaxError: Error in file D/paste.ini: '%' must be followed by '%' or '(', found: '%ter2'",
		},
		{
			name: "nor does a value that refers to it",
			ini: `
				[app:main]
				use = egg:D
				url = x %(admin_password)s
				admin_password = hun%ter2
			`,
			want: "D/paste.ini:4:21: [app:main] url: '%' must be followed by '%' or '(', found: '****'; write %% for a percent sign",
		},
		{
			name: "nor an unknown name beside it",
			ini: `
				[app:main]
				use = egg:D
				auth_token = hunter2 %(x)s
			`,
			want: "D/paste.ini:3:22: [app:main] auth_token: Bad value substitution: option 'auth_token' in section 'app:main' contains an interpolation key 'x' which is not a valid option name. Raw value: '****'; want an option of this section or of [DEFAULT], or %% for a percent sign",
		},
		{
			name: "nor a URL with a password",
			ini: `
				[app:main]
				use = egg:D
				backend = redis://me:hun%ter2@host/0
			`,
			want: "D/paste.ini:3:25: [app:main] backend: '%' must be followed by '%' or '(', found: '****'; write %% for a percent sign",
		},
		{
			name: "nor a set line",
			ini: `
				[app:main]
				use = egg:D
				set db_password = hun%ter2
			`,
			want: "D/paste.ini:3:22: [app:main] set db_password: '%' must be followed by '%' or '(', found: '****'; write %% for a percent sign",
		},
		{
			name: "nor a circle",
			ini: `
				[app:main]
				use = egg:D
				secret = hunter2%(secret)s
			`,
			want: "D/paste.ini:3:10: [app:main] secret: Recursion limit exceeded in value substitution: option 'secret' in section 'app:main' contains an interpolation key which cannot be substituted in 10 steps. Raw value: '****'; values may refer to each other at most 10 levels deep, and never in a circle",
		},
	})
}

func TestEnvironmentVariables(t *testing.T) {
	t.Setenv("WP_SET", "from env%%")
	t.Setenv("WP_EMPTY", "")
	if err := os.Unsetenv("WP_UNSET"); err != nil {
		t.Fatal(err)
	}
	runRules(t, []ruleCase{
		{
			name: "BUG-11 a variable is taken as it is",
			ini: `
				[app:main]
				use = egg:D
				a = <%(ENV:WP_SET)s>
				b = <%(ENV:WP_EMPTY)s>
			`,
			want: `egg:D#main(a="<from env%%>" b=<>)`,
		},
		{
			name: "BUG-11 a default serves for an unset or empty variable",
			ini: `
				[app:main]
				use = egg:D
				a = %(ENV:WP_UNSET:-x:-y)s
				b = %(ENV:WP_EMPTY:-z)s
				c = %(ENV:WP_SET:-no)s
				d = <%(ENV:WP_UNSET:-)s>
			`,
			want: `egg:D#main(a=x:-y b=z c="from env%%" d=<>)`,
		},
		{
			name: "BUG-11 an unset variable is an error",
			ini: `
				[app:main]
				use = egg:D
				a = x %(ENV:WP_UNSET)s
			`,
			want: "D/paste.ini:3:7: [app:main] a: environment variable WP_UNSET is not set; set it, or write %(ENV:WP_UNSET:-DEFAULT)s",
		},
		{
			name: "BUG-11 an option of that name comes first",
			ini: `
				[app:main]
				use = egg:D
				ENV = no
				a = %(ENV)s
			`,
			want: "egg:D#main(ENV=no a=no)",
		},
	})
	t.Run("what a variable gave is a secret, wherever it goes", func(t *testing.T) {
		dir := writeFiles(t, `
			[DEFAULT]
			d = %(ENV:WP_SET)s
			[app:main]
			use = egg:D
			a = x%(d)s
			b = %(a)s
			get c = d
			plain = 1
		`)
		c, err := Load(App, "config:paste.ini", RelativeTo(dir))
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]bool{"a": true, "b": true, "c": true, "plain": false} {
			if v, _ := c.Local.Value(key); v.Secret() != want {
				t.Errorf("%s: secret = %v, want %v", key, v.Secret(), want)
			}
		}
	})
}

// Nested references multiply; both bounds are ours (Paste Deploy has none).
func TestExpansionIsBounded(t *testing.T) {
	multiply := func(times int, unit string) string {
		var b strings.Builder
		b.WriteString("[app:main]\nuse = egg:D\nz = %(a9)s\na0 = " + unit + "%%\n")
		for i := range 9 {
			fmt.Fprintf(&b, "a%d = %s\n", i+1, strings.Repeat(fmt.Sprintf("%%(a%d)s", i), times))
		}
		return b.String()
	}
	for name, ini := range map[string]string{
		"references": multiply(20, ""),
		"bytes":      multiply(4, strings.Repeat("x", 1<<18)),
	} {
		dir := writeFiles(t, ini)
		_, err := Load(App, "config:paste.ini", RelativeTo(dir))
		if err == nil || !strings.Contains(err.Error(), "expands to more than 100000 references or 16777216 bytes") {
			t.Errorf("%s: error = %.200v, want one about the size", name, err)
		}
	}
}
