package poolhouse_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// tenants is a server with three accounts: home, whose settings it has, and two
// more.
type tenants struct {
	*testServer
	dir                 string
	home, victim, thief tenant
	traces              traceList
}

// tenant is an account with its root key.
type tenant struct {
	server              *testServer
	account, id, secret string
}

func (a tenant) pools() *ci.Client { return a.server.signedBy(region, a.id, a.secret, "") }

func (a tenant) iam() *iamclient.Client { return a.server.iamBy(a.id, a.secret, "") }

func (a tenant) roleARN(name string) string { return "arn:aws:iam::" + a.account + ":role/" + name }

// admin calls the administrators' API and returns the error, or the body.
func (a tenant) admin(t *testing.T, operation, body string) (refused, answer string) {
	t.Helper()
	got := a.server.raw(t, "", body, false, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
		signWith(t, r, body, "poolhouse", region, a.id, a.secret)
	})
	refused, _, _ = strings.Cut(got.header.Get("x-amzn-ErrorType"), ":")
	return refused, got.body
}

// takePool makes a pool under a chosen ID.
func (a tenant) takePool(t *testing.T, id string) (refused string) {
	t.Helper()
	refused, _ = a.admin(t, "CreateIdentityPoolWithId", `{"IdentityPoolId":"`+id+`","Pool":{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}}`)
	return refused
}

// takeIdentity loads a guest under a chosen ID.
func (a tenant) takeIdentity(t *testing.T, pool, id string) (refused string) {
	t.Helper()
	refused, answer := a.admin(t, "LoadIdentities", `{"IdentityPoolId":"`+pool+`","Identities":[{"IdentityId":"`+id+`","Guest":true}]}`)
	if refused == "" && !strings.Contains(answer, `"Loaded":1`) {
		return "Refused"
	}
	return refused
}

// newPool makes a pool for guests under an ID that the server chooses.
func (a tenant) newPool(t *testing.T) string {
	t.Helper()
	return *must(a.pools().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), AllowUnauthenticatedIdentities: true}))(t).IdentityPoolId
}

func (a tenant) deletePool(t *testing.T, id string) {
	t.Helper()
	must(a.pools().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &id}))(t)
}

// newRole makes a role for guests of the pools.
func (a tenant) newRole(t *testing.T, name, trust string) string {
	t.Helper()
	must(a.iam().CreateRole(t.Context(), &iamclient.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}))(t)
	return a.roleARN(name)
}

func (a tenant) rewriteTrust(t *testing.T, name, trust string) {
	t.Helper()
	must(a.iam().UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{RoleName: &name, PolicyDocument: &trust}))(t)
}

// assume is the classic flow of a guest: it returns the error's code.
func (w *tenants) assume(t *testing.T, identity, role string) (refused string) {
	t.Helper()
	token := must(w.public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &identity}))(t).Token
	anonymous := sts.New(sts.Options{BaseEndpoint: &w.URL, Region: region, RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}})
	out, err := anonymous.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("guest"), WebIdentityToken: token})
	if err != nil {
		wantError(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		return "AccessDenied"
	}
	if !strings.Contains(*out.AssumedRoleUser.Arn, strings.Split(role, ":")[4]) {
		t.Errorf("%s gave %s", role, *out.AssumedRoleUser.Arn)
	}
	return ""
}

// declare is a client of the declarative commands.
func (a tenant) declare() *apply.Client {
	return &apply.Client{
		Endpoint:    func(string) string { return a.server.URL },
		Credentials: sigv4.Credentials{AccessKeyID: a.id, SecretAccessKey: a.secret},
		Region:      region,
		IAMRegion:   region,
		HTTP:        http.DefaultClient,
		Now:         time.Now,
	}
}

// declared is the code of a refusal.
func (a tenant) declared(err error) (refused string) {
	switch {
	case err == nil:
		return ""
	case strings.Contains(err.Error(), "IDs are chosen by the home account"):
		return "AccessDeniedException"
	}
	return err.Error()
}
