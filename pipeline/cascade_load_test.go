package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

func TestLoadCascade(t *testing.T) { // CAS-01, CAS-02
	var l fakeLoader
	c, err := LoadCascade(l.build(confOf("g", "1")), "404", confOf("app2", "two", "app10", "ten", "app1", "one", "application", "word", "app", "bare"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"two 1", "ten 1", "one 1", "word 1", "bare 1"}; !slices.Equal(l.loaded, want) {
		t.Errorf("loaded %q, want %q", l.loaded, want)
	}
	var order []string
	for _, app := range c.apps {
		name, _, _ := strings.Cut(answer(app, request("x", "/")).Body.String(), " ")
		order = append(order, name)
	}
	if want := []string{"bare", "one", "ten", "two", "word"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
}

func TestLoadCascadeCatches(t *testing.T) { // CAS-01, CAS-05
	c, err := LoadCascade((&fakeLoader{}).build(nil), " 404\t500 +4_1_0 ", confOf("app1", "x"))
	if err != nil || !slices.Equal(c.catch, []int{404, 500, 410}) {
		t.Errorf("catch %v, %v", c, err)
	}
	c, err = LoadCascade((&fakeLoader{}).build(nil), "", confOf("app1", "x"))
	if err != nil || len(c.catch) > 0 {
		t.Errorf("empty catch: %v, %v", c, err)
	}
}

func TestLoadCascadeErrors(t *testing.T) {
	for _, test := range []struct {
		rule, catch string
		apps        []string
		want        string
	}{
		{"CAS-01 key", "404", []string{"app1", "x", "debug", "tr'ue"},
			`debug: Bad configuration key 'debug' (="tr'ue"); all configuration keys must start with 'app'`},
		{"CAS-01 secrets stay secret", "404", []string{"admin_password", "hush"},
			`admin_password: Bad configuration key 'admin_password' (='***'); all configuration keys must start with 'app'`},
		{"CAS-05 unknown status", "418", []string{"app1", "x"}, "catch: unknown status 418, want a redirection or an error such as 404"},
		{"CAS-05 success", "200", []string{"app1", "x"}, "catch: unknown status 200, want a redirection or an error such as 404"},
		{"CAS-05 comma list", "404,500", []string{"app1", "x"}, `catch: invalid status "404,500", want statuses divided by blanks, such as 404 500`},
		{"no application", "404", nil, "app1: missing, a cascade needs an application"},
		{"all errors", "x", []string{"app1", "bad1", "z", "1", "app2", "bad2"},
			"catch: invalid status \"x\", want statuses divided by blanks, such as 404 500\nno app bad1\n" +
				"z: Bad configuration key 'z' (='1'); all configuration keys must start with 'app'\nno app bad2"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			_, err := LoadCascade((&fakeLoader{}).build(nil), test.catch, confOf(test.apps...))
			if err == nil || err.Error() != test.want {
				t.Errorf("error\n%v\nwant\n%s", err, test.want)
			}
		})
	}
	var option *paste.OptionError
	if _, err := LoadCascade((&fakeLoader{}).build(nil), "x", confOf("app1", "x")); !errors.As(err, &option) {
		t.Errorf("error %v, want an OptionError", err)
	}
}
