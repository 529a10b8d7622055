package poolhouse_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// homeAccount is the development server's own account.
const homeAccount = "000000000000"

// accounts is a server with several accounts, whose database a test can write to
// as an older version did.
type accounts struct {
	*testServer
	db     *store.Store
	master []byte
	keys   map[string]aws.Credentials // by account: a root key
}

// startTenants starts a server with the home account and others.
func startTenants(t *testing.T, others []string, change ...func(*poolhouse.Config)) *accounts {
	t.Helper()
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	var database string
	s := start(t, append([]func(*poolhouse.Config){func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, master, "ES256"
	}}, append(change, func(c *poolhouse.Config) {
		if database = c.DatabaseURL; database != "" {
			c.DataDir = ""
		}
	})...)...)
	options := store.Options{URL: database}
	if database == "" {
		options.Path = filepath.Join(dir, poolhouse.DatabaseFile)
	}
	db := must(store.Open(t.Context(), options))(t)
	t.Cleanup(func() { _ = db.Close() })

	w := &accounts{testServer: s, db: db, master: master, keys: map[string]aws.Credentials{
		homeAccount: {AccessKeyID: "test", SecretAccessKey: "test"},
	}}
	for _, account := range others {
		w.addKey(t, account)
	}

	return w
}

func (w *accounts) accessKeys(t *testing.T) *iam.AccessKeys {
	t.Helper()
	return must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: w.db, Sealer: must(envelope.New(w.master))(t)}))(t)
}

// addKey makes a root key of an account.
func (w *accounts) addKey(t *testing.T, account string) {
	t.Helper()
	key, secret, err := w.accessKeys(t).Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(account)})
	if err != nil {
		t.Fatal(err)
	}
	w.keys[account] = aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: secret}
}

func (w *accounts) pools(account string) *ci.Client {
	key := w.keys[account]
	return w.signedBy(region, key.AccessKeyID, key.SecretAccessKey, "")
}

func (w *accounts) roles(account string) *iamclient.Client {
	key := w.keys[account]
	return w.iamBy(key.AccessKeyID, key.SecretAccessKey, "")
}

// administer calls an operation of the administrators' API with an account's key.
func (w *accounts) administer(t *testing.T, account, operation, body string) answer {
	t.Helper()
	return w.post(t, account, "poolhouse", "PoolhouseAdmin."+operation, body)
}

// member is an account's part in a test of sign-outs: a pool and a role that
// trust the provider.
type member struct {
	account, client, pool, role string
}

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

// await asks until the answer is yes, for half a minute at most.
func await(t *testing.T, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !ask(); <-tick.C {
		if time.Since(began) > 30*time.Second {
			t.Fatal("it does not come to pass")
		}
	}
}

// joins makes an account that has registered issuer for clients, with a pool and a
// role that trust it.
func (w *accounts) joins(t *testing.T, account string, issuer *logintest.Issuer, clients ...string) member {
	t.Helper()
	arn := must(w.roles(account).CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &issuer.URL, ClientIDList: clients,
	}))(t).OpenIDConnectProviderArn
	pool := must(w.pools(account).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("p"), OpenIdConnectProviderARNs: []string{*arn},
	}))(t).IdentityPoolId
	trust := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity",
		 "Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + *pool + `"}}},
		{"Effect":"Allow","Principal":{"Federated":"` + *arn + `"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`
	role := must(w.roles(account).CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: aws.String("User"), AssumeRolePolicyDocument: &trust,
	}))(t).Role.Arn
	must(w.pools(account).SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: pool, Roles: map[string]string{"authenticated": *role},
	}))(t)

	return member{account: account, client: clients[0], pool: *pool, role: *role}
}

// signedOutUser is a user of one account with a session.
type signedOutUser struct {
	signedIn
	logins map[string]string
	key    aws.Credentials
}

// signIn signs a user in to a member's pool, whose token has the session's ID that
// is the subject.
func (w *accounts) signIn(t *testing.T, m member, issuer *logintest.Issuer, key, subject string) *signedOutUser {
	t.Helper()
	logins := map[string]string{key: issuer.Token(map[string]any{
		"aud": m.client, "sub": subject, "sid": subject, "iat": time.Now().Add(-time.Hour).Unix(),
	})}
	id := w.getID(t, m.pool, logins)
	out := must(w.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}))(t).Credentials

	return &signedOutUser{
		signedIn: signedIn{testServer: w.testServer, identity: id},
		logins:   logins,
		key:      aws.Credentials{AccessKeyID: *out.AccessKeyId, SecretAccessKey: *out.SecretKey, SessionToken: *out.SessionToken},
	}
}

// atSTS tells how STS takes an ID token.
func (u *signedOutUser) atSTS(t *testing.T, role, token string) string {
	t.Helper()
	client := sts.New(sts.Options{BaseEndpoint: &u.URL, Region: region, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}})
	_, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("session"), WebIdentityToken: &token,
	})
	if err != nil {
		wantError(t, err, "IDPRejectedClaim", "")
		return "refused"
	}

	return "accepted"
}

// session tells whether the user's credentials are still good.
func (u *signedOutUser) session(t *testing.T) string {
	t.Helper()
	_, err := sts.New(sts.Options{BaseEndpoint: &u.URL, Region: region, RetryMaxAttempts: 1,
		Credentials: credentials.StaticCredentialsProvider{Value: u.key}}).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		wantError(t, err, "InvalidClientTokenId", "")
		return "refused"
	}

	return "accepted"
}

// post signs a call of AWS JSON with an account's key.
func (w *accounts) post(t *testing.T, account, service, target, body string) answer {
	t.Helper()
	r := jsonCall(t, w.URL, target, body)
	key := w.keys[account]
	signWith(t, r, body, service, region, key.AccessKeyID, key.SecretAccessKey)

	return do(t, r)
}

// jsonCall is an unsigned call of AWS JSON.
func jsonCall(t *testing.T, address, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)

	return r
}
