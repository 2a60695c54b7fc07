package service

import (
	"net/http"
	"testing"
)

// TestFramingSeams: the fields are found wherever the packets end.
func TestFramingSeams(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: h\r\ncontent-LENGTH: 4\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunked := &http.Request{ProtoMajor: 1, ProtoMinor: 1, TransferEncoding: []string{"chunked"}}
	for i := range head {
		for j := i; j < len(head); j++ {
			var f framing
			f.begin()
			f.read([]byte(head[:i]))
			f.read([]byte(head[i:j]))
			f.read([]byte(head[j:]))
			if seen := f.seen.Load(); seen != seenBegin|seenLength|seenCoding {
				t.Fatalf("seen %b with packets that end at %d and %d", seen, i, j)
			}
			if !f.inDoubt(chunked) {
				t.Fatal("a request with both lengths is not in doubt")
			}
		}
	}
}

func TestFramingDoubts(t *testing.T) {
	tests := []struct {
		name, head   string
		major, minor int
		chunked      bool
		want         bool
	}{
		{"a chunked request", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 1, 1, true, false},
		{"both lengths", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 1, 1, true, true},
		{"a chunked request whose header was not seen", "", 1, 1, true, true},
		{"a request whose header was not seen", "", 1, 1, false, false},
		{"names that only begin so", "POST / HTTP/1.1\r\nContent-Length-X: 1\r\nContent: y\r\n\r\n", 1, 1, true, false},
		{"a length within a value", "POST / HTTP/1.1\r\nX: Content-Length: 1\r\n\r\n", 1, 1, true, false},
		{"HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\n", 1, 0, false, false},
		{"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 1, 0, false, true},
		{"HTTP/1.0 whose header was not seen", "", 1, 0, false, true},
		{"HTTP/2", "", 2, 0, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f framing
			if tt.head != "" {
				f.begin()
				f.read([]byte(tt.head))
			}
			r := &http.Request{ProtoMajor: tt.major, ProtoMinor: tt.minor}
			if tt.chunked {
				r.TransferEncoding = []string{"chunked"}
			}
			if got := f.inDoubt(r); got != tt.want {
				t.Errorf("inDoubt() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestValidHostOfRequests(t *testing.T) {
	for host, want := range map[string]bool{
		"": true, "h": true, "h:80": true, "h:": true, "[::1]": true, "[::1]:80": true, "127.0.0.1:1": true, "a_b": true, ":80": true,
		"a@b": false, "h:x": false, "h:1:2": false, "::1": false, "[::1": false, "[h]": false, "[]": false, "[127.0.0.1]": false,
		"[::1]x": false, "[::1]x:80": false, "a,b": false, "h]": false, "[": false, "[:": false, "[:1": false,
	} {
		if got := validHost(host); got != want {
			t.Errorf("validHost(%q) = %v, want %v", host, got, want)
		}
	}
}
