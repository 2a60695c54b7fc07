package tempauth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/swift/acl"
	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/info"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// authorizer decides by account, groups and lists; next is asked for the list
// of an account.
func (f *filter) authorizer(next http.Handler) environ.Authorizer {
	return func(r *http.Request, a environ.Access) http.Handler {
		segs, ok := swob.Split(swob.FullPath(r), 1, 4, true)
		if !ok {
			f.results.WithLabelValues("error").Inc()
			return swob.Answer{Status: http.StatusNotFound}
		}
		prefix, ours := f.prefixes.Of(segs[1])
		if !ours {
			return f.denied(r, a)
		}
		if problem := takeAccountACL(r); problem != nil {
			return problem
		}
		env := pipeline.FromRequest(r)
		user, _ := environ.RemoteUser.Get(env)
		groups := strings.Split(user, ",")
		if f.byGroup(r, segs, prefix, groups) || bySyncKey(r, a) || r.Method == http.MethodOptions ||
			byContainer(r, a, segs[3], groups) || f.byAccount(next, r, segs, groups) {
			return nil
		}
		return f.denied(r, a)
	}
}

// denied is 401 for who has not said who he is, else 403.
func (f *filter) denied(r *http.Request, _ environ.Access) http.Handler {
	if user, _ := environ.RemoteUser.Get(pipeline.FromRequest(r)); user != "" {
		f.results.WithLabelValues("forbidden").Inc()
		return swob.Answer{Status: http.StatusForbidden}
	}
	f.results.WithLabelValues("unauthorized").Inc()
	return swob.Answer{Status: http.StatusUnauthorized, Realm: swob.RequestRealm(r)}
}

// byGroup lets resellers and the admins of the account pass.
func (f *filter) byGroup(r *http.Request, segs [4]string, prefix string, groups []string) bool {
	account, container := segs[1], segs[2]
	own := func() bool {
		environ.Owner.Set(pipeline.FromRequest(r), true)
		return true
	}
	// A reseller has no say in accounts that are Swift's own.
	common := !slices.Contains(f.prefixes, account) && !strings.HasPrefix(account[len(prefix):], ".")
	if common && slices.Contains(groups, ".reseller_admin") {
		return own()
	}
	if common && slices.Contains(groups, ".reseller_reader") && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return true
	}
	if !slices.Contains(groups, account) || container == "" && (r.Method == http.MethodDelete || r.Method == http.MethodPut) {
		return false
	}
	if required := f.required[prefix]; required != "" && !slices.Contains(groups, required) {
		return false
	}
	return own()
}

// bySyncKey lets container sync pass.
func bySyncKey(r *http.Request, a environ.Access) bool {
	_, stamped := r.Header["X-Timestamp"]
	return a.SyncKey != "" && stamped && r.Header.Get("X-Container-Sync-Key") == a.SyncKey
}

// byContainer lets pass whom the list of the container names.
func byContainer(r *http.Request, a environ.Access, object string, groups []string) bool {
	list := acl.Parse(a.ACL)
	if list.Allows(r.Header.Get("Referer")) && (object != "" || slices.Contains(list.Groups, ".rlistings")) {
		return true
	}
	return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(list.Groups, g) })
}

// byAccount lets pass whom the list of the account names.
func (f *filter) byAccount(next http.Handler, r *http.Request, segs [4]string, groups []string) bool {
	found, ok := info.Account(next, r, r.URL.Path, "TA")
	if !ok {
		return false
	}
	list, ok := acl.ParseAccount(found.Sysmeta["core-access-control"])
	if !ok {
		return false
	}
	named := func(members []string) bool {
		return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(members, g) })
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case named(list.Admin):
		environ.Owner.Set(pipeline.FromRequest(r), true)
		return true
	case named(list.ReadWrite) && (segs[2] != "" || reads):
		return true
	}
	return reads && named(list.ReadOnly)
}

// takeAccountACL checks the list that a client sends for its account and moves
// it to where it is stored.
func takeAccountACL(r *http.Request) http.Handler {
	const header, stored = "X-Account-Access-Control", "X-Account-Sysmeta-Core-Access-Control"
	values, ok := r.Header[header]
	if !ok {
		return nil
	}
	text := strings.Join(values, ",")
	if problem := accountACLProblem(text); problem != "" {
		return swob.Answer{Status: http.StatusBadRequest, Type: "text/plain; charset=UTF-8",
			Body: fmt.Sprintf("X-Account-Access-Control invalid: %s\n\nInput: %s\n", problem, text)}
	}
	delete(r.Header, header)
	r.Header[stored] = []string{text}
	return nil
}

// accountACLProblem says what is wrong with a list, in Swift's words.
func accountACLProblem(text string) string {
	if text == "" {
		return ""
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil || members == nil {
		return "Syntax error in input (" + paste.Repr(text) + ")"
	}
	lists := []string{"admin", "read-write", "read-only"}
	for _, key := range keysInOrder(text) {
		if !slices.Contains(lists, key) {
			return "Key " + quoted(key) + " not recognized"
		}
	}
	for _, key := range lists {
		raw, ok := members[key]
		if !ok {
			continue
		}
		var grantees []any
		if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) || json.Unmarshal(raw, &grantees) != nil {
			return "Value for key " + quoted(key) + " must be a list"
		}
		for _, g := range grantees {
			if _, ok := g.(string); !ok {
				return "Elements of " + quoted(key) + " list must be strings"
			}
		}
	}
	return ""
}

// keysInOrder are the keys of a JSON object as they stand.
func keysInOrder(text string) []string {
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil
	}
	var keys []string
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return keys
		}
		keys = append(keys, key)
	}
	return keys
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(text)
}
