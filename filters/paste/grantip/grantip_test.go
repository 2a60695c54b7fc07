package grantip

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"

	_ "github.com/wheatpaste/wheatpaste/apps/respond"
)

const grants = `127.0.0.1 = -:system
192.168.0.0/24 = -:editor
192.168.0.7 = joe
192.168.0.10 = __remove__:-editor
10.0.0.1<->10.0.0.9 = kim:a,b,-c
`

func init() {
	paste.RegisterApp("test:identity", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := pipeline.FromRequest(r).Identity()
			fmt.Fprintf(w, "%s %v", id.UserName, id.Roles)
		}), nil
	})
}

func TestGrants(t *testing.T) {
	const file = "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:Paste#grantip\n%s\n" + grants + "[app:app]\npaste.app_factory = test:identity\n"
	tests := []struct {
		name, option, addr string
		before             pipeline.Identity
		want               string
	}{
		{"role alone", "", "127.0.0.1", pipeline.Identity{}, " [system]"},
		{"network", "", "192.168.0.1", pipeline.Identity{}, " [editor]"},
		{"network and address", "", "192.168.0.7", pipeline.Identity{}, "joe [editor]"},
		{"a user stays", "", "192.168.0.7", pipeline.Identity{UserName: "ann"}, "ann [editor]"},
		{"a user is replaced", "clobber_username = true", "192.168.0.7", pipeline.Identity{UserName: "ann"}, "joe [editor]"},
		{"logged out", "", "192.168.0.10", pipeline.Identity{UserName: "ann", Roles: []string{"x"}}, " [x]"},
		{"range begins", "", "10.0.0.1", pipeline.Identity{Roles: []string{"a", "c"}}, "kim [a b]"},
		{"range ends", "", "10.0.0.9", pipeline.Identity{}, "kim [a b]"},
		{"behind the range", "", "10.0.0.10", pipeline.Identity{}, " []"},
		{"IPv6", "", "2001:db8::1", pipeline.Identity{}, " []"},
		{"mapped", "", "::ffff:127.0.0.1", pipeline.Identity{}, " [system]"},
		{"no address", "", "unix", pipeline.Identity{}, " []"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := pipelinetest.Load(t, fmt.Sprintf(file, tt.option))
			rec := httptest.NewRecorder()
			env, w, r := pipeline.Begin(rec, httptest.NewRequest("GET", "/", nil))
			env.SetClientAddr(tt.addr)
			env.SetIdentity(tt.before)
			app.ServeHTTP(w, r)
			if got := rec.Body.String(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	const want = "unknown option, want clobber_username, an address, a network such as 10.0.0.0/8 or two addresses with <-> between"
	for _, place := range []string{"localhost", "10.0.0.9<->10.0.0.1", "10.0.0.1<->y", "10.0.0.0/33", "x<->y"} {
		_, err := pipelinetest.Try(t, "[pipeline:main]\npipeline = f app\n[filter:f]\nuse = egg:Paste#grantip\n"+place+" = joe\n[app:app]\nuse = egg:wheatpaste#respond\n")
		if err == nil || err.Error() != fmt.Sprintf("paste.ini:5:%d: [filter:f] %s: %s", len(place)+4, place, want) {
			t.Errorf("error %v", err)
		}
	}
}

func BenchmarkGrantIP(b *testing.B) {
	g, err := parse("10.0.0.0/8", "joe")
	if err != nil {
		b.Fatal(err)
	}
	h := (&filter{grants: []grant{g}}).wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	_, w, r := pipeline.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
