package audit

import (
	"crypto/sha256"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// event is an activity event of CADF 1.0.0 (DSP0262), with the fields that the
// original fills.
type event struct {
	TypeURI     string   `json:"typeURI"`
	EventType   string   `json:"eventType"`
	ID          string   `json:"id"`
	Time        string   `json:"eventTime"`
	Action      string   `json:"action"`
	Outcome     string   `json:"outcome"`
	Observer    resource `json:"observer"`
	Initiator   resource `json:"initiator"`
	Target      resource `json:"target"`
	RequestPath string   `json:"requestPath"`
	Tags        []string `json:"tags"`
	Reason      *reason  `json:"reason,omitempty"`
	Chain       []step   `json:"reporterchain,omitempty"`
}

type resource struct {
	ID              string      `json:"id"`
	TypeURI         string      `json:"typeURI,omitempty"`
	Name            *string     `json:"name,omitempty"`
	Credential      *credential `json:"credential,omitempty"`
	Host            *host       `json:"host,omitempty"`
	Addresses       []address   `json:"addresses,omitempty"`
	ProjectID       *string     `json:"project_id,omitempty"`
	RequestID       string      `json:"request_id,omitempty"`
	GlobalRequestID string      `json:"global_request_id,omitempty"`
}

type credential struct {
	Token          string `json:"token"`
	IdentityStatus string `json:"identity_status"`
}

type host struct {
	Address string  `json:"address"`
	Agent   *string `json:"agent,omitempty"`
}

type address struct {
	URL  string `json:"url"`
	Name string `json:"name"`
}

type reason struct {
	Type string `json:"reasonType"`
	Code string `json:"reasonCode"`
}

type step struct {
	Role     string   `json:"role"`
	Time     string   `json:"reporterTime"`
	Reporter resource `json:"reporter"`
}

// unknown stands for what a request does not tell.
const unknown = "unknown"

// auditor makes events.
type auditor struct {
	mapping
	log *slog.Logger
	now func() time.Time
}

func newAuditor(m mapping, log *slog.Logger) *auditor { return &auditor{m, log, time.Now} }

// event describes a request that has just come.
func (a *auditor) event(r *http.Request, client string) *event {
	env := pipeline.FromRequest(r)
	path := quotePath(env.ScriptName()) + quotePath(r.URL.Path)
	full := path
	if r.URL.RawQuery != "" {
		full += "?" + text(r.URL.RawQuery)
	}
	project := header(r, "X-Project-Id", unknown)
	name := header(r, "X-User-Name", unknown)
	return &event{
		TypeURI:   "http://schemas.dmtf.org/cloud/audit/1.0/event",
		EventType: "activity",
		ID:        newID(),
		Time:      format(a.now()),
		Action:    a.action(r, path),
		Outcome:   "pending",
		Observer:  resource{ID: "target"},
		Initiator: resource{
			ID: identifier(header(r, "X-User-Id", unknown)), TypeURI: "service/security/account/user", Name: &name,
			Credential: &credential{mask(header(r, "X-Auth-Token", "")), header(r, "X-Identity-Status", unknown)},
			Host:       &host{client, agent(r)},
			ProjectID:  &project, RequestID: env.RequestID(), GlobalRequestID: env.GlobalRequestID(),
		},
		Target:      a.target(r, path),
		RequestPath: full,
		Tags:        []string{"correlation_id?value=" + newID()},
	}
}

// header is a header as WSGI has it: one that came several times with commas.
func header(r *http.Request, name, missing string) string {
	values, ok := r.Header[name]
	if !ok {
		return missing
	}
	return text(strings.Join(values, ","))
}

func agent(r *http.Request) *string {
	if _, ok := r.Header["User-Agent"]; !ok {
		return nil
	}
	s := header(r, "User-Agent", "")
	return &s
}

// text is what bytes from a client say: UTF-8 if it is that, or else Latin-1,
// which is what WSGI takes them for.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// identifier is an id that CADF accepts: not an empty one, and not one of the
// words that stand for a part of the event.
func identifier(id string) string {
	switch id {
	case "":
		return newID()
	case "initiator", "target":
		return unknown
	}
	return id
}

// namespace is that of pycadf for the word openstack.
var namespace = func() (ns uuid.UUID) {
	sum := sha256.Sum256([]byte("openstack"))
	copy(ns[:], sum[:])
	return ns
}()

// newID makes an id as pycadf does: a UUID of version 5 of a random one.
func newID() string {
	random := uuid.New()
	return uuid.NewSHA1(namespace, []byte(random.String())).String()
}

func timestamp() string { return format(time.Now()) }

func format(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000-0700") }

// shown is how much of a token is shown at each end at most.
const shown = 32

// mask hides all but an eighth of a token at each end, as pycadf does. Of one
// so short that this is nothing the original shows all.
func mask(token string) string {
	const hidden = " xxxxxxxx "
	runes := []rune(token)
	n := min(int(math.RoundToEven(float64(len(runes))/8)), shown)
	return string(runes[:n]) + hidden + string(runes[len(runes)-n:])
}

// quotePath escapes a path as WebOb does in request.path.
func quotePath(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(path))
	for i := range len(path) {
		c := path[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("_.-/~!$&'()*+,;=:@", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}
