package info

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
)

// record is an Info as Swift writes it into its cache. Numbers are texts there,
// as they come in headers; what is not there is null.
type record struct {
	Status  int               `json:"status"`
	Meta    map[string]string `json:"meta"`
	Sysmeta map[string]any    `json:"sysmeta"`

	*accountRecord
	*containerRecord
}

type accountRecord struct {
	Exists      *bool                     `json:"account_really_exists,omitempty"`
	Containers  any                       `json:"container_count"`
	AllObjects  any                       `json:"total_object_count"`
	AccountSize any                       `json:"bytes"`
	Policies    map[string]map[string]int `json:"storage_policies"`
}

type containerRecord struct {
	ReadACL   *string        `json:"read_acl"`
	WriteACL  *string        `json:"write_acl"`
	SyncTo    *string        `json:"sync_to"`
	SyncKey   *string        `json:"sync_key"`
	Objects   any            `json:"object_count"`
	Size      any            `json:"bytes"`
	Versions  *string        `json:"versions"`
	Policy    any            `json:"storage_policy"`
	CORS      map[string]any `json:"cors"`
	Sharding  string         `json:"sharding_state"`
	Created   *string        `json:"created_at"`
	Put       *string        `json:"put_timestamp"`
	Deleted   *string        `json:"delete_timestamp"`
	StatusSet *string        `json:"status_changed_at"`
}

// newRecord reads the headers of an answer to HEAD.
func newRecord(kind string, status int, h http.Header) record {
	rec := record{Status: status, Meta: map[string]string{}, Sysmeta: map[string]any{}}
	for name := range h {
		lower, value := strings.ToLower(name), h.Get(name)
		if rest, ok := strings.CutPrefix(lower, "x-"+kind+"-meta-"); ok && rest != "" {
			rec.Meta[rest] = value
		} else if rest, ok := strings.CutPrefix(lower, "x-"+kind+"-sysmeta-"); ok && rest != "" {
			rec.Sysmeta[rest] = value
		}
	}
	if kind == "account" {
		rec.accountRecord = newAccount(status, h)
	} else {
		rec.containerRecord = newContainer(h, rec.Meta)
	}
	return rec
}

func newAccount(status int, h http.Header) *accountRecord {
	number := func(what string) int {
		n, err := strconv.Atoi(h.Get("X-Account-Storage-Policy-Policy-0-" + what))
		if err != nil {
			return 0
		}
		return n
	}
	a := &accountRecord{
		Containers: text(h, "X-Account-Container-Count"), AllObjects: text(h, "X-Account-Object-Count"), AccountSize: text(h, "X-Account-Bytes-Used"),
		// Swift's default policy; the names of others are in swift.conf.
		Policies: map[string]map[string]int{"0": {
			"container_count": number("Container-Count"), "object_count": number("Object-Count"), "bytes": number("Bytes-Used"),
		}},
	}
	if status/100 == 2 {
		exists := !swob.True(h.Get("X-Backend-Fake-Account-Listing"))
		a.Exists = &exists
	}
	return a
}

func newContainer(h http.Header, meta map[string]string) *containerRecord {
	cors := map[string]any{"allow_origin": nil, "expose_headers": nil, "max_age": nil}
	for field := range cors {
		if v, ok := meta["access-control-"+strings.ReplaceAll(field, "_", "-")]; ok {
			cors[field] = v
		}
	}
	c := &containerRecord{
		ReadACL: text(h, "X-Container-Read"), WriteACL: text(h, "X-Container-Write"),
		SyncTo: text(h, "X-Container-Sync-To"), SyncKey: text(h, "X-Container-Sync-Key"),
		Objects: text(h, "X-Container-Object-Count"), Size: text(h, "X-Container-Bytes-Used"),
		Versions: text(h, "X-Versions-Location"), Policy: "0", CORS: cors, Sharding: "unsharded",
		Created: text(h, "X-Backend-Timestamp"), Put: text(h, "X-Backend-Put-Timestamp"),
		Deleted: text(h, "X-Backend-Delete-Timestamp"), StatusSet: text(h, "X-Backend-Status-Changed-At"),
	}
	if v := text(h, "X-Backend-Storage-Policy-Index"); v != nil {
		c.Policy = *v
	}
	if v := text(h, "X-Backend-Sharding-State"); v != nil {
		c.Sharding = *v
	}
	return c
}

func text(h http.Header, name string) *string {
	if values := h.Values(name); len(values) > 0 {
		return &values[0]
	}
	return nil
}

// UnmarshalJSON reads both kinds: what one of them does not have stays empty.
func (rec *record) UnmarshalJSON(data []byte) error {
	var all struct {
		Status  int               `json:"status"`
		Meta    map[string]string `json:"meta"`
		Sysmeta map[string]any    `json:"sysmeta"`
		Exists  *bool             `json:"account_really_exists"`
		ReadACL *string           `json:"read_acl"`
		Write   *string           `json:"write_acl"`
		SyncKey *string           `json:"sync_key"`
		Objects any               `json:"object_count"`
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*rec = record{
		Status: all.Status, Meta: all.Meta, Sysmeta: all.Sysmeta,
		accountRecord:   &accountRecord{Exists: all.Exists},
		containerRecord: &containerRecord{ReadACL: all.ReadACL, WriteACL: all.Write, SyncKey: all.SyncKey, Objects: all.Objects},
	}
	return nil
}

func (rec *record) info() Info {
	i := Info{Status: rec.Status, Meta: rec.Meta, Sysmeta: make(map[string]string, len(rec.Sysmeta)), Exists: true}
	for name, value := range rec.Sysmeta {
		if s, ok := value.(string); ok {
			i.Sysmeta[name] = s
		}
	}
	if a := rec.accountRecord; a != nil && a.Exists != nil {
		i.Exists = *a.Exists
	}
	if c := rec.containerRecord; c != nil {
		i.ReadACL, i.WriteACL, i.SyncKey = value(c.ReadACL), value(c.WriteACL), value(c.SyncKey)
		i.ObjectCount = count(c.Objects)
	}
	return i
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// count reads a number that Swift may have written as a text.
func count(v any) int64 {
	switch n := v.(type) {
	case float64:
		return int64(n)
	case string:
		i, err := strconv.ParseInt(n, 10, 64)
		if err == nil {
			return i
		}
	case *string:
		if n != nil {
			return count(*n)
		}
	}
	return 0
}
