package signout_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Whoever ends a login ends it in the accounts that he may speak for, wherever
// logins are looked at: in the four operations that take Logins, at STS, and in
// the sessions that the login led to.
func TestSignOutIsOfTheAccount(t *testing.T) {
	const b, c = "111111111111", "222222222222"
	everyone := []string{wiretest.HomeAccount, b, c}
	issuer := logintest.NewIssuer(t)
	key := strings.TrimPrefix(issuer.URL, "http://")

	byAdmin := func(account, field string) func(*testing.T, *wiretest.Accounts, string) int {
		return func(t *testing.T, w *wiretest.Accounts, subject string) int {
			return w.Administer(t, account, "SignOut",
				fmt.Sprintf(`{"ProviderName":%q,%q:%q}`, key, field, subject)).Status
		}
	}

	byLogout := func(audience any) func(*testing.T, *wiretest.Accounts, string) int {
		return func(t *testing.T, w *wiretest.Accounts, subject string) int {
			return w.BackChannelLogout(t, key, wiretest.Event(issuer, "logout+jwt", subject, map[string]any{
				"aud": audience, "sub": subject, "events": map[string]any{wiretest.LogoutEvent: map[string]any{}},
			})).Status
		}
	}

	bySignal := func(audience any) func(*testing.T, *wiretest.Accounts, string) int {
		return func(t *testing.T, w *wiretest.Accounts, subject string) int {
			token := wiretest.Event(issuer, "secevent+jwt", subject, map[string]any{
				"aud": audience,
				"events": map[string]any{
					"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{},
				},
				"sub_id": map[string]any{"format": "iss_sub", "iss": issuer.URL, "sub": subject},
			})

			return wiretest.Post(t, w.URL+"/shared-signals/"+url.PathEscape(key), "application/secevent+jwt",
				token).Status
		}
	}

	cases := map[string]struct {
		everywhere bool // the setting
		how        func(*testing.T, *wiretest.Accounts, string) int
		status     int
		ends       []string
		keeps      bool // sessions go on: the mark is on another thing than the subject
	}{
		"by the home account": {how: byAdmin(wiretest.HomeAccount, "Subject"), status: 200,
			ends: []string{wiretest.HomeAccount}},
		"by another account": {how: byAdmin(b, "Subject"), status: 200, ends: []string{b}},
		"of a session by another account": {how: byAdmin(b, "Session"), status: 200, ends: []string{b},
			keeps: true},
		"of a session by the home account": {how: byAdmin(wiretest.HomeAccount, "Session"), status: 200,
			ends: []string{wiretest.HomeAccount}, keeps: true},
		"by the home account, for all": {everywhere: true, how: byAdmin(wiretest.HomeAccount, "Subject"),
			status: 200, ends: everyone},
		"by another account, with that": {everywhere: true, how: byAdmin(b, "Subject"), status: 200,
			ends: []string{b}},
		"of a session by home, for all": {everywhere: true, how: byAdmin(wiretest.HomeAccount, "Session"),
			status: 200, ends: everyone, keeps: true},
		"logout of the home account's client": {how: byLogout("home"), status: 200, ends: everyone},
		"logout of everybody's client":        {how: byLogout("shared"), status: 200, ends: everyone},
		"logout of another account's client":  {how: byLogout("b"), status: 200, ends: []string{b}},
		"logout of two accounts' clients":     {how: byLogout([]string{"b", "c"}), status: 200, ends: []string{b, c}},
		"logout of a client that two have":    {how: byLogout("both"), status: 200, ends: []string{b, c}},
		"logout of nobody's client":           {how: byLogout("other"), status: 400},
		"signal to the home account":          {how: bySignal("home"), status: 202, ends: everyone},
		"signal to another account":           {how: bySignal("c"), status: 202, ends: []string{c}},
		"signal to nobody":                    {how: bySignal("other"), status: 400},
		"stored before accounts": {ends: everyone, how: func(t *testing.T, w *wiretest.Accounts, subject string) int {
			err := w.DB.MarkSignOuts(t.Context(),
				store.SignOut{Kind: store.SubjectSignOut, Provider: key, Value: subject,
					NotBefore: time.Now().Truncate(time.Second), Expires: time.Now().Add(time.Hour)})
			if err != nil {
				t.Error(err)
			}
			return 0
		}},
	}

	for _, everywhere := range []bool{false, true} {
		for _, engine := range []string{"sqlite", "postgresql"} {
			w := wiretest.StartTenants(t, []string{b, c}, func(config *poolhouse.Config) {
				config.SignOutInAllAccounts, config.SignOutEndsSessions = everywhere, true
				if engine == "postgresql" {
					config.DatabaseURL = pgtest.URL(t)
				}
			})
			members := []wiretest.Member{
				w.Joins(t, wiretest.HomeAccount, issuer, "home", "shared"),
				w.Joins(t, b, issuer, "b", "shared", "both"),
				w.Joins(t, c, issuer, "c", "shared", "both"),
			}

			for name, test := range cases {
				if test.everywhere != everywhere && !(everywhere && test.status == 0) {
					continue
				}
				t.Run(engine+"/"+name, func(t *testing.T) {
					subject := t.Name()
					var users []*wiretest.SignedOutUser
					for _, m := range members {
						users = append(users, w.SignIn(t, m, issuer, key, subject))
					}
					wiretest.Equal(t, "status", test.how(t, w, subject), test.status)

					if test.status == 0 { // another process wrote it, which SQLite's cache learns within 100 ms
						wiretest.Await(t, func() bool {
							_, err := w.Public().GetId(t.Context(),
								&ci.GetIdInput{IdentityPoolId: &members[0].Pool, Logins: users[0].Logins})
							return err != nil
						})
					}

					for i, user := range users {
						ended := slices.Contains(test.ends, members[i].Account)
						want := "accepted"
						if ended {
							want = "refused"
						}

						wiretest.Equal(t, members[i].Account+": its pool",
							user.Refusal(t, members[i].Pool, user.Logins), want)
						wiretest.Equal(t, members[i].Account+": its role",
							user.AtSTS(t, members[i].Role, user.Logins[key]), want)
						if ended && test.keeps {
							want = "accepted"
						}

						wiretest.Equal(t, members[i].Account+": the session", user.Session(t), want)
					}
				})
			}
		}
	}
}

// A role that takes in a pool of another account is closed to users whom either
// account signed out, and to nobody by a third one.
func TestSignOutForARoleOfAnotherAccount(t *testing.T) {
	const b, c = "111111111111", "222222222222"
	issuer := logintest.NewIssuer(t)
	key := strings.TrimPrefix(issuer.URL, "http://")
	w := wiretest.StartTenants(t, []string{b, c}, func(config *poolhouse.Config) { config.SignOutEndsSessions = true })
	foreign := w.Joins(t, b, issuer, "b")
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + foreign.Pool + `"}}}}`
	role := wiretest.Must(w.Roles(wiretest.HomeAccount).CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: aws.String("TakesThemIn"), AssumeRolePolicyDocument: &trust,
	}))(t).Role.Arn

	for by, want := range map[string]string{wiretest.HomeAccount: "refused", b: "refused", c: "accepted"} {
		user := w.SignIn(t, foreign, issuer, key, "user-of-"+by)
		token := wiretest.Must(w.Public().GetOpenIdToken(t.Context(),
			&ci.GetOpenIdTokenInput{IdentityId: &user.Identity, Logins: user.Logins}))(t).Token
		wiretest.Equal(t, "before", user.AtSTS(t, *role, *token), "accepted")

		body := fmt.Sprintf(`{"ProviderName":%q,"Subject":%q}`, key, "user-of-"+by)
		wiretest.Equal(t, "SignOut", w.Administer(t, by, "SignOut", body).Status, 200)
		wiretest.Equal(t, "signed out by "+by, user.AtSTS(t, *role, *token), want)
	}
}
