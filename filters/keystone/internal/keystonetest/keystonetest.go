// Package keystonetest is an identity service for tests: version discovery, one
// service user, and tokens that the test describes.
package keystonetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Server answers as Keystone does.
type Server struct {
	*httptest.Server
	Calls  atomic.Int64                   // requests about tokens
	Logins atomic.Int64                   // of the service user
	Before func(http.ResponseWriter) bool // runs first; true when it has answered

	mu     sync.Mutex
	tokens map[string]string // what is inside of {"token": ...}
	own    string            // the service user's token
	Asked  []string          // query and access rules header of each request about a token
	Auth   []string          // bodies of the logins
}

// New starts one, without tokens.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{tokens: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.versions)
	mux.HandleFunc("GET /v3/{$}", s.versions)
	mux.HandleFunc("POST /v3/auth/tokens", s.login)
	mux.HandleFunc("GET /v3/auth/tokens", s.validate)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Before == nil || !s.Before(w) {
			mux.ServeHTTP(w, r)
		}
	}))
	tb.Cleanup(s.Close)
	return s
}

func (s *Server) versions(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusMultipleChoices)
	fmt.Fprintf(w, `{"versions": {"values": [{"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": "%s/v3/"}]}]}}`, s.URL)
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Auth = append(s.Auth, string(body))
	s.own = fmt.Sprintf("own-%d", s.Logins.Add(1))
	w.Header().Set("X-Subject-Token", s.own)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"token": {"expires_at": %q, "user": {"id": "svc"}, "catalog": [{"type": "identity", "endpoints": [
		{"interface": "internal", "region": "One", "url": "%s/v3"}]}]}}`, Time(time.Hour), s.URL)
}

func (s *Server) validate(w http.ResponseWriter, r *http.Request) {
	s.Calls.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Asked = append(s.Asked, r.URL.RawQuery+" "+r.Header.Get("OpenStack-Identity-Access-Rules"))
	if r.Header.Get("X-Auth-Token") != s.own {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	text, ok := s.tokens[r.Header.Get("X-Subject-Token")]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	fmt.Fprintf(w, `{"token": {%s}}`, text)
}

// Forget makes the service user's token bad.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own = "none"
}

// Put describes a token.
func (s *Server) Put(token, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = text
}

// User is the description of a token of the project p, which ends after life.
func User(life time.Duration, roles, more string) string {
	return fmt.Sprintf(`"expires_at": %q, "user": {"id": "u1", "name": "jo", "domain": {"id": "default", "name": "Default"}},
		"project": {"id": "p1", "name": "demo", "domain": {"id": "default", "name": "Default"}}, "roles": [%s]%s`, Time(life), roles, more)
}

// Time is some time from now in Keystone's notation.
func Time(life time.Duration) string {
	return time.Now().Add(life).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// Options are those of a section that uses the server.
func (s *Server) Options() string {
	return "auth_type = password\nauth_url = " + s.URL + "\nusername = svc\npassword = hush-hush\nuser_domain_id = default\n" +
		"project_name = service\nproject_domain_id = default\nwww_authenticate_uri = http://public\nhttp_request_max_retries = 0\n"
}
