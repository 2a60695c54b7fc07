package service

import (
	"strings"
	"testing"
)

func TestParseListen(t *testing.T) {
	const forms = ", want host:port, :port, [v6]:port, unix:/path, fd:N or systemd:NAME"
	long := "/" + strings.Repeat("a", 107)
	tests := []struct{ text, network, addr, err string }{
		{"127.0.0.1:8080", "tcp4", "127.0.0.1:8080", ""},
		{"0.0.0.0:80", "tcp4", "0.0.0.0:80", ""},
		{"localhost:0", "tcp", "localhost:0", ""},
		{":8080", "tcp", ":8080", ""},
		{"*:6543", "tcp", ":6543", ""},
		{"[::1]:65535", "tcp", "[::1]:65535", ""},
		{"[fe80::1%lo]:1", "tcp", "[fe80::1%lo]:1", ""},
		{"unix:/run/a b.sock", "unix", "unix:/run/a b.sock", ""},
		{"unix:rel", "unix", "unix:rel", ""},
		{"unix:@abstract", "unix", "unix:@abstract", ""},
		{"fd:3", "fd", "fd:3", ""},
		{"systemd:web", "systemd", "systemd:web", ""},
		{"systemd:", "", "", `invalid listen address "systemd:": no name` + forms},
		{"systemd:a:b", "", "", `invalid listen address "systemd:a:b": "a:b" is no name of a descriptor` + forms},
		{"systemd:a b", "", "", `invalid listen address "systemd:a b": "a b" is no name of a descriptor` + forms},
		{"", "", "", `invalid listen address "": nothing there` + forms},
		{"8080", "", "", `invalid listen address "8080": no port` + forms},
		{"localhost", "", "", `invalid listen address "localhost": no port` + forms},
		{"::1:80", "", "", `invalid listen address "::1:80": an IPv6 address stands in brackets` + forms},
		{"[::1]", "", "", `invalid listen address "[::1]": no port` + forms},
		{"[::1:80", "", "", `invalid listen address "[::1:80": no closing bracket` + forms},
		{"h:http", "", "", `invalid listen address "h:http": port "http" is no number from 0 to 65535` + forms},
		{"h:65536", "", "", `invalid listen address "h:65536": port "65536" is no number from 0 to 65535` + forms},
		{"h:-1", "", "", `invalid listen address "h:-1": port "-1" is no number from 0 to 65535` + forms},
		{"h:080", "", "", `invalid listen address "h:080": port "080" is no number from 0 to 65535` + forms},
		{"h:", "", "", `invalid listen address "h:": port "" is no number from 0 to 65535` + forms},
		{"http://h:80", "", "", `invalid listen address "http://h:80": an IPv6 address stands in brackets` + forms},
		{"a b:80", "", "", `invalid listen address "a b:80": "a b" is no host` + forms},
		{"unix:", "", "", `invalid listen address "unix:": no path` + forms},
		{"unix:@", "", "", `invalid listen address "unix:@": no path` + forms},
		{"unix:" + long, "", "", `invalid listen address "unix:` + long + `": a path of 108 bytes, the system takes 107` + forms},
		{"unix:a\x00b", "", "", `invalid listen address "unix:a\x00b": a path with a zero byte` + forms},
		{"fd:2", "", "", `invalid listen address "fd:2": "2" is no descriptor from 3` + forms},
		{"fd:x", "", "", `invalid listen address "fd:x": "x" is no descriptor from 3` + forms},
	}
	for _, tt := range tests {
		a, err := ParseListen(tt.text)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("ParseListen(%q) = %v, want %s", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil || a.network() != tt.network || a.String() != tt.addr {
			t.Errorf("ParseListen(%q) = %s %q, %v, want %s %q", tt.text, a.network(), a, err, tt.network, tt.addr)
		}
	}
}

func TestHostPort(t *testing.T) {
	for _, tt := range []struct{ host, port, want string }{
		{"127.0.0.1", "80", "127.0.0.1:80"},
		{" ::1 ", " 80 ", "[::1]:80"},
		{"[::1]", "80", "[::1]:80"},
		{"*", "80", ":80"},
		{"", "80", ":80"},
	} {
		if a, err := HostPort(tt.host, tt.port); err != nil || a.String() != tt.want {
			t.Errorf("HostPort(%q, %q) = %q, %v, want %q", tt.host, tt.port, a, err, tt.want)
		}
	}
	if _, err := HostPort("h", "x"); err == nil {
		t.Error("HostPort() took x for a port")
	}
}

func FuzzParseListen(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:80", "[::1]:80", "unix:/a", "fd:3", ":", "*:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseListen(text)
		if err != nil {
			return
		}
		if again, err := ParseListen(a.String()); err != nil || again != a {
			t.Errorf("%q became %q, which became %q, %v", text, a, again, err)
		}
	})
}
