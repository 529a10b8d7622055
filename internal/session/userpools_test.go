package session

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const localUserPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Home"

// userPools are user pools of this server: those sign-ins have ended whose ID is a key, or, without
// ID, that can have been at or before a time.
type userPools struct {
	ended   map[string]identitypool.Standing
	until   time.Time
	changes uint64
}

func (u *userPools) Changes() uint64 { return u.changes }

func (u *userPools) Standing(s identitypool.SignIn) identitypool.Standing {
	switch {
	case s.Provider != localUserPool || s.Subject != "alice":
		return identitypool.NotHere
	case s.ID == "" && !s.Until.After(u.until):
		return identitypool.SignedOut
	case s.ID != "" && u.ended[s.ID] != 0:
		return u.ended[s.ID]
	default:
		return identitypool.Good
	}
}

// The end of a sign-in at a user pool of this server ends the sessions that came from it, at once,
// and no others.
func TestUserPoolsEndSessions(t *testing.T) {
	yes, no := true, false
	signIn := func(id string) []identitypool.SignIn {
		return []identitypool.SignIn{{Provider: localUserPool, Subject: "alice", ID: id}}
	}
	w := newWorld(t)
	w.link(t, identity, identitypool.Login{Kind: identitypool.Public, Provider: localUserPool, Subject: "alice"})

	for name, test := range map[string]struct {
		check   *bool // of the pool
		name    string
		signIns []identitypool.SignIn
		ended   identitypool.Standing // of the sign-in "first"
		until   time.Duration         // after the session was issued
		amr     string                // "" = the user pool
		want    bool                  // the session ends
	}{
		"signed out":           {&yes, EnhancedFlowName, signIn("first"), identitypool.SignedOut, 0, "", true},
		"disabled":             {&yes, EnhancedFlowName, signIn("first"), identitypool.UserDisabled, 0, "", true},
		"deleted":              {&yes, EnhancedFlowName, signIn("first"), identitypool.UserDeleted, 0, "", true},
		"the user pool too":    {&yes, EnhancedFlowName, signIn("first"), identitypool.UserPoolGone, 0, "", true},
		"signed in again":      {&yes, EnhancedFlowName, signIn("second"), identitypool.SignedOut, 0, "", false},
		"of another client":    {&yes, EnhancedFlowName, signIn(""), identitypool.SignedOut, 0, "", false},
		"the check is off now": {&no, EnhancedFlowName, signIn("first"), identitypool.SignedOut, 0, "", true},

		"classic flow":                {&yes, "app", nil, identitypool.SignedOut, 0, "", true},
		"classic flow, any name":      {&yes, EnhancedFlowName, nil, identitypool.SignedOut, 0, "", true},
		"classic flow, later":         {&yes, "app", nil, identitypool.SignedOut, -time.Second, "", false},
		"classic flow, no check":      {&no, "app", nil, identitypool.SignedOut, 0, "", false},
		"classic flow, never checked": {nil, "app", nil, identitypool.SignedOut, 0, "", false},
		"by another login":            {&yes, "app", nil, identitypool.SignedOut, 0, "idp.example.com", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.store.UpdatePool(t.Context(), pool, func(p *identitypool.Pool) error {
				p.CognitoIdentityProviders = []identitypool.CognitoIdentityProvider{{
					ProviderName:         localUserPool,
					ClientID:             "web",
					ServerSideTokenCheck: test.check,
				}}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}

			s := w.session()
			s.SessionName, s.SignIns, s.AMR[1] = test.name, test.signIns, localUserPool
			if test.amr != "" {
				s.AMR[1] = test.amr
			}

			users := &userPools{}
			list := NewRevocations(RevocationOptions{
				Store:     w.store,
				Roles:     w.roles[0],
				UserPools: users,
				Now:       func() time.Time { return w.now },
			})
			if err := list.Check(t.Context(), key, s); err != nil {
				t.Fatalf("before: %v", err)
			}

			users.ended = map[string]identitypool.Standing{"first": test.ended}
			users.until = s.Issued.Add(test.until)
			users.changes++
			if err := list.Check(t.Context(), key, s); errors.Is(err, ErrRevoked) != test.want {
				t.Errorf("%v, want ended = %v", err, test.want)
			}

			// The control: a server without user pools does not look at sign-ins.
			bare := NewRevocations(RevocationOptions{Store: w.store, Roles: w.roles[0],
				Now: func() time.Time { return w.now }})
			if err := bare.Check(t.Context(), key, s); err != nil {
				t.Errorf("without user pools: %v", err)
			}
		})
	}
}

// Session tokens keep sign-ins; sessions without any are as long as before.
func TestSignInsAreSealed(t *testing.T) {
	s := ordinary(time.Unix(1795428000, 0).UTC())
	before := len(appendSession(nil, &s, 0))
	s.SignIns = []identitypool.SignIn{
		{Provider: localUserPool, Subject: "alice", ID: "first"},
		{Provider: localUserPool, Subject: "bob"},
	}

	for _, least := range []int{0, 2000} {
		b := appendSession(nil, &s, least)
		opened, err := decodeSession(b)
		if err != nil || len(b) < least {
			t.Fatalf("%d bytes, want %d; %v", len(b), least, err)
		}
		if diff := cmp.Diff(s.SignIns, opened.SignIns); diff != "" {
			t.Error(diff)
		}
	}

	s.SignIns = nil
	if after := len(appendSession(nil, &s, 0)); after != before {
		t.Errorf("a session without sign-ins has %d bytes, before %d", after, before)
	}
	for _, content := range []string{"", "\x05", "\x01a", "\x01a\x02b", "\x01a\x7f"} {
		b := appendField(appendSession(nil, &s, 0), fieldSignIn, content)
		if opened, err := decodeSession(b); err == nil {
			t.Errorf("%q: %+v", content, opened.SignIns)
		}
	}
}
