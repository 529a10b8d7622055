package wiretest

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

// Stranger is an account other than the server's.
const Stranger = "111111111111"

// HomeAccount is the development server's own account.
const HomeAccount = "000000000000"

// Accounts is a server with several accounts. A test can write to its database as an older
// version did.
type Accounts struct {
	*Server
	DB     *store.Store
	master []byte
	Keys   map[string]aws.Credentials // by account: a root key
}

// StartTenants starts a server with the home account and others.
func StartTenants(t *testing.T, others []string, change ...func(*poolhouse.Config)) *Accounts {
	t.Helper()
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)

	var database string
	s := Start(t, append([]func(*poolhouse.Config){func(c *poolhouse.Config) {
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

	db := Must(store.Open(t.Context(), options))(t)
	t.Cleanup(func() { _ = db.Close() })

	w := &Accounts{Server: s, DB: db, master: master, Keys: map[string]aws.Credentials{
		HomeAccount: {AccessKeyID: "test", SecretAccessKey: "test"},
	}}
	for _, account := range others {
		w.AddKey(t, account)
	}

	return w
}

// AccessKeys returns the access keys of all accounts.
func (w *Accounts) AccessKeys(t *testing.T) *iam.AccessKeys {
	t.Helper()
	return Must(iam.NewAccessKeys(iam.AccessKeyOptions{
		Store:  w.DB,
		Sealer: Must(envelope.New(w.master))(t),
	}))(t)
}

// AddKey makes a root key of an account.
func (w *Accounts) AddKey(t *testing.T, account string) {
	t.Helper()
	key, secret, err := w.AccessKeys(t).Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(account)})
	if err != nil {
		t.Fatal(err)
	}
	w.Keys[account] = aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: secret}
}

// Pools returns a client that signs with an account's key.
func (w *Accounts) Pools(account string) *ci.Client {
	key := w.Keys[account]
	return w.SignedBy(Region, key.AccessKeyID, key.SecretAccessKey, "")
}

// Roles returns an IAM client that signs with an account's key.
func (w *Accounts) Roles(account string) *iamclient.Client {
	key := w.Keys[account]
	return w.IAMBy(key.AccessKeyID, key.SecretAccessKey, "")
}

// Administer calls an operation of the admin API with an account's key.
func (w *Accounts) Administer(t *testing.T, account, operation, body string) Answer {
	t.Helper()
	return w.Post(t, account, "poolhouse", "PoolhouseAdmin."+operation, body)
}

// Member is an account in a test of sign-outs, with a pool and a role that trust the provider.
type Member struct {
	Account, client, Pool, Role string
}

// Await asks until the answer is yes, for at most half a minute.
func Await(t *testing.T, ask func() bool) {
	t.Helper()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()

	for began := time.Now(); !ask(); <-tick.C {
		if time.Since(began) > 30*time.Second {
			t.Fatal("it does not come to pass")
		}
	}
}

// Joins makes an account that has registered issuer for clients, with a pool and a role that
// trust it.
func (w *Accounts) Joins(t *testing.T, account string, issuer *logintest.Issuer, clients ...string) Member {
	t.Helper()

	arn := Must(w.Roles(account).CreateOpenIDConnectProvider(t.Context(), &iamclient.CreateOpenIDConnectProviderInput{
		Url: &issuer.URL, ClientIDList: clients,
	}))(t).OpenIDConnectProviderArn

	pool := Must(w.Pools(account).CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("p"), OpenIdConnectProviderARNs: []string{*arn},
	}))(t).IdentityPoolId

	trust := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},
		 "Action":"sts:AssumeRoleWithWebIdentity",
		 "Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + *pool + `"}}},
		{"Effect":"Allow","Principal":{"Federated":"` + *arn + `"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`

	role := Must(w.Roles(account).CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName: aws.String("User"), AssumeRolePolicyDocument: &trust,
	}))(t).Role.Arn

	Must(w.Pools(account).SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: pool, Roles: map[string]string{"authenticated": *role},
	}))(t)

	return Member{Account: account, client: clients[0], Pool: *pool, Role: *role}
}

// SignedOutUser is a user of one account with a session.
type SignedOutUser struct {
	SignedIn
	Logins map[string]string
	Key    aws.Credentials
}

// SignIn signs a user in to a member's pool. The session's ID in the user's token is the
// subject.
func (w *Accounts) SignIn(t *testing.T, m Member, issuer *logintest.Issuer, key, subject string) *SignedOutUser {
	t.Helper()
	logins := map[string]string{key: issuer.Token(map[string]any{
		"aud": m.client, "sub": subject, "sid": subject, "iat": time.Now().Add(-time.Hour).Unix(),
	})}

	id := w.GetID(t, m.Pool, logins)
	out := Must(w.Public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{
		IdentityId: &id,
		Logins:     logins,
	}))(t).Credentials

	return &SignedOutUser{
		SignedIn: SignedIn{Server: w.Server, Identity: id},
		Logins:   logins,
		Key: aws.Credentials{
			AccessKeyID:     *out.AccessKeyId,
			SecretAccessKey: *out.SecretKey,
			SessionToken:    *out.SessionToken,
		},
	}
}

// AtSTS returns whether STS accepts or refuses an ID token.
func (u *SignedOutUser) AtSTS(t *testing.T, role, token string) string {
	t.Helper()
	client := sts.New(sts.Options{
		BaseEndpoint:     &u.URL,
		Region:           Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})

	_, err := client.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("session"), WebIdentityToken: &token,
	})
	if err != nil {
		WantError(t, err, "IDPRejectedClaim", "")
		return "refused"
	}

	return "accepted"
}

// Session returns whether the server accepts or refuses the user's credentials.
func (u *SignedOutUser) Session(t *testing.T) string {
	t.Helper()
	_, err := sts.New(sts.Options{
		BaseEndpoint:     &u.URL,
		Region:           Region,
		RetryMaxAttempts: 1,
		Credentials:      credentials.StaticCredentialsProvider{Value: u.Key},
	}).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		WantError(t, err, "InvalidClientTokenId", "")
		return "refused"
	}

	return "accepted"
}

// Post signs a call of AWS JSON with an account's key.
func (w *Accounts) Post(t *testing.T, account, service, target, body string) Answer {
	t.Helper()
	r := JSONCall(t, w.URL, target, body)
	key := w.Keys[account]
	SignWith(t, r, body, service, Region, key.AccessKeyID, key.SecretAccessKey)
	return Do(t, r)
}

// JSONCall returns an unsigned call of AWS JSON.
func JSONCall(t *testing.T, address, target, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)

	return r
}
