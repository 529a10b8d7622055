package poolhouse_test

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
)

// Whoever ends a login ends it in the accounts that he may speak for, wherever
// logins are looked at: in the four operations that take Logins, at STS, and in
// the sessions that the login led to.
func TestSignOutIsOfTheAccount(t *testing.T) {
	const b, c = "111111111111", "222222222222"
	everyone := []string{homeAccount, b, c}
	issuer := logintest.NewIssuer(t)
	key := strings.TrimPrefix(issuer.URL, "http://")

	byAdmin := func(account, field string) func(*testing.T, *accounts, string) int {
		return func(t *testing.T, w *accounts, subject string) int {
			return w.administer(t, account, "SignOut", fmt.Sprintf(`{"ProviderName":%q,%q:%q}`, key, field, subject)).status
		}
	}
	byLogout := func(audience any) func(*testing.T, *accounts, string) int {
		return func(t *testing.T, w *accounts, subject string) int {
			return w.backChannelLogout(t, key, event(issuer, "logout+jwt", subject, map[string]any{
				"aud": audience, "sub": subject, "events": map[string]any{logoutEvent: map[string]any{}},
			})).status
		}
	}
	bySignal := func(audience any) func(*testing.T, *accounts, string) int {
		return func(t *testing.T, w *accounts, subject string) int {
			token := event(issuer, "secevent+jwt", subject, map[string]any{
				"aud":    audience,
				"events": map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{}},
				"sub_id": map[string]any{"format": "iss_sub", "iss": issuer.URL, "sub": subject},
			})
			return post(t, w.URL+"/shared-signals/"+url.PathEscape(key), "application/secevent+jwt", token).status
		}
	}

	cases := map[string]struct {
		everywhere bool // the setting
		how        func(*testing.T, *accounts, string) int
		status     int
		ends       []string
		keeps      bool // sessions go on: the mark is on another thing than the subject
	}{
		"by the home account":                 {how: byAdmin(homeAccount, "Subject"), status: 200, ends: []string{homeAccount}},
		"by another account":                  {how: byAdmin(b, "Subject"), status: 200, ends: []string{b}},
		"of a session by another account":     {how: byAdmin(b, "Session"), status: 200, ends: []string{b}, keeps: true},
		"of a session by the home account":    {how: byAdmin(homeAccount, "Session"), status: 200, ends: []string{homeAccount}, keeps: true},
		"by the home account, for all":        {everywhere: true, how: byAdmin(homeAccount, "Subject"), status: 200, ends: everyone},
		"by another account, with that":       {everywhere: true, how: byAdmin(b, "Subject"), status: 200, ends: []string{b}},
		"of a session by home, for all":       {everywhere: true, how: byAdmin(homeAccount, "Session"), status: 200, ends: everyone, keeps: true},
		"logout of the home account's client": {how: byLogout("home"), status: 200, ends: everyone},
		"logout of everybody's client":        {how: byLogout("shared"), status: 200, ends: everyone},
		"logout of another account's client":  {how: byLogout("b"), status: 200, ends: []string{b}},
		"logout of two accounts' clients":     {how: byLogout([]string{"b", "c"}), status: 200, ends: []string{b, c}},
		"logout of a client that two have":    {how: byLogout("both"), status: 200, ends: []string{b, c}},
		"logout of nobody's client":           {how: byLogout("other"), status: 400},
		"signal to the home account":          {how: bySignal("home"), status: 202, ends: everyone},
		"signal to another account":           {how: bySignal("c"), status: 202, ends: []string{c}},
		"signal to nobody":                    {how: bySignal("other"), status: 400},
		"stored before accounts": {ends: everyone, how: func(t *testing.T, w *accounts, subject string) int {
			err := w.db.MarkSignOuts(t.Context(), store.SignOut{Kind: store.SubjectSignOut, Provider: key, Value: subject,
				NotBefore: time.Now().Truncate(time.Second), Expires: time.Now().Add(time.Hour)})
			if err != nil {
				t.Error(err)
			}
			return 0
		}},
	}

	for _, everywhere := range []bool{false, true} {
		for _, engine := range []string{"sqlite", "postgresql"} {
			w := startTenants(t, []string{b, c}, func(config *poolhouse.Config) {
				config.SignOutInAllAccounts, config.SignOutEndsSessions = everywhere, true
				if engine == "postgresql" {
					config.DatabaseURL = pgtest.URL(t)
				}
			})
			members := []member{
				w.joins(t, homeAccount, issuer, "home", "shared"),
				w.joins(t, b, issuer, "b", "shared", "both"),
				w.joins(t, c, issuer, "c", "shared", "both"),
			}
			for name, test := range cases {
				if test.everywhere != everywhere && !(everywhere && test.status == 0) {
					continue
				}
				t.Run(engine+"/"+name, func(t *testing.T) {
					subject := t.Name()
					var users []*signedOutUser
					for _, m := range members {
						users = append(users, w.signIn(t, m, issuer, key, subject))
					}
					equal(t, "status", test.how(t, w, subject), test.status)
					if test.status == 0 { // another process wrote it, which SQLite's cache learns within 100 ms
						await(t, func() bool {
							_, err := w.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &members[0].pool, Logins: users[0].logins})
							return err != nil
						})
					}
					for i, user := range users {
						ended := slices.Contains(test.ends, members[i].account)
						want := "accepted"
						if ended {
							want = "refused"
						}
						equal(t, members[i].account+": its pool", user.refusal(t, members[i].pool, user.logins), want)
						equal(t, members[i].account+": its role", user.atSTS(t, members[i].role, user.logins[key]), want)
						if ended && test.keeps {
							want = "accepted"
						}
						equal(t, members[i].account+": the session", user.session(t), want)
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
	w := startTenants(t, []string{b, c}, func(config *poolhouse.Config) { config.SignOutEndsSessions = true })
	foreign := w.joins(t, b, issuer, "b")
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},
		"Action":"sts:AssumeRoleWithWebIdentity",
		"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + foreign.pool + `"}}}}`
	role := must(w.roles(homeAccount).CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: aws.String("TakesThemIn"), AssumeRolePolicyDocument: &trust,
	}))(t).Role.Arn

	for by, want := range map[string]string{homeAccount: "refused", b: "refused", c: "accepted"} {
		user := w.signIn(t, foreign, issuer, key, "user-of-"+by)
		token := must(w.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &user.identity, Logins: user.logins}))(t).Token
		equal(t, "before", user.atSTS(t, *role, *token), "accepted")

		body := fmt.Sprintf(`{"ProviderName":%q,"Subject":%q}`, key, "user-of-"+by)
		equal(t, "SignOut", w.administer(t, by, "SignOut", body).status, 200)
		equal(t, "signed out by "+by, user.atSTS(t, *role, *token), want)
	}
}
