// Package readonly is Swift's read_only: it refuses writes to the cluster or to
// single accounts.
package readonly

import (
	"net/http"
	"strings"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/info"
	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	ReadOnly     Word `paste:"read_only,global" help:"refuse writes to every account that does not say otherwise by X-Account-Sysmeta-Read-Only"`
	AllowDeletes Word `paste:"allow_deletes,global" help:"let DELETE pass"`
}

// Word is one of Swift's words for true, or any other.
type Word bool

// UnmarshalText reads a word; every one that does not mean true is false.
func (w *Word) UnmarshalText(text []byte) error {
	*w = Word(swob.True(string(text)))
	return nil
}

// OptionType is the type in the documentation.
func (Word) OptionType() string { return "bool" }

func init() {
	paste.RegisterFilter("egg:wheatpaste#swift_read_only", Options{}, New,
		paste.LooseAlias("egg:swift#read_only", "swift.common.middleware.read_only:filter_factory"),
		paste.Help("Refuses writes to the cluster, or to accounts that are marked, with 405."),
		paste.Example("[filter:read_only]\nuse = egg:swift#read_only\nread_only = true\nallow_deletes = true"),
	)
}

// New makes the filter.
func New(_ *paste.Build, o Options) (alice.Constructor, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if answer := o.check(next, r); answer != nil {
				pipeline.Answered(r)
				answer.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// check gives the answer to a write that is refused.
func (o *Options) check(next http.Handler, r *http.Request) http.Handler {
	switch r.Method {
	case "COPY", http.MethodPost, http.MethodPut:
	case http.MethodDelete:
		if o.AllowDeletes {
			return nil
		}
	default:
		return nil
	}
	segs, ok := swob.Split(swob.FullPath(r), 2, 4, true)
	if !ok || !swob.ValidVersion(segs[0]) {
		return nil
	}
	account := segs[1]
	if to, ok := r.Header["Destination-Account"]; ok && r.Method == "COPY" {
		account = strings.Join(to, ",")
		switch {
		case account == "":
			return swob.Answer{Status: http.StatusPreconditionFailed, Body: "Account name cannot be empty"}
		case strings.Contains(account, "/"):
			return swob.Answer{Status: http.StatusPreconditionFailed, Body: "Account name cannot contain slashes"}
		}
	}
	found, _ := info.Account(next, r, "/v1/"+account, "RO")
	readOnly := bool(o.ReadOnly)
	if own := found.Sysmeta["read-only"]; own != "" {
		readOnly = swob.True(own)
	}
	if !readOnly {
		return nil
	}
	return swob.Answer{Status: http.StatusMethodNotAllowed, Body: "Writes are disabled for this account."}
}
