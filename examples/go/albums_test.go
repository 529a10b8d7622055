package albums

import (
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

func start(t *testing.T) (*poolhousetest.Server, App) {
	server := poolhousetest.Start(t, poolhousetest.Seed("pool.yaml"))
	return server, App{Config: server.AWSConfig(), PoolID: server.PoolID(t, "albums")}
}

func TestUsersHaveTheirOwnFolders(t *testing.T) {
	server, app := start(t)
	alice, keys, err := app.SignIn(t.Context(), server.Logins(t, "alice"))
	if err != nil || *keys.AccessKeyId == "" {
		t.Fatal(alice, err)
	}

	bob, _, err := app.SignIn(t.Context(), server.Logins(t, "bob"))
	if err != nil || bob == alice {
		t.Errorf("alice has %s, bob %s, %v", alice, bob, err)
	}
}

func TestBusy(t *testing.T) {
	server, app := start(t)
	server.Fail(t, poolhousetest.Fault{Operation: "GetId", Error: "TooManyRequestsException", Times: 1})
	if _, _, err := app.SignIn(t.Context(), server.Logins(t, "alice")); !errors.Is(err, ErrBusy) {
		t.Errorf("throttled: %v", err)
	}

	if _, _, err := app.SignIn(t.Context(), server.Logins(t, "alice")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
