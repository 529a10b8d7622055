package cognitoidentity

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// slow is a provider whose keys and user pool take their time.
type slow struct{ keys, status time.Duration }

func take(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d): // the bubble's time
		return nil
	case <-ctx.Done():
		return &login.Unavailable{Provider: "p", Cause: ctx.Err()}
	}
}

func (s slow) Verify(ctx context.Context, _ login.Trust, _ string) (login.Claims, error) {
	return login.Claims{Subject: "alice", Audience: "app"}, take(ctx, s.keys)
}

func (s slow) Examine(ctx context.Context, t login.Trust, token string) (login.Claims, bool, error) {
	c, err := s.Verify(ctx, t, token)
	return c, err == nil, err
}

func (slow) CheckIssued(context.Context, identitypool.ProviderConfig, string, time.Time) error {
	return nil
}

func (s slow) Check(ctx context.Context, _ userstatus.User) error { return take(ctx, s.status) }

type noSignOuts struct{}

func (noSignOuts) CheckIssued(context.Context, identitypool.AccountID, string, string, time.Time) error {
	return nil
}

func (noSignOuts) Check(context.Context, identitypool.AccountID, string, login.Claims) error {
	return nil
}

// A string in aud counts like a list of one: azp does not hide it.
func TestMustBeChecked(t *testing.T) {
	for name, test := range map[string]struct {
		aud  any
		azp  string // "" when the token has none
		want bool
	}{
		"the client":             {"checked", "", true},
		"another":                {"free", "", false},
		"behind azp":             {"checked", "free", true},
		"behind azp, in a list":  {[]any{"checked"}, "free", true},
		"in a list":              {[]any{"free", "checked"}, "free", true},
		"in azp":                 {"free", "checked", true},
		"in azp, beside a list":  {[]any{"free"}, "checked", true},
		"nowhere":                {[]any{"free", "other"}, "other", false},
		"something else in aud":  {[]any{1, nil}, "free", false},
		"no audience is a match": {nil, "free", false},
	} {
		all := map[string]any{"aud": test.aud}
		claims := login.Claims{Audience: test.azp, All: all}
		if aud, isString := test.aud.(string); test.azp != "" {
			all["azp"] = test.azp
		} else if isString {
			claims.Audience = aud
		}

		if got := mustBeChecked(identitypool.ProviderConfig{ServerSideTokenCheck: []string{"checked"}},
			claims); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

// Everything that a call asks of its providers takes five seconds at most: keys
// and the status check together, and all again when the pool was changed
// meanwhile.
func TestProvidersHaveOneDeadline(t *testing.T) {
	for name, test := range map[string]struct {
		provider slow
		changed  bool // the pool, while the providers were asked
		took     time.Duration
		fails    bool
	}{
		"in time":                       {slow{2 * time.Second, time.Second}, false, 3 * time.Second, false},
		"slow keys":                     {slow{time.Hour, 0}, false, 5 * time.Second, true},
		"slow keys and no status":       {slow{4 * time.Second, time.Hour}, false, 5 * time.Second, true},
		"again, in time":                {slow{time.Second, time.Second}, true, 4 * time.Second, false},
		"again, after slow keys":        {slow{4 * time.Second, 0}, true, 5 * time.Second, true},
		"again, after slow keys, twice": {slow{3 * time.Second, 1 * time.Second}, true, 5 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, err := store.Open(t.Context(), store.Options{Now: time.Now})
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()

				yes := true
				pool := identitypool.Pool{ID: "us-east-1:11111111-2222-4333-8444-555555555555",
					Account: "123456789012", Region: "us-east-1", Name: "p", AllowUnauthenticated: true,
					CognitoIdentityProviders: []identitypool.CognitoIdentityProvider{
						{ProviderName: "cognito-idp.us-east-1.amazonaws.com/us-east-1_A", ClientID: "app",
							ServerSideTokenCheck: &yes}}}
				if err := db.CreatePool(t.Context(), pool, 10); err != nil {
					t.Fatal(err)
				}

				if pool, err = db.Pool(t.Context(), pool.ID); err != nil {
					t.Fatal(err)
				}

				s := New(Options{Store: db, Providers: provider.New(provider.Options{}), Logins: test.provider,
					SignOuts: noSignOuts{}, UserStatus: test.provider, Limits: DefaultLimits, Now: time.Now})
				guest, err := s.newGuest(t.Context(), pool)
				if err != nil {
					t.Fatal(err)
				}

				identity, err := db.Identity(t.Context(), identitypool.IdentityID(*guest.IdentityId))
				if err != nil {
					t.Fatal(err)
				}
				if test.changed {
					pool.Version-- // as read before the change
				}

				begin := time.Now()
				_, err = s.use(t.Context(), pool, identity,
					map[string]string{"cognito-idp.us-east-1.amazonaws.com/us-east-1_A": "token"})
				var wire *awsapi.Error
				if (err != nil) != test.fails || test.fails &&
					(!errors.As(err, &wire) || wire.Code != externalService) {
					t.Errorf("use: %v", err)
				}

				if took := time.Since(begin); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
			})
		})
	}
}
