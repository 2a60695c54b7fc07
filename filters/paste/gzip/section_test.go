package gzip

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline/pipelinetest"
)

func init() {
	paste.RegisterApp("egg:gzip-test#hello", struct{}{}, func(*paste.Build, struct{}) (http.Handler, error) {
		return answer(200, "hello", "Content-Type: text/plain"), nil
	})
}

// section is a paste file with one filter of these lines.
func section(lines string) string {
	return "[app:main]\nuse = egg:gzip-test#hello\nfilter-with = gzip\n[filter:gzip]\n" + lines + "\n"
}

func TestSection(t *testing.T) {
	for _, lines := range []string{
		"use = egg:Paste#gzip",
		"use = egg:wheatpaste#gzip\ncompress_level = 9",
		"paste.filter_app_factory = paste.gzipper:make_gzip_middleware\ncompress_level = -1",
	} {
		rec := httptest.NewRecorder()
		pipelinetest.Load(t, section(lines)).ServeHTTP(rec, request("GET", "gzip"))
		if text, zipped := body(t, rec.Result()); text != "hello" || !zipped {
			t.Errorf("%q: body = %q zipped=%v, want hello zipped", lines, text, zipped)
		}
	}
}

func TestSectionErrors(t *testing.T) {
	tests := []struct{ option, want string }{
		{"compress_level = 10", "paste.ini:6:18: [filter:gzip] compress_level: invalid level 10, want a number from -1 to 9"},
		{"compress_level = x", "paste.ini:6:18: [filter:gzip] compress_level: Bad integer value: 'x', want a whole number"},
		{"compress_level =", "paste.ini:6:17: [filter:gzip] compress_level: Bad integer value: '', want a whole number"},
		{"level = 5", "paste.ini:6:9: [filter:gzip] level: unknown option, egg:Paste#gzip takes compress_level"},
	}
	for _, tt := range tests {
		_, err := pipelinetest.Try(t, section("use = egg:Paste#gzip\n"+tt.option))
		if fmt.Sprint(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.option, err, tt.want)
		}
	}
}
