package describe

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	_ "github.com/wheatpaste/wheatpaste/apps/echo"
	"github.com/wheatpaste/wheatpaste/paste"
)

type options struct {
	Size  paste.Size    `paste:"max_size,global" old:"size,limit" help:"largest|body"`
	Wait  time.Duration `paste:"wait" help:"how long"`
	Name  string        `paste:"name,required" help:"who it is"`
	Empty string        `paste:"empty" help:"may be left out"`
	Rest  *paste.Conf   `paste:",rest" help:"anything else"`
}

func handler(*paste.Build, options) (http.Handler, error) { return http.NotFoundHandler(), nil }

func registry() *paste.Registry {
	reg := &paste.Registry{}
	paste.RegisterApp("egg:Dist#thing", options{Size: 2048, Wait: 90 * time.Second}, handler, paste.In(reg),
		paste.Alias("dist.things:make_thing", "egg:Dist"), paste.Help("Makes a thing."),
		paste.Example("[app:thing]\nuse = egg:Dist#thing\nname = it"))
	paste.RegisterFilter("egg:Dist#thing", struct{}{}, func(*paste.Build, struct{}) (alice.Constructor, error) {
		return func(next http.Handler) http.Handler { return next }, nil
	}, paste.In(reg))
	paste.Refuse(paste.KindServer, "it cannot be", "egg:Dist#cgi", paste.In(reg))
	return reg
}

func find(t *testing.T, name string) []*paste.Factory {
	t.Helper()
	found, err := Find(registry(), name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"egg:Dist#thing":              "app filter",
		"egg:dist#thing":              "app filter",
		"thing":                       "app filter",
		"dist.things:make_thing":      "app",
		"call:dist.things:make_thing": "app",
		"dist.things : make_thing":    "app",
		"egg:Dist#main":               "app",
		"cgi":                         "server",
	} {
		var kinds []string
		for _, f := range find(t, name) {
			kinds = append(kinds, string(f.Kind))
		}
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("Find(%q) gives %q, want %q", name, got, want)
		}
	}
}

func TestFindNothing(t *testing.T) {
	for name, want := range map[string]string{
		"egg:Dist#thinc": `no factory is registered as "egg:Dist#thinc"; did you mean egg:Dist#thing?`,
		"thimg":          `no factory is registered as "thimg"; did you mean thing?`,
		"elephant":       `no factory is registered as "elephant"; wheatpaste list shows all`,
		"":               `no factory is registered as ""; wheatpaste list shows all`,
	} {
		if _, err := Find(registry(), name); err == nil || err.Error() != want {
			t.Errorf("Find(%q) gives the error %v, want %s", name, err, want)
		}
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	for _, f := range append(find(t, "thing"), find(t, "cgi")...) {
		Text(&b, f)
		b.WriteString("---\n")
	}
	want := `egg:Dist#thing (app)
    Makes a thing.

Aliases
    dist.things:make_thing
    egg:Dist

Options
    max_size  size     2048      largest|body; also from the global options; old name size, limit
    wait      seconds  90        how long
    name      text     required  who it is
    empty     text     -         may be left out
    *         any      -         anything else

Example
    [app:thing]
    use = egg:Dist#thing
    name = it
---
egg:Dist#thing (filter)
---
egg:Dist#cgi (server)
    Refused: it cannot be
---
`
	if got := b.String(); got != want {
		t.Errorf("the text is\n%swant\n%s", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	want := "\n## `egg:Dist#thing` (app)\n\nMakes a thing.\n\nAliases:\n\n- `dist.things:make_thing`\n- `egg:Dist`\n\n" +
		"| option | type | default | meaning |\n| --- | --- | --- | --- |\n" +
		"| `max_size` | size | `2048` | largest\\|body; also from the global options; old name size, limit |\n" +
		"| `wait` | seconds | `90` | how long |\n" +
		"| `name` | text | required | who it is |\n" +
		"| `empty` | text | - | may be left out |\n" +
		"| `*` | any | - | anything else |\n\n" +
		"Example:\n\n```ini\n[app:thing]\nuse = egg:Dist#thing\nname = it\n```\n" +
		"\n## `egg:Dist#thing` (filter)\n\nOptions: none.\n\n"
	if got := Markdown(find(t, "thing")); got != want {
		t.Errorf("the README part is\n%swant\n%s", got, want)
	}
}

func TestData(t *testing.T) {
	out, err := json.Marshal(Data(append(find(t, "egg:Dist"), find(t, "cgi")...)))
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"kind":"app","name":"egg:Dist#thing","aliases":["dist.things:make_thing","egg:Dist"],"help":"Makes a thing.","options":[` +
		`{"name":"max_size","type":"size","default":"2048","global":true,"old_names":["size","limit"],"help":"largest|body"},` +
		`{"name":"wait","type":"seconds","default":"90","help":"how long"},` +
		`{"name":"name","type":"text","default":"","required":true,"help":"who it is"},` +
		`{"name":"empty","type":"text","default":"","help":"may be left out"},` +
		`{"name":"*","type":"any","default":"","help":"anything else"}],` +
		`"example":"[app:thing]\nuse = egg:Dist#thing\nname = it\n"},` +
		`{"kind":"server","name":"egg:Dist#cgi","aliases":[],"help":"","refusal":"it cannot be","options":[],"example":""}]`
	if string(out) != want {
		t.Errorf("the JSON is\n%s\nwant\n%s", out, want)
	}
}

func TestFolder(t *testing.T) {
	if got := Folder(find(t, "cgi")[0]); got != "" { // registered by this file
		t.Errorf("Folder = %q, want none", got)
	}
	echo, err := Find(paste.DefaultRegistry, "egg:wheatpaste#echo")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Folder(echo[0]), "apps/echo"; got != want {
		t.Errorf("Folder = %q, want %q", got, want)
	}
}
