package poolhouse_test

import (
	"bytes"
	"net/http"
	"path/filepath"
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
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const stranger = "111111111111"

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
