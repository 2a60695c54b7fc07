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
