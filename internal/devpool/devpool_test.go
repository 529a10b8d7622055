package devpool

import (
	"encoding/json"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// TestJSON checks that a pool's JSON has the documented members and no others (docs/control-api.md).
func TestJSON(t *testing.T) {
	pool := Of(identitypool.Pool{
		ID:                   "us-east-1:1",
		Name:                 "app",
		AllowUnauthenticated: true,
		OIDCProviderARNs:     []string{"arn:1"},
		Roles:                map[string]string{identitypool.Unauthenticated: "arn:aws:iam::0:role/a/Guest"},
	}, "arn:1", "key")
	if !pool.Trusts || len(pool.Roles) != 1 || pool.Roles[0] != (Role{Who: "guests", Name: "Guest"}) {
		t.Errorf("the pool is %+v", pool)
	}

	text, err := json.Marshal(pool)
	if want := `{"id":"us-east-1:1","name":"app","allow_guests":true}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}
