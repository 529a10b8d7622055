package userstatus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// oneUserPool is a server with one user pool. It notes the sign-ins that it is asked about.
type oneUserPool struct {
	name     string
	standing identitypool.Standing
	asked    []identitypool.SignIn
}

func (o *oneUserPool) IsLocal(provider string) bool { return provider == o.name }

func (o *oneUserPool) Standing(s identitypool.SignIn) identitypool.Standing {
	o.asked = append(o.asked, s)
	if s.Provider != o.name {
		return identitypool.NotHere
	}
	return o.standing
}

// A user pool of this server is asked in this process, about the sign-in that the token shows, unless the
// settings say how to ask it. No other user pool is asked there about an ID token.
func TestUserPoolsHereAreAsked(t *testing.T) {
	const here, elsewhere = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Here",
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_Elsewhere"
	issued := time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)
	push := map[string]userstatus.Config{here: {Check: userstatus.Push}}
	signIn := []identitypool.SignIn{{Provider: here, Subject: "alice", ID: "first", Until: issued}}
	afterwards := []identitypool.SignIn{{Provider: here, Subject: "alice", Until: issued}} // a Cognito token names none

	for name, test := range map[string]struct {
		provider        string
		standing        identitypool.Standing
		byProvider      map[string]userstatus.Config
		refused, issued bool // an ID token is refused; a Cognito token is
		asked           []identitypool.SignIn
		askedIssued     []identitypool.SignIn
	}{
		"good":       {here, identitypool.Good, nil, false, false, signIn, afterwards},
		"signed out": {here, identitypool.SignedOut, nil, true, true, signIn, afterwards},
		"disabled":   {here, identitypool.UserDisabled, nil, true, true, signIn, afterwards},
		"settings":   {here, identitypool.SignedOut, push, false, false, nil, nil},
		"elsewhere": {elsewhere, identitypool.SignedOut, nil, true, false, nil,
			[]identitypool.SignIn{{Provider: elsewhere, Subject: "alice", Until: issued}}},
	} {
		t.Run(name, func(t *testing.T) {
			local := &oneUserPool{name: here, standing: test.standing}
			pools, err := userstatus.Settings{ByProvider: test.byProvider}.Pools(userstatus.Options{
				Local: local,
				Now:   func() time.Time { return issued },
			})
			if err != nil {
				t.Fatal(err)
			}

			check := func(what string, err error, refused bool, asked []identitypool.SignIn) {
				t.Helper()
				if _, is := errors.AsType[*idtoken.Refused](err); is != refused || err != nil && !is {
					t.Errorf("%s: %v, refused = %t", what, err, refused)
				}
				if diff := cmp.Diff(asked, local.asked); diff != "" {
					t.Errorf("%s: asked about:\n%s", what, diff)
				}
				local.asked = nil
			}
			claims := idtoken.Claims{Subject: "alice", IssuedAt: issued, All: map[string]any{"origin_jti": "first"}}
			user := userstatus.User{Provider: test.provider, Claims: claims}
			check("ID token", pools.Check(context.Background(), user), test.refused, test.asked)

			config := identitypool.ProviderConfig{
				Name:                 test.provider,
				ServerSideTokenCheck: []string{"web"},
			}
			check("Cognito token", pools.CheckIssued(context.Background(), config, "alice", issued), test.issued,
				test.askedIssued)
		})
	}
}
