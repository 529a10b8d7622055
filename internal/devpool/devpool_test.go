package devpool

import (
	"bytes"
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

// The configuration of Amplify has the user pool that the pool trusts, if there is one.
func TestAmplify(t *testing.T) {
	pool := Pool{ID: "us-east-1:1", Guests: true}
	const without = `{"Auth":{"Cognito":{"identityPoolId":"us-east-1:1","identityPoolEndpoint":"http://x",` +
		`"allowGuestAccess":true}}}`
	const with = `{"Auth":{"Cognito":{"userPoolId":"us-east-1_A","userPoolClientId":"app",` +
		`"userPoolEndpoint":"http://x","identityPoolId":"us-east-1:1","identityPoolEndpoint":"http://x",` +
		`"allowGuestAccess":true}}}`
	if got := compact(t, pool.Amplify("http://x")); got != without {
		t.Errorf("without a user pool: %s", got)
	}

	pool.UserPool = &UserPool{ID: "us-east-1_A", ClientID: "app"}
	if got := compact(t, pool.Amplify("http://x")); got != with {
		t.Errorf("with a user pool: %s", got)
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(text)); err != nil {
		t.Fatal(err)
	}

	return out.String()
}
