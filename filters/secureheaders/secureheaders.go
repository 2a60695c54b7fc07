// Package secureheaders tells browsers to be careful with answers.
package secureheaders

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Options of the filter, as they are written in its section.
type Options struct {
	HSTS        time.Duration `paste:"hsts" help:"max-age of Strict-Transport-Security, over https only; 0 sends none"`
	Subdomains  bool          `paste:"hsts_subdomains" help:"add includeSubDomains"`
	Preload     bool          `paste:"hsts_preload" help:"add preload"`
	CSP         string        `paste:"csp" help:"Content-Security-Policy; empty sends none"`
	ReportOnly  bool          `paste:"csp_report_only" help:"send it as Content-Security-Policy-Report-Only"`
	NoSniff     bool          `paste:"nosniff" help:"X-Content-Type-Options: nosniff"`
	Frame       string        `paste:"frame" help:"X-Frame-Options: DENY or SAMEORIGIN; empty sends none"`
	Referrer    string        `paste:"referrer" help:"Referrer-Policy; empty sends none"`
	Permissions string        `paste:"permissions" help:"Permissions-Policy; empty sends none"`
	Opener      string        `paste:"opener" help:"Cross-Origin-Opener-Policy; empty sends none"`
	Resource    string        `paste:"resource" help:"Cross-Origin-Resource-Policy; empty sends none"`
}

func init() {
	paste.RegisterFilter("egg:wheatpaste#secure_headers", Options{
		HSTS: 365 * 24 * time.Hour, CSP: "default-src 'none'; frame-ancestors 'none'", NoSniff: true, Frame: "DENY",
		Referrer: "no-referrer", Permissions: "camera=(), geolocation=(), microphone=()",
	}, New,
		paste.Help("Sends the headers by which browsers protect users: HSTS, CSP, nosniff and others, where the application does not set its own."),
		paste.Example(`
[filter:secure_headers]
use = egg:wheatpaste#secure_headers
csp = default-src 'self'; img-src 'self' data:; frame-ancestors 'none'
hsts_subdomains = true
`))
}

// header is a line that all answers share: nobody appends into a slice whose
// capacity is its length.
type header struct {
	name   string
	values []string
}

// New makes the filter.
func New(b *paste.Build, o Options) (alice.Constructor, error) {
	headers, err := o.headers()
	if err != nil {
		return nil, err
	}
	hsts := o.hsts()
	if o.Preload && (!o.Subdomains || o.HSTS < 365*24*time.Hour) {
		b.Warn("hsts_preload", "the lists of browsers take hosts with hsts_subdomains and an hsts of a year or more only")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			for i := range headers {
				h[headers[i].name] = headers[i].values
			}
			// RFC 6797 7.2: not over http.
			if hsts != nil && pipeline.FromRequest(r).Scheme() == "https" {
				h["Strict-Transport-Security"] = hsts
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

func (o *Options) hsts() []string {
	if o.HSTS <= 0 {
		return nil
	}
	text := "max-age=" + strconv.FormatInt(int64(o.HSTS/time.Second), 10)
	if o.Subdomains {
		text += "; includeSubDomains"
	}
	if o.Preload {
		text += "; preload"
	}
	return []string{text}
}

func (o *Options) headers() ([]header, error) {
	o.Frame = strings.ToUpper(o.Frame)
	if o.Frame != "" && o.Frame != "DENY" && o.Frame != "SAMEORIGIN" {
		return nil, paste.BadOption("frame", "invalid value %q, want DENY, SAMEORIGIN or nothing", o.Frame)
	}
	csp := "Content-Security-Policy"
	if o.ReportOnly {
		csp += "-Report-Only"
	}
	sniff := ""
	if o.NoSniff {
		sniff = "nosniff"
	}
	var headers []header
	for _, h := range []struct{ option, name, value string }{
		{"csp", csp, o.CSP},
		{"nosniff", "X-Content-Type-Options", sniff},
		{"frame", "X-Frame-Options", o.Frame},
		{"referrer", "Referrer-Policy", o.Referrer},
		{"permissions", "Permissions-Policy", o.Permissions},
		{"opener", "Cross-Origin-Opener-Policy", o.Opener},
		{"resource", "Cross-Origin-Resource-Policy", o.Resource},
	} {
		value, err := oneLine(h.option, h.value)
		if err != nil {
			return nil, err
		}
		if value != "" {
			headers = append(headers, header{h.name, []string{value}})
		}
	}
	return headers, nil
}

// oneLine joins the lines of a long policy; other control characters are
// refused.
func oneLine(option, value string) (string, error) {
	value = strings.Join(strings.Fields(value), " ")
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return "", paste.BadOption(option, "invalid value %q, want printable ASCII", value)
		}
	}
	return value, nil
}
