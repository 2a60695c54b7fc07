package protocol

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/wheatpaste/wheatpaste/filters/keystone/internal/tokencache"
	"github.com/wheatpaste/wheatpaste/filters/swift/environ"
	"github.com/wheatpaste/wheatpaste/filters/swift/memcached"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// swiftCache is the cache of Swift's filter memcache.
type swiftCache struct{ client *memcached.Client }

// swiftCache gives the cache that the option cache names; nil when there is no
// filter memcache further out.
func (p *Protocol) swiftCache(r *http.Request) *swiftCache {
	if p.Cache != "swift.cache" {
		return nil
	}
	client, ok := environ.Cache.Get(pipeline.FromRequest(r))
	if !ok || client == nil {
		return nil
	}
	return &swiftCache{client}
}

func swiftKey(key tokencache.Key) string { return "tokens/" + hex.EncodeToString(key[:]) }

func (s *swiftCache) get(ctx context.Context, key tokencache.Key) ([]byte, error) {
	item, ok, err := s.client.Get(ctx, swiftKey(key))
	if err != nil || !ok {
		return nil, err
	}
	var text string
	if item.JSON && json.Unmarshal(item.Value, &text) == nil {
		return []byte(text), nil
	}
	return item.Value, nil
}

// set writes a text in JSON, because Swift's cache takes nothing else.
func (s *swiftCache) set(ctx context.Context, key tokencache.Key, raw []byte, ttl time.Duration) error {
	return s.client.SetJSON(ctx, swiftKey(key), string(raw), ttl)
}
