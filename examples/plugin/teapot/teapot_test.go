package teapot_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	_ "example.com/teaserver/stamp"
	_ "example.com/teaserver/teapot"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

const ini = `
[pipeline:main]
pipeline = stamp pot
[filter:stamp]
use = egg:teaserver#stamp
value = tea
[app:pot]
use = egg:teaserver#teapot
steep = 90
`

func TestThePotSaysWhatIsInIt(t *testing.T) {
	rec := httptest.NewRecorder()
	pipelinetest.Load(t, ini).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if got, want := rec.Body.String(), "Assam, steeped for 1m30s, 0 refills\n"; got != want || rec.Header().Get("X-Stamp") != "tea" {
		t.Errorf("got %q %v, want %q", got, rec.Header(), want)
	}
}

func TestABadOptionIsAnErrorWithItsPlace(t *testing.T) {
	_, err := pipelinetest.Try(t, ini+"refills = -1\n")
	want := "paste.ini:10:11: [app:pot] refills: invalid number -1, want 0 or more"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
