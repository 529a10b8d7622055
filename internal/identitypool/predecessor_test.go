package identitypool

import (
	"testing"
	"time"
)

func TestPredecessor(t *testing.T) {
	deleted := time.Date(2026, 11, 24, 12, 0, 5, 4e8, time.UTC)
	whole := deleted.Truncate(time.Second)

	for name, test := range map[string]struct {
		p     Predecessor
		now   time.Time
		had   bool
		after time.Time
	}{
		"none":                  {Predecessor{}, whole, false, whole},
		"before the deletion":   {Predecessor{deleted}, whole.Add(-time.Hour), true, whole.Add(time.Second)},
		"earlier in its second": {Predecessor{deleted}, whole, true, whole.Add(time.Second)},
		"later in its second":   {Predecessor{deleted}, whole.Add(9e8), true, whole.Add(time.Second)},
		"the next second":       {Predecessor{deleted}, whole.Add(time.Second), false, whole.Add(time.Second)},
		"much later":            {Predecessor{deleted}, whole.Add(time.Hour + 3), false, whole.Add(time.Hour + 3)},
	} {
		if got := test.p.Had(test.now); got != test.had {
			t.Errorf("%s: Had = %t", name, got)
		}

		got := test.p.After(test.now)
		if !got.Equal(test.after) || test.p.Had(got) {
			t.Errorf("%s: After = %s, want %s", name, got, test.after)
		}
	}
}
