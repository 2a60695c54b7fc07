package pattern_test

import (
	"testing"

	"github.com/wheatpaste/wheatpaste/internal/pattern"
)

func TestLazyCompilesOnce(t *testing.T) {
	word := pattern.Lazy(`^\w+$`)
	if !word().MatchString("flour") || word().MatchString("flour, water") {
		t.Error("it is another expression")
	}
	if first, second := word(), word(); first != second {
		t.Error("it was compiled twice")
	}
}

func TestLazyPanicsAtTheFirstUseOfAWrongExpression(t *testing.T) {
	wrong := pattern.Lazy(`(`)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	wrong()
}
