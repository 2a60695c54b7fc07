package resp

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	tests := []struct{ text, want string }{
		{"redis://h", "tcp h:6379 tls=false user= password= db="},
		{"redis://u:p%40@[::1]:7/3", "tcp [::1]:7 tls=false user=u password=p@ db=3"},
		{"rediss://:p@h/", "tcp h:6379 tls=true user= password=p db="},
		{"unix:///run/redis.sock?db=2", "unix /run/redis.sock tls=false user= password= db=2"},
		{"unix:", ""}, {"redis://", ""}, {"h:6379", ""}, {"http://h", ""}, {"redis://h/x", ""}, {"redis://h/1/2", ""}, {"redis://u:s%zz@h", ""},
	}
	for _, tt := range tests {
		c, err := Parse(tt.text)
		if err != nil {
			const want = "invalid address, want redis://[user:password@]host[:port][/db], rediss://... or unix:///path[?db=N]"
			if tt.want != "" || err.Error() != want {
				t.Errorf("Parse(%q) = %v", tt.text, err)
			}
			continue
		}
		if got := fmt.Sprintf("%s tls=%v user=%s password=%s db=%s", c, c.tls != nil, c.user, c.password, c.db); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestRead(t *testing.T) {
	tests := []struct{ text, want string }{
		{"+OK\r\n", "OK <nil>"}, {"-ERR no\r\n", "<nil> ERR no"}, {":-5\r\n", "-5 <nil>"}, {"$2\r\nabc\r\n", "<nil> the server does not answer as Redis does"},
		{"$2\r\nab\r\n", "ab <nil>"}, {"$0\r\n\r\n", " <nil>"}, {"$-1\r\n", "<nil> <nil>"}, {"*-1\r\n", "<nil> <nil>"},
		{"*3\r\n:1\r\n-E\r\n*1\r\n+x\r\n", "[1 E [x]] <nil>"}, {"*0\r\n", "[] <nil>"},
		{"", "<nil> EOF"}, {"$5\r\nab", "<nil> unexpected EOF"}, {"*1\r\n", "<nil> in an array: EOF"},
		{"HTTP/1.1 400 Bad Request\r\n", "<nil> the server does not answer as Redis does"}, {"+OK\n", "<nil> the server does not answer as Redis does"},
		{"$999999999999\r\n", "<nil> the server does not answer as Redis does"}, {"*999999\r\n", "<nil> the server does not answer as Redis does"},
		{strings.Repeat("*1\r\n", 9), "<nil> in an array: in an array: in an array: in an array: in an array: the server does not answer as Redis does"},
		{"+" + strings.Repeat("x", 5000) + "\r\n", "<nil> the server does not answer as Redis does"},
	}
	for _, tt := range tests {
		reply, err := read(bufio.NewReader(strings.NewReader(tt.text)), 0)
		if got := fmt.Sprint(reply) + " " + fmt.Sprint(err); got != tt.want {
			t.Errorf("read(%.40q) = %s, want %s", tt.text, got, tt.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"*2\r\n:1\r\n$1\r\nx\r\n", "-E\r\n", "$-2\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = read(bufio.NewReader(strings.NewReader(text)), 0)
	})
}
