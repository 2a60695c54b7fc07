package report

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wheatpaste/wheatpaste/paste"
)

// Record is an error of the log.
type Record struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Attrs   []Attr    `json:"attrs"`
}

// Attr is one field of a record.
type Attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

const (
	ringSize  = 50
	maxValue  = 8 << 10
	maxFields = 40
)

// Ring keeps the last errors of a process's log, secrets masked.
type Ring struct {
	mu      sync.Mutex
	records [ringSize]Record
	total   int64
}

// NewRing makes an empty one.
func NewRing() *Ring { return &Ring{} }

// Records gives what is kept, the oldest first, and how many errors there were
// in all.
func (r *Ring) Records() ([]Record, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.total, ringSize)
	list := make([]Record, 0, n)
	for i := r.total - n; i < r.total; i++ {
		one := r.records[i%ringSize]
		one.Attrs = slices.Clone(one.Attrs) // whoever gets them may mask more
		list = append(list, one)
	}
	return list, r.total
}

func (r *Ring) add(record Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records[r.total%ringSize] = record
	r.total++
}

// Handler keeps the errors that pass by to another handler.
func (r *Ring) Handler(next slog.Handler) slog.Handler { return &keeper{ring: r, next: next} }

// keeper is the handler of a ring.
type keeper struct {
	ring  *Ring
	next  slog.Handler
	group string // of the attributes to come, with a dot at its end
	attrs []Attr
}

// Enabled is that of the other handler; errors are always kept.
func (k *keeper) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || k.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (k *keeper) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelError {
		kept := Record{Time: record.Time, Level: record.Level.String(), Message: keptText(record.Message), Attrs: slices.Clone(k.attrs)}
		record.Attrs(func(a slog.Attr) bool {
			kept.Attrs = appendAttr(kept.Attrs, k.group, a)
			return true
		})
		k.ring.add(kept)
	}
	if !k.next.Enabled(ctx, record.Level) {
		return nil
	}
	return k.next.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (k *keeper) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *k
	more.next, more.attrs = k.next.WithAttrs(attrs), slices.Clone(k.attrs)
	for _, a := range attrs {
		more.attrs = appendAttr(more.attrs, k.group, a)
	}
	return &more
}

// WithGroup implements slog.Handler.
func (k *keeper) WithGroup(name string) slog.Handler {
	more := *k
	more.next = k.next.WithGroup(name)
	if name != "" {
		more.group += name + "."
	}
	return &more
}

// appendAttr writes an attribute down, as it is now; its groups become part of
// its name.
func appendAttr(list []Attr, group string, a slog.Attr) []Attr {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range value.Group() {
			list = appendAttr(list, group, inner)
		}
		return list
	}
	if a.Equal(slog.Attr{}) || len(list) >= maxFields {
		return list
	}
	text := Mask
	if !secretField(a.Key) {
		text = keptText(value.String())
	}
	return append(list, Attr{group + a.Key, text})
}

// keptText is masked before it is cut to its final length: half a secret looks
// like none.
func keptText(text string) string { return clip(MaskText(clip(text, 8*maxValue)), maxValue) }

// secretField is for the names of headers and variables, too.
func secretField(name string) bool {
	name = strings.ReplaceAll(name, "-", "_")
	return SecretName(name) || paste.SecretName(name)
}
