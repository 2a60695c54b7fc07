package webob

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRequestTextMasksSecrets(t *testing.T) {
	r := httptest.NewRequest(http.MethodPut, "/a%20b?x=1&temp_url_sig=abc&token=t&flag", nil)
	r.Host = "h"
	for _, name := range []string{"X-Auth-Token", "X-Subject-Token", "Authorization", "Proxy-Authorization", "Cookie", "X-Auth-Key", "X-Storage-Pass", "X-Account-Meta-Temp-Url-Key-2"} {
		r.Header.Set(name, "secret")
	}
	r.Header.Set("Accept", "*/*")
	want := `PUT /a%20b?x=1&temp_url_sig=*****&token=*****&flag HTTP/1.1
Host: h
Accept: */*
Authorization: *****
Cookie: *****
Proxy-Authorization: *****
X-Account-Meta-Temp-Url-Key-2: *****
X-Auth-Key: *****
X-Auth-Token: *****
X-Storage-Pass: *****
X-Subject-Token: *****`
	if got := RequestText(r); got != want {
		t.Errorf("RequestText() = %s\nwant %s", got, want)
	}
}

func TestQueryIsMaskedByNameOnly(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"a=1&b", "a=1&b"},
		{"temp_url_sig=ab&temp_url_expires=3", "temp_url_sig=*****&temp_url_expires=3"},
		{"user_id=7&Password=x", "user_id=7&Password=*****"},
		{"%74oken=x&sig=y&sigma=z", "%74oken=*****&sig=*****&sigma=z"},
		{"X-Amz-Signature=x", "X-Amz-Signature=*****"},
		{"%zz=1&token", "%zz=1&token"},
		{"sort_key=a&key=b", "sort_key=a&key=b"},
	}
	for _, tt := range tests {
		if got := MaskQuery(tt.in); got != tt.want {
			t.Errorf("MaskQuery(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestHeadersAreMaskedByName(t *testing.T) {
	for name, want := range map[string]string{
		"X-Auth-Token": Masked, "X_auth_token": Masked, "Set-Cookie": Masked, "X-Some-Key": Masked, "X-Account-Meta-Temp-URL-Key-2": Masked,
		"X-Storage-Pass": Masked, "X-Amz-Signature": Masked, "X-Token-Info": Masked,
		"User-Agent": "v", "Connection": "v", "Sec-WebSocket-Key": "v", "X-Forwarded-For": "v", "Keyboard": "v",
	} {
		if got := MaskHeader(name, "v"); got != want {
			t.Errorf("MaskHeader(%q) = %q, want %q", name, got, want)
		}
	}
}
