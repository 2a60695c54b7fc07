package proxy

import (
	"testing"

	"github.com/wheatpaste/wheatpaste/apps/internal/initest"
	"github.com/wheatpaste/wheatpaste/paste"
)

func TestOptionsInAFile(t *testing.T) {
	const ours = "[app:main]\nuse = egg:wheatpaste#proxy\n"
	const paster = "[app:main]\nuse = egg:Paste#proxy\n"
	initest.Examples(t, paste.App, "egg:wheatpaste#proxy", "egg:Paste#proxy", "egg:Paste#transparent_proxy")
	initest.Run(t, []initest.Case{
		{Name: "all", INI: ours + "address = https://h:1/base\nallowed_request_methods = GET POST\nsuppress_http_headers = x-a\npreserve_host = on\n" +
			"x_forwarded = append\nforwarded = pass\nconnect_timeout = 1\nresponse_timeout = 0\nidle_timeout = 1m\nkeepalive_connections = 0\n" +
			"max_connections = 5\ninsecure = true"},
		{Name: "missing", INI: ours, Error: "paste.ini:1:1: [app:main] address: missing, want address = text (http://host[:port][/base], https://..., or unix:/path/of/socket[:/base])"},
		{Name: "address", INI: ours + "address = h:80", Error: `paste.ini:3:11: [app:main] address: invalid URL "h:80", want http://host[:port][/base] or https://... or unix:/path`},
		{Name: "mode", INI: ours + "address = http://h\nx_forwarded = on", Error: `paste.ini:4:15: [app:main] x_forwarded: invalid value "on", want replace, append, pass or off`},
		{Name: "timeout", INI: ours + "address = http://h\nresponse_timeout = -1",
			Error: `paste.ini:4:20: [app:main] response_timeout: invalid duration "-1", want seconds or a number with ms, s, m or h`},
		{Name: "unknown to Paste", INI: paster + "address = http://h/\npreserve_host = on",
			Error: "paste.ini:4:17: [app:main] preserve_host: unknown option, egg:Paste#proxy takes address, allowed_request_methods, suppress_http_headers"},
		{Name: "base lost", INI: paster + "address = http://h/base",
			Warnings: "address: the last part of /base is replaced by the path of the request, end it with a slash to keep it"},
		{Name: "transparent", INI: "[app:main]\nuse = egg:Paste#transparent_proxy\nforce_host = h\nforce_scheme = unix",
			Error: `paste.ini:4:16: [app:main] force_scheme: invalid scheme "unix", want http or https`},
		{Name: "open", INI: "[app:main]\nuse = egg:Paste#transparent_proxy",
			Warnings: "force_host: not given, so every client can reach every host that this machine reaches"},
	})
}
