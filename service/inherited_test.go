package service

import (
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestParsePassed pins sd_listen_fds(3) (SD-03).
func TestParsePassed(t *testing.T) {
	for _, tt := range []struct{ name, pid, fds, names, want, err string }{
		{"nothing", "", "", "", "", ""},
		{"two with names", "77", "2", "web:admin", "3 web, 4 admin", ""},
		{"without names", "77", "2", "", "3 unknown, 4 unknown", ""},
		{"one without a name", "77", "2", ":x", "3 , 4 x", ""},
		{"for another process", "78", "2", "web:admin", "", ""},
		{"for another process, and wrong", "78", "x", "", "", ""},
		{"no number", "77", "x", "", "", `LISTEN_FDS: invalid number "x", want 0 to 4096`},
		{"too many", "77", "4097", "", "", `LISTEN_FDS: invalid number "4097", want 0 to 4096`},
		{"no process", "me", "1", "", "", `LISTEN_PID: invalid number "me", want a process id`},
		{"a name too few", "77", "2", "web", "", `LISTEN_FDNAMES: 1 names for 2 descriptors, want as many`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env := map[string]string{listenPID: tt.pid, listenFDs: tt.fds, listenNames: tt.names}
			list, err := parsePassed(func(name string) string { return env[name] }, 77)
			var got []string
			for _, s := range list {
				got = append(got, fdAddress(s.fd).Addr+" "+s.name)
			}
			if text := errText(err); strings.Join(got, ", ") != tt.want || text != tt.err {
				t.Errorf("parsePassed() = %q, %q, want %q, %q", got, text, tt.want, tt.err)
			}
		})
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// passed are sockets as systemd would pass them.
func passed() *Inherited {
	tcp := func(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }
	return &Inherited{[]passedSocket{
		{3, "web", tcp("127.0.0.1", 8080)},
		{4, "web", tcp("::1", 8080)},
		{5, "all", tcp("::", 9090)},
		{6, "local", &net.UnixAddr{Name: "/run/x.sock", Net: "unix"}},
		{7, "hidden", &net.UnixAddr{Name: "@x", Net: "unix"}},
		{8, "log", nil},
	}}
}

func TestResolve(t *testing.T) {
	const want = "no socket of this name was passed, want one of all, hidden, local, web"
	for _, tt := range []struct{ name, listen, want, err string }{
		{"all of a name", "systemd:web", "fd:3 fd:4", ""},
		{"an address", "127.0.0.1:8080", "fd:3", ""},
		{"an IPv6 address", "[::1]:8080", "fd:4", ""},
		{"all interfaces", ":9090", "fd:5", ""},
		{"all interfaces, in full", "[::]:9090", "fd:5", ""},
		{"only those of IPv4", "0.0.0.0:9090", "0.0.0.0:9090", ""},
		{"a path", "unix:/run/x.sock", "fd:6", ""},
		{"a path with detours", "unix:/run/../run//x.sock", "fd:6", ""},
		{"an abstract name", "unix:@x", "fd:7", ""},
		{"another abstract name", "unix:@y", "unix:@y", ""},
		{"another port", "127.0.0.1:8081", "127.0.0.1:8081", ""},
		{"any port", "127.0.0.1:0", "127.0.0.1:0", ""},
		{"a host by name", "localhost:8080", "localhost:8080", ""},
		{"a number", "fd:5", "fd:5", ""},
		{"several, in order", "systemd:local 127.0.0.1:1 systemd:web", "fd:6 127.0.0.1:1 fd:3 fd:4", ""},
		{"no such name", "systemd:wbe", "", "listen systemd:wbe: " + want},
		{"no listening socket", "systemd:log", "", "listen systemd:log: what was passed under this name is no listening socket, want ListenStream and Accept=no"},
		{"each problem", "systemd:a systemd:b", "", "listen systemd:a: " + want + "\nlisten systemd:b: " + want},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := passed().Resolve(addressesOf(t, tt.listen))
			if text := errText(err); text != tt.err || tt.err == "" && joined(got) != tt.want {
				t.Errorf("Resolve(%q) = %q, %q, want %q, %q", tt.listen, joined(got), text, tt.want, tt.err)
			}
		})
	}
	_, err := (*Inherited)(nil).Resolve(addressesOf(t, "systemd:web"))
	if want := "listen systemd:web: no socket was passed to this process, want a start by a systemd socket unit"; errText(err) != want {
		t.Errorf("Resolve() without sockets = %v, want %s", err, want)
	}
	g := testGroup(t)
	g.Listen = addressesOf(t, "systemd:web")
	if _, unresolved := Listen(t.Context(), g); errText(unresolved) != errText(err) {
		t.Errorf("Listen() = %v, want %v", unresolved, err)
	}
}

func addressesOf(t *testing.T, text string) []Address {
	t.Helper()
	var list []Address
	for f := range strings.FieldsSeq(text) {
		a, err := ParseListen(f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

func joined(addresses []Address) string {
	var list []string
	for _, a := range addresses {
		list = append(list, a.String())
	}
	return strings.Join(list, " ")
}

func TestUnused(t *testing.T) {
	got := passed().Unused(addressesOf(t, "fd:3 fd:4 fd:6 fd:7 127.0.0.1:9090"))
	if want := []string{"all (fd 5, [::]:9090)", "log (fd 8, no listening socket)"}; !slices.Equal(got, want) {
		t.Errorf("Unused() = %q, want %q", got, want)
	}
	if got := (*Inherited)(nil).Unused(nil); got != nil {
		t.Errorf("Unused() = %q without sockets, want none", got)
	}
}

// TestEnviron: what is passed on is what was passed.
func TestEnviron(t *testing.T) {
	env := map[string]string{}
	for _, v := range passed().Environ(77) {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	got, err := parsePassed(func(name string) string { return env[name] }, 77)
	want := passed().sockets
	for i := range want {
		want[i].addr = nil
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the next one reads %v, %v of %v, want %v", got, err, env, want)
	}
	if got := (*Inherited)(nil).Environ(77); got != nil {
		t.Errorf("Environ() = %q without sockets, want none", got)
	}
	if got := passed().FDs(); !slices.Equal(got, []int{3, 4, 5, 6, 7, 8}) {
		t.Errorf("FDs() = %v", got)
	}
}
