package microversion

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A Range is what a service supports, and how it is called.
type Range struct {
	Service  string // in OpenStack-API-Version: compute, volume
	Own      string // the service's own header, as net/http writes it; may be empty
	Min, Max Version
}

// Version is a microversion.
type Version struct{ Major, Minor int }

// String writes the version as clients do.
func (v Version) String() string { return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor) }

func (v Version) less(o Version) bool {
	return v.Major < o.Major || v.Major == o.Major && v.Minor < o.Minor
}

// Error is why a version cannot be served. InRange says that the form is good:
// then the answer names the version all the same.
type Error struct {
	Status  int
	Problem string
	InRange bool
}

// Error gives the problem.
func (e *Error) Error() string { return e.Problem }

// Agree finds the version that a request asks for; without one the lowest.
// The version is good, too, with an Error of the status 406.
func (g Range) Agree(r *http.Request) (Version, *Error) {
	text := g.sent(r)
	switch text {
	case "":
		return g.Min, nil
	case "latest":
		return g.Max, nil
	}
	v, ok := parse(text)
	if !ok {
		return v, &Error{Status: http.StatusBadRequest,
			Problem: fmt.Sprintf("API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", text)}
	}
	if v.less(g.Min) || g.Max.less(v) {
		return v, &Error{Status: http.StatusNotAcceptable, InRange: true,
			Problem: fmt.Sprintf("Version %s is not supported by the API. Minimum is %s and maximum is %s.", v, g.Min, g.Max)}
	}
	return v, nil
}

// sent is what the headers ask for: of several items for the service the last
// one counts.
func (g Range) sent(r *http.Request) string {
	found := ""
	for _, line := range r.Header[Header] {
		for item := range strings.SplitSeq(line, ",") {
			if service, version, ok := strings.Cut(strings.TrimSpace(item), " "); ok && strings.EqualFold(service, g.Service) {
				found = strings.TrimSpace(version)
			}
		}
	}
	if found == "" && g.Own != "" {
		found = strings.TrimSpace(strings.Join(r.Header[g.Own], ","))
	}
	return found
}

// parse reads MAJOR.MINOR without leading zeros.
func parse(text string) (Version, bool) {
	major, minor, ok := strings.Cut(text, ".")
	if !ok || !digits(major) || !digits(minor) || major == "0" {
		return Version{}, false
	}
	a, errA := strconv.Atoi(major)
	b, errB := strconv.Atoi(minor)
	return Version{a, b}, errA == nil && errB == nil
}

func digits(text string) bool {
	if text == "" || text[0] == '0' && text != "0" {
		return false
	}
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return true
}

// ParseVersion reads a version such as 2.93.
func ParseVersion(text string) (Version, error) {
	v, ok := parse(text)
	if !ok {
		return v, fmt.Errorf("invalid version %q, want one such as 2.93", text)
	}
	return v, nil
}
