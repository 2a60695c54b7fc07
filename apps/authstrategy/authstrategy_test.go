package authstrategy

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func TestMain(m *testing.M) {
	type options struct {
		Flag string `paste:"flag,global" help:"what it answers, too"`
	}
	paste.RegisterFilter("egg:test#tag", options{}, func(b *paste.Build, o options) (alice.Constructor, error) {
		name := b.Name()
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "%s%s ", name, o.Flag)
				next.ServeHTTP(w, r)
			})
		}, nil
	})
	paste.RegisterApp("egg:test#tag", options{}, func(b *paste.Build, o options) (http.Handler, error) {
		name := b.Name()
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name, o.Flag) }), nil
	})
	os.Exit(m.Run())
}

const parts = `
[filter:f]
use = egg:test#tag
[filter:g]
use = egg:test#tag
[app:api]
use = egg:test#tag
`

// load builds main with [api] auth_strategy as the conf files give it.
func load(t *testing.T, strategy, section string) (*pipeline.App, error) {
	t.Helper()
	loader := &pipeline.Loader{Logger: slog.New(slog.DiscardHandler), AuthStrategy: strategy}
	return pipelinetest.TryWith(t, loader, section+parts)
}

func body(h http.Handler) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Body.String()
}

const use = "[composite:main]\nuse = call:nova.api.auth:pipeline_factory_v21\n"

func TestStrategy(t *testing.T) {
	const pipelines = "keystone = f g api\nnoauth = g api\nspecial = api\n"
	const nolimit = pipelines + "keystone_nolimit = g f api\n"
	for _, test := range []struct{ rule, strategy, section, want string }{
		{"OSP-01 keystone by default", "", use + pipelines, "f g api"},
		{"OSP-01 from the conf files", "noauth", use + pipelines, "g api"},
		{"OSP-01 an option wins over the conf files", "noauth", use + "auth_strategy = special\n" + pipelines, "api"},
		{"OSP-01 an option wins over the globals", "noauth", use + "set auth_strategy = noauth\nauth_strategy = special\n" + pipelines, "api"},
		{"OSP-01 the globals win over the conf files", "keystone", use + "set auth_strategy = special\n" + pipelines, "api"},
		{"OSP-01 an empty option is none", "noauth", use + "auth_strategy =\n" + pipelines, "g api"},
		{"OSP-01 other locals are ignored", "", use + pipelines + "broken = no such names\nempty =\n", "f g api"},
		{"LDR-04 the composite's globals are lost", "", use + "set flag = !\n" + pipelines, "f g api"},
		{"LDR-04 DEFAULT arrives", "", "[DEFAULT]\nflag = !\n" + use + pipelines, "f! g! api!"},
		{"OSP-02 with limits", "", use + nolimit, "f g api"},
		{"OSP-02 without limits", "", use + "api_rate_limit = false\n" + nolimit, "g f api"},
		{"OSP-02 without limits by the globals", "", "[DEFAULT]\napi_rate_limit = no\n" + use + nolimit, "g f api"},
		{"OSP-02 without limits, without such a pipeline", "noauth", use + "api_rate_limit = false\n" + nolimit, "g api"},
		{"noauth2 for noauth", "noauth", use + "noauth2 = g api\n", "g api"},
		{"noauth for noauth2, without limits", "noauth2", use + "api_rate_limit = false\nnoauth = api\nnoauth_nolimit = f api\n", "f api"},
		{"heat: default", "noauth", "[composite:main]\npaste.composite_factory = heat.api:pipeline_factory\ndefault = f api\nstandalone = g api\n", "f api"},
		{"heat: flavor", "", "[composite:main]\npaste.composite_factory = heat.api:pipeline_factory\nflavor = standalone\ndefault = f api\nstandalone = g api\n", "g api"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			app, err := load(t, test.strategy, test.section)
			if err != nil {
				t.Fatal(err)
			}
			if got := body(app); got != test.want {
				t.Errorf("answer %q, want %q", got, test.want)
			}
		})
	}
}

func TestNoauthNamesWarn(t *testing.T) {
	app, err := load(t, "noauth", use+"noauth2 = api\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range app.Warnings() {
		got = append(got, e.Option+": "+e.Problem)
	}
	if want := []string{`noauth2: there is no pipeline for the auth strategy "noauth", this one takes its place`}; !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct{ name, section, want string }{
		{"OSP-01 missing key", use + "noauth = api\nbasic = api\n",
			`paste.ini:1:1: [composite:main] keystone: missing, the auth strategy is "keystone", the section has basic, noauth`},
		{"OSP-01 no key at all", use, `paste.ini:1:1: [composite:main] keystone: missing, the auth strategy is "keystone", the section has no pipeline`},
		{"OSP-01 empty pipeline", use + "keystone =\n", `paste.ini:3:11: [composite:main] keystone: the pipeline is empty, want filters and an application`},
		{"heat", "[composite:main]\npaste.composite_factory = heat.api:pipeline_factory\nflavor = x\ndefault = api\n",
			`paste.ini:1:1: [composite:main] x: missing, the flavor is "x", the section has default`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := load(t, "", test.section); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}

func TestPipelineErrorsAreAllReported(t *testing.T) {
	_, err := load(t, "", use+"keystone = nofilter f noapp\n")
	if err == nil {
		t.Fatal("no error")
	}
	for _, line := range []string{
		"paste.ini:3:12: [composite:main] keystone: No section 'nofilter'",
		"paste.ini:3:23: [composite:main] keystone: No section 'noapp'",
	} {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("error\n%v\nwant in it %s", err, line)
		}
	}
}

func TestNames(t *testing.T) { // OSP-01, OSP-02
	f, ok := paste.DefaultRegistry.Lookup(paste.App, "nova.api.auth:pipeline_factory_v21")
	if !ok {
		t.Fatal("not registered")
	}
	for _, name := range []string{
		"egg:wheatpaste#authstrategy", "call:nova.api.auth:pipeline_factory", "call:cinder.api.middleware.auth:pipeline_factory",
		"call:tacker.auth:pipeline_factory", "call:quantum.auth:pipeline_factory", "call:neutron.auth:pipeline_factory",
		"call:designate.api.middleware:auth_pipeline_factory", "call:manila.api.middleware.auth:pipeline_factory",
		"call:gceapi.auth:pipeline_factory", "call:ec2api.api.auth:pipeline_factory", "call:congress.auth:pipeline_factory",
		"call:traffic.api.auth:pipeline_factory", "call:smaug.api.middleware.auth:pipeline_factory", "call:rack.api.auth:pipeline_factory",
		"call:moniker.api.auth:pipeline_factory", "call:meteos.api.middleware.auth:pipeline_factory",
		"call:masakari.api.auth:pipeline_factory_v1", "call:karbor.api.middleware.auth:pipeline_factory",
	} {
		if g, _ := paste.DefaultRegistry.Lookup(paste.App, name); g != f {
			t.Errorf("%s is another factory: %v", name, g)
		}
	}
}
