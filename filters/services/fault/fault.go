// Package fault answers for panics in the form that clients of OpenStack's
// services can read.
package fault

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/services/microversion"
	"github.com/wheatpaste/wheatpaste/internal/webob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter: it has none.
type Options struct{}

// style is how one family of services writes a fault.
type style struct {
	contentType string
	body        string
	service     string // in OpenStack-API-Version
	header      string // the service's own header for its version; may be empty
}

const (
	explanation = "The server has either erred or is incapable of performing the requested operation."
	named       = `{"computeFault": {"code": 500, "message": "` + explanation + `"}}`
	titled      = `{"code": 500, "title": "Internal Server Error", "explanation": "` + explanation +
		`", "error": {"type": "Exception", "traceback": null}}`
)

func init() {
	register("nova_fault", style{"application/json; charset=UTF-8", named, "compute", "X-OpenStack-Nova-API-Version"},
		"nova.api.openstack:FaultWrapper.factory", "nova.api.openstack.v2:FaultWrapper.factory",
		"masakari.api.openstack:FaultWrapper.factory", "rack.api:FaultWrapper.factory")
	register("cinder_fault", style{"application/json", named, "volume", ""},
		"cinder.api.middleware.fault:FaultWrapper.factory", "karbor.api.middleware.fault:FaultWrapper.factory")
	register("manila_fault", style{"application/json", named, "", "X-OpenStack-Manila-API-Version"},
		"manila.api.middleware.fault:FaultWrapper.factory", "meteos.api.middleware.fault:FaultWrapper.factory")
	register("heat_fault", style{"application/json", titled, "", ""},
		"heat.api.openstack:faultwrap_filter", "bilean.api.openstack:faultwrap_filter",
		"senlin.api.middleware:fault_filter", "murano.api.middleware.fault:FaultWrapper.factory",
		"glare.api.middleware.fault:GlareFaultWrapperFilter.factory", "magnetodb.common.middleware.fault:FaultWrapper.factory_method")
}

func register(name string, s style, aliases ...string) {
	paste.RegisterFilter("egg:wheatpaste#"+name, Options{}, func(b *paste.Build, _ Options) (alice.Constructor, error) {
		return (&filter{b.Logger(), s}).wrap, nil
	},
		paste.LooseAlias(aliases...),
		paste.Help("Logs a panic with its stack and answers 500 with the JSON document of the service's own fault wrapper."),
		paste.Example("[filter:faultwrap]\nuse = egg:wheatpaste#"+name),
	)
}

// NewHeat makes the filter in heat's form, for heat's own way to name it.
func NewHeat(b *paste.Build) alice.Constructor {
	return (&filter{b.Logger(), style{"application/json", titled, "", ""}}).wrap
}

type filter struct {
	log   *slog.Logger
	style style
}

func (f *filter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ww := webob.Response(w, r, nil)
		defer f.answer(ww, w, r)
		next.ServeHTTP(ww, r)
		ww.Finish()
	})
}

// answer is deferred: it answers when the handler panicked.
func (f *filter) answer(ww *webob.Writer, w http.ResponseWriter, r *http.Request) {
	problem := recover()
	if problem == nil {
		return
	}
	if err, ok := problem.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(problem)
	}
	env := pipeline.FromRequest(r)
	f.log.Error("caught error", "panic", fmt.Sprint(problem), "request_id", env.RequestID(),
		"request", webob.RequestText(r), "stack", string(debug.Stack()))
	if ww.Started() { // what the client has is no whole answer: let it see a cut
		panic(http.ErrAbortHandler)
	}
	ww.Reset()
	pipeline.Answered(r)
	h := w.Header()
	h.Set("Content-Type", f.style.contentType)
	h.Set("Content-Length", strconv.Itoa(len(f.style.body)))
	f.addVersion(h, env)
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte(f.style.body)) // the client may have gone
}

// addVersion adds the microversion that the application agreed on, if it came
// so far.
func (f *filter) addVersion(h http.Header, env *pipeline.Environ) {
	version, ok := microversion.Requested.Get(env)
	if !ok {
		return
	}
	if f.style.service != "" {
		h.Set(microversion.Header, f.style.service+" "+version)
		h.Add("Vary", "OpenStack-API-Version")
	}
	if f.style.header != "" {
		h.Set(f.style.header, version)
		h.Add("Vary", f.style.header)
	}
}
