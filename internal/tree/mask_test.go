package tree

import (
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

func TestMasked(t *testing.T) {
	t.Setenv("WHEATPASTE_TEST_SECRET", "from-the-environment")
	l := open(t, `
[DEFAULT]
db_password = s3cret-of-db
short_token = abc
[app:main]
use = egg:x
password =
Password2 = x
admin_token = x
env = %(ENV:WHEATPASTE_TEST_SECRET)s
caller = %(debug)s
dsn = user:%(db_password)s@host
url = mysql://me:pa/ss@wd@db/x
plainurl = http://me@host:80/
two = http://a:b@c d http://e:f@g
query = https://x/?user=me&token=abc&y=1
words = host=db password='q w' dbname=x
abc = abcdef
fine = plain text = with signs: a@b
`, paste.GlobalConf(map[string]string{"debug": "on"}))
	n := Object(l, paste.App, new("main"))
	for key, want := range map[string]string{
		"password": "", "Password2": "****", "admin_token": "****", "env": "****", "caller": "****",
		"dsn": "user:****@host", "url": "mysql://me:****@db/x", "plainurl": "http://me@host:80/",
		"two": "http://a:****@c d http://e:****@g", "query": "https://x/?user=me&token=****&y=1",
		"words": "host=db password='q w' dbname=x", "abc": "abcdef", "fine": "plain text = with signs: a@b",
	} {
		v, ok := n.Local.Value(key)
		if got := n.Masked(key, v); !ok || got != want {
			t.Errorf("%s is shown as %q, want %q", key, got, want)
		}
	}
	for key, want := range map[string]string{"db_password": "****", "debug": "****", "here": l.Path()[:len(l.Path())-len("/paste.ini")]} {
		v, ok := n.Global.Value(key)
		if got := n.Masked(key, v); !ok || got != want {
			t.Errorf("%s is shown as %q, want %q", key, got, want)
		}
	}
}
