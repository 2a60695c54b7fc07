package proxylogging

import (
	"crypto/md5"  //nolint:gosec // the operator's choice of a name for a value, no protection
	"crypto/sha1" //nolint:gosec // as md5
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/swift/internal/swob"
)

// defaultTemplate is the line of the original.
const defaultTemplate = "{client_ip} {remote_addr} {end_time.datetime} {method} {path} {protocol} {status_int} {referer} {user_agent} " +
	"{auth_token} {bytes_recvd} {bytes_sent} {client_etag} {transaction_id} {headers} {request_time} {source} {log_info} {start_time} {end_time} {policy_index}"

// safe are the bytes that stay as they are in a field, besides letters and
// digits.
const safe = ":/{}"

// kinds of field.
const (
	plainField = iota
	nameField  // can be .anonymized
	timeField  // has formats
)

// fields are those that a template may name.
var fields = map[string]int{
	"end_time": timeField, "start_time": timeField,
	"client_ip": nameField, "remote_addr": nameField, "domain": nameField, "path": nameField, "referer": nameField, "user_agent": nameField,
	"headers": nameField, "client_etag": nameField, "account": nameField, "container": nameField, "object": nameField,
	"method": plainField, "protocol": plainField, "status_int": plainField, "auth_token": plainField, "bytes_recvd": plainField,
	"bytes_sent": plainField, "transaction_id": plainField, "request_time": plainField, "source": plainField, "log_info": plainField,
	"policy_index": plainField, "ttfb": plainField, "pid": plainField, "wire_status_int": plainField, "access_user_id": plainField,
}

// digests are the methods of anonymising.
var digests = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
	"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() },
}

// part is a text, or a field when name is set.
type part struct {
	text, name, attr string
}

// template is a line taken apart, and how its fields are anonymised.
type template struct {
	parts  []part
	method string
	digest func() hash.Hash
	salt   string
}

func parseTemplate(text, method, salt string) (*template, error) {
	t := &template{method: strings.ToUpper(method), digest: digests[strings.ToLower(method)], salt: salt}
	for text != "" {
		at := strings.IndexAny(text, "{}")
		if at < 0 {
			t.add(text)
			break
		}
		t.add(text[:at])
		if strings.HasPrefix(text[at:], "{{") || strings.HasPrefix(text[at:], "}}") {
			t.add(text[at : at+1])
			text = text[at+2:]
			continue
		}
		end := strings.IndexByte(text[at:], '}')
		if text[at] == '}' || end < 0 {
			return nil, errors.New("invalid template, want {FIELD}, and {{ or }} for a brace")
		}
		field, err := parseField(text[at+1 : at+end])
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, field)
		text = text[at+end+1:]
	}
	return t, nil
}

func (t *template) add(text string) {
	if text != "" {
		t.parts = append(t.parts, part{text: text})
	}
}

func parseField(text string) (part, error) {
	name, attr, _ := strings.Cut(text, ".")
	kind, ok := fields[name]
	switch {
	case !ok:
		return part{}, fmt.Errorf("unknown field %q, want one of %s", text, strings.Join(known(), ", "))
	case attr == "" && name == text:
	case kind == nameField && attr == "anonymized":
	case kind == timeField && timeFormat(attr) != nil:
	default:
		return part{}, fmt.Errorf("unknown field %q, want %s alone%s", text, name, [...]string{"", " or with .anonymized",
			" or with .datetime, .iso8601, .asctime, .ms, .us, .ns or a letter of strftime"}[kind])
	}
	return part{name: name, attr: attr}, nil
}

func known() []string {
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// line fills the template in.
func (t *template) line(e *entry) []byte {
	out := make([]byte, 0, 512)
	for i := range t.parts {
		p := &t.parts[i]
		if p.name == "" {
			out = append(out, p.text...)
			continue
		}
		value := t.value(e, p)
		if value == "" {
			out = append(out, '-')
			continue
		}
		out = append(out, swob.QuoteSafe(value, safe)...)
	}
	return out
}

func (t *template) value(e *entry, p *part) string {
	switch p.name {
	case "start_time":
		return timeValue(e.start, p.attr)
	case "end_time":
		return timeValue(e.end, p.attr)
	}
	value := e.field(p.name)
	if p.attr == "anonymized" {
		return t.anonymize(value)
	}
	return swob.Latin1(value)
}

func (t *template) anonymize(value string) string {
	if value == "" {
		return ""
	}
	h := t.digest()
	mark := "{"
	if t.salt != "" {
		mark = "{S"
		h.Write([]byte(t.salt))
	}
	h.Write([]byte(value))
	return mark + t.method + "}" + hex.EncodeToString(h.Sum(nil))
}

func timeValue(t time.Time, attr string) string {
	if attr == "" {
		return seconds(t)
	}
	return timeFormat(attr)(t.UTC())
}

// seconds are the seconds since 1970 with nine decimals; Swift's clock has
// fewer digits than it prints.
func seconds(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// timeFormat gives the function of a format; nil for an unknown one.
func timeFormat(attr string) func(time.Time) string {
	if layout, ok := layouts[attr]; ok {
		return func(t time.Time) string { return t.Format(layout) }
	}
	switch attr {
	case "ms":
		return func(t time.Time) string { return fmt.Sprintf("%09d", t.Nanosecond())[:3] }
	case "us":
		return func(t time.Time) string { return fmt.Sprintf("%09d", t.Nanosecond())[:6] }
	case "ns":
		return func(t time.Time) string { return fmt.Sprintf("%09d", t.Nanosecond()) }
	case "w":
		return func(t time.Time) string { return strconv.Itoa(int(t.Weekday())) }
	case "U": // weeks since the first Sunday
		return func(t time.Time) string { return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7) }
	case "W": // weeks since the first Monday
		return func(t time.Time) string { return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7) }
	}
	return nil
}

// layouts are the formats that Go can write; the letters are strftime's, in the
// C locale.
var layouts = map[string]string{
	"datetime": "02/Jan/2006/15/04/05", "iso8601": "2006-01-02T15:04:05", "asctime": "Mon Jan _2 15:04:05 2006",
	"a": "Mon", "A": "Monday", "b": "Jan", "B": "January", "c": "Mon Jan _2 15:04:05 2006", "d": "02", "H": "15", "I": "03", "j": "002",
	"m": "01", "M": "04", "p": "PM", "S": "05", "x": "01/02/06", "X": "15:04:05", "y": "06", "Y": "2006", "Z": "UTC",
}
