package identitypool_test

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A sign-in is known by origin_jti, or by event_id in tokens that cannot be revoked.
func TestSignInID(t *testing.T) {
	for name, test := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"both":       {map[string]any{"origin_jti": "origin", "event_id": "event"}, "origin"},
		"event":      {map[string]any{"event_id": "event"}, "event"},
		"neither":    {map[string]any{"jti": "token"}, ""},
		"other type": {map[string]any{"origin_jti": 1.0, "event_id": []any{"event"}}, ""},
	} {
		if got := identitypool.SignInID(test.claims); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
