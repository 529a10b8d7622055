package devuserpool

import (
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A sign-in with an ID counts as long as its session does, even within the second of a sign-out. One
// without an ID counts by its time. What a user may do comes first.
func TestStanding(t *testing.T) {
	at := time.Date(2026, 12, 1, 12, 0, 0, 6e8, time.UTC)
	state, err := OpenState("")
	if err != nil {
		t.Fatal(err)
	}

	sessions := []RefreshToken{
		{Origin: "old", Event: "old event", Revoked: true},
		{Origin: "new", Event: "new event"},
	}
	p := &Pool{ID: "us-east-1_A", Account: "000000000000", Region: "us-east-1", Users: map[string]User{
		"alice": {Username: "alice", Sub: "a", Enabled: true, RefreshTokens: sessions, SignedOutAt: at},
		"dora": {Username: "dora", Sub: "e", Enabled: true, SignedOutAt: at,
			RefreshTokens: []RefreshToken{{Origin: "again", SignIn: at.Add(time.Millisecond)}}},
		"eve":   {Username: "eve", Sub: "f", Enabled: true, Status: statusResetRequired, RefreshTokens: sessions},
		"bob":   {Username: "bob", Sub: "b", Enabled: true},
		"carol": {Username: "carol", Sub: "c", RefreshTokens: sessions},
	}}
	before := state.Changes()
	if err := state.create(p); err != nil {
		t.Fatal(err)
	}
	if state.Changes() == before {
		t.Error("a new pool is no change")
	}

	second := at.Truncate(time.Second)
	for name, test := range map[string]struct {
		subject, id string
		until       time.Time
		want        identitypool.Standing
	}{
		"revoked":                  {"a", "old", at.Add(time.Hour), identitypool.SignedOut},
		"in the same second":       {"a", "new", second, identitypool.Good},
		"event, revoked":           {"a", "old event", at.Add(time.Hour), identitypool.SignedOut},
		"event, the same second":   {"a", "new event", second, identitypool.Good},
		"event of no session":      {"b", "new event", second.Add(time.Hour), identitypool.SignedOut},
		"of no session":            {"a", "other", at.Add(time.Hour), identitypool.SignedOut},
		"another user's":           {"b", "new", at, identitypool.SignedOut},
		"no ID, before":            {"a", "", second.Add(-time.Second), identitypool.SignedOut},
		"no ID, the same second":   {"a", "", second, identitypool.SignedOut},
		"no ID, signed in again":   {"e", "", second, identitypool.Good},
		"no ID, before that":       {"e", "", second.Add(-time.Second), identitypool.SignedOut},
		"password to be reset":     {"f", "new", second, identitypool.SignedOut},
		"no ID, after":             {"a", "", second.Add(time.Second), identitypool.Good},
		"no ID, never signed out":  {"b", "", second, identitypool.Good},
		"disabled":                 {"c", "new", second, identitypool.UserDisabled},
		"disabled, signed out too": {"c", "old", second, identitypool.UserDisabled},
		"deleted":                  {"d", "new", second, identitypool.UserDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			signIn := identitypool.SignIn{
				Provider: p.ProviderName(),
				Subject:  test.subject,
				ID:       test.id,
				Until:    test.until,
			}
			if got := state.Standing(signIn); got != test.want {
				t.Errorf("%d, want %d", got, test.want)
			}

			signIn.Provider = "cognito-idp.eu-west-1.amazonaws.com/us-east-1_A"
			if got := state.Standing(signIn); got != identitypool.UserPoolGone {
				t.Errorf("under another region's name: %d", got)
			}
		})
	}

	before = state.Changes()
	if err := state.remove(p.ID, func(*Pool) error { return nil }); err != nil {
		t.Fatal(err)
	}
	got := state.Standing(identitypool.SignIn{Provider: p.ProviderName(), Subject: "a", ID: "new"})
	if got != identitypool.UserPoolGone || state.Changes() == before {
		t.Errorf("of a deleted pool: %d", got)
	}
}

// Identity pools get the keys that a pool publishes; a pool with a damaged key proves nothing.
func TestLocalUserPool(t *testing.T) {
	state, err := OpenState("")
	if err != nil {
		t.Fatal(err)
	}
	for id, keys := range map[string][]Key{"us-east-1_A": nil, "us-east-1_B": {{ID: "x", Private: []byte("no key")}}} {
		if err := state.create(&Pool{ID: id, Region: "us-east-1", AWSIssuer: keys != nil, Keys: keys}); err != nil {
			t.Fatal(err)
		}

		local, found := state.UserPool(id)
		if !found || string(local.Keys) != string(noKeys) || local.AWSIssuer != (keys != nil) ||
			local.Name != "cognito-idp.us-east-1.amazonaws.com/"+id {
			t.Errorf("%s: %+v, %t, keys %s", id, local, found, local.Keys)
		}
	}

	if _, found := state.UserPool("us-east-1_C"); found {
		t.Error("a pool that nobody made is there")
	}
}

// The name is AWS's in each partition.
func TestProviderName(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1":      "cognito-idp.us-east-1.amazonaws.com/p",
		"cn-north-1":     "cognito-idp.cn-north-1.amazonaws.com.cn/p",
		"eusc-de-east-1": "cognito-idp.eusc-de-east-1.amazonaws.eu/p",
	} {
		if got := (&Pool{ID: "p", Region: region}).ProviderName(); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}
