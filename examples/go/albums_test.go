package albums

import (
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

func TestAlbums(t *testing.T) {
	server := poolhousetest.Start(t, poolhousetest.Seed("pool.yaml"))
	app := App{Config: server.AWSConfig(), PoolID: server.PoolID(t, "albums")}
	alice, bob := server.Logins(t, "alice"), server.Logins(t, "bob")

	t.Run("users have folders of their own", func(t *testing.T) {
		first, keys, err := app.SignIn(t.Context(), alice)
		if err != nil || *keys.AccessKeyId == "" {
			t.Fatal(first, err)
		}
		if other, _, err := app.SignIn(t.Context(), bob); err != nil || other == first {
			t.Errorf("alice has %s, bob %s, %v", first, other, err)
		}
	})

	t.Run("a user is told when the service is busy", func(t *testing.T) {
		server.Fail(t, poolhousetest.Fault{Operation: "GetId", Error: "TooManyRequestsException", Times: 1})
		if _, _, err := app.SignIn(t.Context(), alice); !errors.Is(err, ErrBusy) {
			t.Errorf("throttled: %v", err)
		}
		if _, _, err := app.SignIn(t.Context(), alice); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
