package session

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// version is one of the API versions that Keystone names at its root.
type version struct {
	ID    string `json:"id"`
	Links []struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	} `json:"links"`
}

// discover asks base for the URL of version 3 of the API.
func (c *Client) discover(ctx context.Context, base string) (string, error) {
	answer, err := c.send(ctx, opDiscovery, http.MethodGet, base, nil, nil)
	if err != nil {
		return "", err
	}
	if answer.status != http.StatusOK && answer.status != http.StatusMultipleChoices {
		return "", fmt.Errorf("%w: %s answers %d, want its versions", ErrUnavailable, redact(base), answer.status)
	}
	for _, v := range versions(answer.body) {
		if !strings.HasPrefix(v.ID, "v3") {
			continue
		}
		for _, l := range v.Links {
			if link, ok := resolve(base, l.Href); ok && l.Rel == "self" {
				return link, nil
			}
		}
	}
	return "", fmt.Errorf("%w: %s names no version 3", ErrUnavailable, redact(base))
}

// versions reads the three shapes that the document has had.
func versions(body []byte) []version {
	var one struct{ Version *version }
	if json.Unmarshal(body, &one) == nil && one.Version != nil {
		return []version{*one.Version}
	}
	var list struct{ Versions []version }
	if json.Unmarshal(body, &list) == nil {
		return list.Versions
	}
	var values struct{ Versions struct{ Values []version } }
	if json.Unmarshal(body, &values) == nil {
		return values.Versions.Values
	}
	return nil
}

func resolve(base, ref string) (string, bool) {
	b, err := url.Parse(base)
	if err != nil {
		return "", false
	}
	u, err := b.Parse(ref)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	return strings.TrimRight(u.String(), "/"), true
}

// authURL is where the service user authenticates. The plugins that begin with
// v3 do not ask for versions.
func (c *Client) authURL(ctx context.Context) (string, error) {
	base := strings.TrimRight(c.config.AuthURL, "/")
	if strings.HasPrefix(c.config.Type, "v3") {
		return withV3(base), nil
	}
	found, err := c.discover(ctx, c.config.AuthURL)
	if err == nil {
		return withV3(found), nil
	}
	if strings.HasSuffix(base, "/v3") {
		c.config.Logger.Warn("keystone does not name its versions; the path says v3", "url", redact(base), "error", err)
		return base, nil
	}
	return "", err
}

// validationURL is where tokens are checked, by the endpoint of the catalog.
func (c *Client) validationURL(ctx context.Context, endpoint string) (string, error) {
	endpoint = strings.TrimRight(endpoint, "/")
	if strings.HasSuffix(endpoint, "/v3") {
		return endpoint, nil
	}
	found, err := c.discover(ctx, strings.TrimSuffix(endpoint, "/v2.0")+"/")
	if err != nil {
		return "", err
	}
	return withV3(found), nil
}

func withV3(base string) string {
	if strings.HasSuffix(base, "/v3") {
		return base
	}
	return base + "/v3"
}

// redact is a URL without a password, for logs.
func redact(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "the URL"
	}
	return u.Redacted()
}
