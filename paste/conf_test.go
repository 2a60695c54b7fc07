package paste

import (
	"fmt"
	"strings"
	"testing"
)

func TestConf(t *testing.T) {
	var c Conf
	n := 3 * indexFrom // past the point from which it has an index
	for i := range n {
		c.Set(fmt.Sprint("k", i), Value{Text: fmt.Sprint(i)})
	}
	c.Set("k1", Value{Text: "again"})
	clone := c.Clone()
	if v, ok := c.Delete("k0"); !ok || v.Text != "0" {
		t.Errorf("Delete = %v, %v", v, ok)
	}
	if _, ok := c.Delete("k0"); ok {
		t.Error("a second Delete found something")
	}
	if got := strings.Join(c.Keys()[:3], " "); got != "k1 k2 k3" || text(&c, "k1") != "again" || c.Len() != n-1 {
		t.Errorf("GEN-07 keys %s, k1 = %q, %d options", got, text(&c, "k1"), c.Len())
	}
	for i := 1; i < n; i++ {
		if !c.Has(fmt.Sprint("k", i)) {
			t.Errorf("k%d is lost", i)
		}
	}
	if clone.Len() != n || !clone.Has("k0") || c.Has("k0") {
		t.Error("a clone is not independent")
	}
	if c.Equal(clone) || !clone.Equal(clone.Clone()) {
		t.Error("Equal is wrong")
	}
	clone.Delete("k0")
	if !c.Equal(clone) {
		t.Error("equal sets differ")
	}
	clone.Set("k2", Value{Text: "x"})
	if c.Equal(clone) {
		t.Error("sets with different texts are equal")
	}
	for range c.All() { // an early end of the loop
		break
	}
	if got := c.Map()["k5"]; got != "5" || len(c.Map()) != n-1 {
		t.Errorf("Map has k5 = %q and %d options", got, len(c.Map()))
	}
}

func TestANilConfIsEmpty(t *testing.T) {
	var c *Conf
	if _, ok := c.Get("x"); ok || c.Len() != 0 || len(c.Keys()) != 0 || c.Clone().Len() != 0 || !c.Equal(&Conf{}) {
		t.Error("a nil Conf is not empty")
	}
}

// Every value knows where it was written and through which rule it came.
func TestOrigins(t *testing.T) {
	dir := writeFiles(t, `
		[DEFAULT]
		d = 1
		[app:main]
		use = config:inner.ini
		set s = 2
		get g = d
		o = 3
		-- inner.ini --
		[app:main]
		use = egg:A
		i =
		  5
	`)
	c, err := Load(App, "config:paste.ini", RelativeTo(dir), GlobalConf(map[string]string{"v": "4"}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, conf := range []*Conf{c.Global, c.Local} {
		for k, v := range conf.All() {
			o := v.Origin()
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s: %s [%s] %s %s %v", k, relativeTo(o.Pos.String(), dir), o.Section, o.Option, o.Via, v.Secret())))
		}
	}
	want := []string{
		"here:  []  built-in false", "__file__:  []  built-in false",
		"d: D/paste.ini:2:5 [DEFAULT] d DEFAULT false",
		"v:  []  var=value true",
		"s: D/paste.ini:5:9 [app:main] set s set false",
		"i: D/inner.ini:3:4 [app:main] i section false",
		"o: D/paste.ini:7:5 [app:main] o section false",
		"g: D/paste.ini:6:9 [app:main] get g get false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
