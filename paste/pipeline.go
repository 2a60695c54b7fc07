package paste

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pipeline is section 7.1.
func (w *work) pipeline() *Context {
	v, ok := w.local.Delete("pipeline")
	if !ok {
		if !w.broken("pipeline") {
			w.fail(w.missingSetting("pipeline", "want pipeline = FILTER ... APP"))
		}
		return nil
	}
	if w.local.Len() > 0 { // PIPE-06
		w.fail(w.extraSettings())
		return nil
	}
	c := &Context{Object: Pipeline, Global: w.global, Local: w.local, Loader: w.loader, Items: Words(v.Text), at: v.opt}
	if len(c.Items) == 0 { // PIPE-05
		e := w.optionError(v, "pipeline", "IndexError", ErrSettings, "the pipeline is empty")
		e.text, e.Hint = "list index out of range", "want pipeline = FILTER ... APP"
		w.fail(e)
		return nil
	}
	if len(c.Items) > maxObjects {
		w.fail(w.below(App, "", nil, v, "pipeline").tooMany())
		return nil
	}
	w.pipelineItems(c, v)
	return c
}

// pipelineItems resolves the app, then the filters (PIPE-08).
func (w *work) pipelineItems(c *Context, v Value) {
	places := wordPlaces(v, len(c.Items))
	last := len(c.Items) - 1
	errs := make([]Errors, len(c.Items))
	ask := func(object Object, i int) *Context {
		q := w.below(object, c.Items[i], w.global, v, "pipeline")
		q.at = places[i]
		item, err := w.named(w.loader, q)
		if err != nil {
			errs[i] = flatten(w.itemHint(err, q, i == last))
		}
		return item
	}
	c.Next = ask(App, last)
	for i := range last {
		c.Filters = append(c.Filters, ask(Filter, i))
	}
	if i := slices.IndexFunc(c.Items, isComment); i >= 0 {
		w.commentErrors(errs, c.Items, i, v.placeAt(places[i]))
	}
	w.errs = append(w.errs, errs[last]...)
	for _, e := range errs[:last] {
		w.errs = append(w.errs, e...)
	}
}

func isComment(word string) bool { return word[0] == '#' || word[0] == ';' }

// commentErrors leaves one error for all words of a comment behind a pipeline
// (BUG-07). The word before it, taken for a filter, is the application.
func (w *work) commentErrors(errs []Errors, items []string, comment int, pos Pos) {
	last := len(items) - 1
	kept := comment
	if len(errs[last]) > 0 {
		kept = last
	}
	if len(errs[kept]) == 0 {
		return
	}
	e := *errs[kept][0]
	e.Pos, e.Section, e.Option = pos, w.section.name, "pipeline"
	e.Hint = "a comment needs a line of its own"
	clear(errs[comment:])
	errs[kept] = Errors{&e}
	if comment > 0 && w.isApp(items[comment-1]) {
		errs[comment-1] = nil
	}
}

func (w *work) isApp(name string) bool {
	_, err := w.loader.find(request{object: App, name: &name})
	return err == nil
}

// itemHint explains the commonest slips of a pipeline: a filter at its end, an
// app in its middle.
func (w *work) itemHint(err error, q request, last bool) error {
	for _, e := range flatten(err) {
		if !errors.Is(e.Kind, ErrLookup) || e.Option != "pipeline" || e.Section != w.section.name {
			continue
		}
		switch {
		case last && len(w.loader.doc.sectionsNamed("filter", *q.name)) > 0:
			e.Hint = *q.name + " is a filter; the last word of a pipeline is its application"
		case !last && strings.HasSuffix(e.Hint, "is no filter"):
			e.Hint += "; all words of a pipeline but the last are filters"
		}
	}
	return err
}

// wordPlaces gives the index of each word in the raw value, as far as raw and
// expanded value have the same words.
func wordPlaces(v Value, n int) []int {
	places := make([]int, n)
	if v.opt == nil {
		return places
	}
	raw := v.opt.raw
	if len(Words(raw)) != n {
		return places
	}
	at := 0
	for i, word := range Words(raw) {
		at += strings.Index(raw[at:], word)
		places[i] = at
		at += len(word)
	}
	return places
}

func (w *work) extraSettings() error {
	e := w.sectionError(fmt.Sprintf("The [%s] pipeline section in %s has extra (disallowed) settings: %s",
		w.section.name, w.loader.filename, strings.Join(w.local.Keys(), ", ")),
		"a pipeline takes only pipeline, set ..., filter-with and require; options belong to its filters and its app")
	first := w.local.entries[0]
	e.Option = first.key
	if first.value.opt != nil {
		e.Pos = first.value.opt.pos()
	}
	return e
}
