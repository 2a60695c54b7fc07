package webob

import (
	"net/http/httptest"
	"testing"
)

func TestPage(t *testing.T) {
	large := Page{Status: 413, Explanation: "Too <b>large</b> & 'é'."}
	tests := []struct {
		name, method, accept string
		page                 Page
		contentType, body    string
	}{
		{"html", "GET", "*/*", large, "text/html; charset=UTF-8",
			"<html>\n <head>\n  <title>413 Request Entity Too Large</title>\n </head>\n <body>\n  <h1>413 Request Entity Too Large</h1>\n" +
				"  Too &lt;b&gt;large&lt;/b&gt; &amp; &#x27;&#233;&#x27;.<br /><br />\n\n\n\n </body>\n</html>"},
		{"json", "POST", "application/json", large, "application/json",
			`{"message": "Too <b>large</b> & '\u00e9'.<br /><br />\n\n\n", "code": "413 Request Entity Too Large", "title": "Request Entity Too Large"}`},
		{"plain", "GET", "text/plain", large, "text/plain; charset=UTF-8", "413 Request Entity Too Large\n\nToo large & 'é'.\n\n   "},
		{"plain without Accept", "GET", "", InternalServerError, "text/plain; charset=UTF-8",
			"500 Internal Server Error\n\nThe server has either erred or is incapable of performing the requested operation.\n\n   "},
		{"title and detail", "GET", "text/plain", Page{Status: 400, Title: "No", Explanation: "a", Detail: "b"}, "text/plain; charset=UTF-8", "400 No\n\na\n\n b  "},
		{"head", "HEAD", "application/json", large, "text/html; charset=UTF-8", ""},
		{"surrogates", "GET", "application/json", Page{Status: 400, Title: "\x7f\"", Explanation: "😀"}, "application/json",
			`{"message": "\ud83d\ude00<br /><br />\n\n\n", "code": "400 \u007f\"", "title": "\u007f\""}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			if tt.accept != "" {
				r.Header.Set("Accept", tt.accept)
			}
			w := httptest.NewRecorder()
			tt.page.Write(w, r)
			if w.Code != tt.page.Status || w.Header().Get("Content-Type") != tt.contentType || w.Body.String() != tt.body {
				t.Errorf("got %d %q %q, want %d %q %q", w.Code, w.Header().Get("Content-Type"), w.Body, tt.page.Status, tt.contentType, tt.body)
			}
		})
	}
}

func TestPreferred(t *testing.T) {
	tests := []struct{ accept, want string }{
		{"", ""},
		{"*/*", "text/html"},
		{"text/html;q=0.5, application/json", "application/json"},
		{"application/json, text/html", "text/html"},
		{"text/*;q=0.2,application/*;q=0.3", "application/json"},
		{"*/*;q=0.1, text/html;q=0", "application/json"},
		{"text/html;level=1", ""},
		{"text/plain", ""},
		{"*/*;q=0", ""},
		{"TEXT/HTML", "text/html"},
		{"application/json;q=1.001", "text/html"}, // not well-formed
		{"application/json;q=0.5;x=\"a,b\\\"\"", "application/json"},
		{"application/json;x", "text/html"},
		{",,application/json", "application/json"},
		{",application/json", "text/html"},
		{"application/json ;q=0.5 , x/y", "application/json"},
		{"application/json;q=0.5;ext", "application/json"},
		{"application/json;a=\"", "text/html"},
	}
	for _, tt := range tests {
		if got := preferred(tt.accept); got != tt.want {
			t.Errorf("preferred(%q) = %q, want %q", tt.accept, got, tt.want)
		}
	}
}

func FuzzPreferred(f *testing.F) {
	for _, seed := range []string{"", "*/*", `a/b;c="d\`, "text/html;q=0.", ", ,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		switch preferred(accept) {
		case "", "text/html", "application/json":
		default:
			t.Errorf("preferred(%q) is none of the three", accept)
		}
	})
}
