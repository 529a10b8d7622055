package iam

import (
	"testing"
	"time"
)

// A change by one account makes its own entries be read anew, and no others.
func TestAccountsForgetTheirOwn(t *testing.T) {
	now := time.Unix(1, 0)
	c := newResourceCache[int](func() time.Time { return now })
	const a, b = "arn:aws:iam::111111111111:role/r", "arn:aws:iam::222222222222:role/r"
	reads := map[string]int{}
	look := func() {
		for _, arn := range []string{a, b} {
			if _, err := c.get(arn, func(*int) (int, error) { reads[arn]++; return 0, nil }); err != nil {
				t.Fatal(err)
			}
		}
	}

	look()

	for range 3 {
		c.forget("222222222222")
		look()
	}
	if reads[a] != 1 || reads[b] != 4 {
		t.Errorf("read %d and %d times, want 1 and 4", reads[a], reads[b])
	}
}
