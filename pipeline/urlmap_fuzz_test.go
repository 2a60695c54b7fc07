package pipeline

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
)

var (
	domainURL = regexp.MustCompile(`^(http|https)://`)
	slashes   = regexp.MustCompile(`//+`)
)

// parseAsPaste reads a key in the plainest way, to compare with: word by word
// into a map, then one URL, then regular expressions.
func parseAsPaste(text string) (domain, path string, ok bool) {
	words := paste.Words(text)
	have := map[string]string{}
	for len(words) > 0 {
		kind := words[0]
		if kind != "domain" && kind != "port" {
			kind = "path"
		} else {
			words = words[1:]
		}
		if len(words) == 0 || have[kind] != "" {
			return "", "", false
		}
		have[kind], words = words[0], words[1:]
	}
	url := have["path"]
	if have["domain"] != "" {
		url = "http://" + have["domain"]
		if have["port"] != "" {
			url += ":" + have["port"]
		}
		if have["path"] != "" {
			url += "/" + have["path"]
		}
	} else if have["port"] != "" {
		return "", "", false
	}
	if at := domainURL.FindStringIndex(url); at != nil {
		var slash bool
		domain, url, slash = strings.Cut(url[at[1]:], "/")
		if slash {
			url = "/" + url
		}
	} else if url != "" && url[0] != '/' {
		return "", "", false
	}
	return domain, strings.TrimRight(slashes.ReplaceAllString(url, "/"), "/"), true
}

func FuzzURLMapKeys(f *testing.F) {
	for _, seed := range []string{
		"/", "", "/a", "/a/", "//a//b", "domain a.com", "domain a.com port 80 /x", "port 1", "/x domain", "domain a domain b",
		"http://a.com:80/x", "https://[::1]:81/", "debug", "domain http://x /y", "domain a/b port 1 /c", "/a /b", "/v2.1/+", "domain A.COM /É",
		"domain : /", "http://:80/x", "http:///x", "/\x00\x85\xff", "domain port domain x port",
	} {
		f.Add(seed, "a.com:80", "/x//y")
	}
	f.Fuzz(func(t *testing.T, text, host, path string) {
		key, err := ParseMountKey(text)
		domain, want, ok := parseAsPaste(text)
		if (err == nil) != ok || key != (MountKey{domain, want}) {
			t.Fatalf("ParseMountKey(%q) = %q, %v, want %q %q %v", text, key, err, domain, want, ok)
		}
		for _, wildcards := range []bool{false, true} { // the warnings are sought with every kind of key
			mounts := confOf("/x/+", "a", text, "b", "domain a.com", "c")
			if _, loadErr := LoadURLMap(new(fakeLoader).build(nil), mounts, "", wildcards); (loadErr == nil) != (err == nil) {
				t.Fatalf("LoadURLMap of %q: %v, want %v", text, loadErr, err)
			}
		}
		if err != nil {
			return
		}
		m := NewURLMap(nil, false)
		m.Mount(key, http.NotFoundHandler())
		n := &naive{}
		n.mount(key, "app")
		collapsed, ok := CollapsePath(path)
		if !ok {
			return
		}
		app, script := m.Match(request(host, path), collapsed)
		name, port, hasPort := splitHost(requestHost(request(host, path)))
		if !hasPort {
			port = "80"
		}
		wantApp, wantScript := n.match(name, port, collapsed)
		if (app != nil) != (wantApp != "") || script != wantScript {
			t.Fatalf("%q on %q %q = %v %q, want %v", key, host, path, app != nil, script, fmt.Sprint(wantApp, wantScript))
		}
	})
}
