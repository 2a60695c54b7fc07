package webob

import (
	"net/http"
	"testing"
)

func TestAbsolute(t *testing.T) {
	usual := origin{"http", "h:80", "/s", "/a b/c"}
	tests := []struct {
		at             origin
		location, want string
	}{
		{usual, "/x", "http://h/x"},
		{usual, "/x/../y?q#f", "http://h/y?q#f"},
		{usual, "d", "http://h/s/a%20b/d"},
		{usual, "../d;p", "http://h/s/d;p"},
		{usual, "../../../../d", "http://h/d"},
		{usual, "./", "http://h/s/a%20b/"},
		{usual, "..", "http://h/s/"},
		{usual, "", "http://h/s/a%20b/c"},
		{usual, "?q", "http://h/s/a%20b/c?q"},
		{usual, "//o/x", "http://o/x"},
		{usual, "///x", "http://h/x"},
		{usual, "https://o/../x", "https://o/../x"},
		{usual, "mailto:x", "mailto:x"},
		{origin{"https", "h:443", "", "/"}, "x", "https://h/x"},
		{origin{"https", "h:80", "", ""}, "x", "https://h:80/x"},
		{origin{"http", "h", "", "*"}, "x", "http://h/x"},
		{origin{"odd", "h", "", "/"}, "/x", "/x"},
		{origin{"http", "", "", "/"}, "/x", "/x"},
	}
	for _, tt := range tests {
		own := []string{tt.location}
		h := http.Header{"Location": own}
		tt.at.absolute(h)
		if got := h.Get("Location"); got != tt.want {
			t.Errorf("%q at %v = %q, want %q", tt.location, tt.at, got, tt.want)
		}
		if own[0] != tt.location {
			t.Errorf("%q at %v: the application's own slice was changed", tt.location, tt.at)
		}
	}
}

func FuzzAbsolute(f *testing.F) {
	f.Add("/a/b", "../x;p?q#f")
	f.Add("", "")
	f.Add("0", "0")
	f.Fuzz(func(_ *testing.T, path, location string) {
		origin{"http", "h", "", path}.absolute(http.Header{"Location": {location}})
	})
}
