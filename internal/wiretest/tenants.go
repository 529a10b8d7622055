package wiretest

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

// Tenants is a server with three accounts: home, which has the settings, and two more.
type Tenants struct {
	*Server
	Dir                 string
	Home, Victim, Thief Tenant
	Traces              TraceList
}

// Tenant is an account with its root key.
type Tenant struct {
	Server              *Server
	Account, ID, Secret string
}

// Pools returns a client that signs with the root key.
func (a Tenant) Pools() *ci.Client { return a.Server.SignedBy(Region, a.ID, a.Secret, "") }

// IAM returns an IAM client that signs with the root key.
func (a Tenant) IAM() *iamclient.Client { return a.Server.IAMBy(a.ID, a.Secret, "") }

// RoleARN returns the ARN of a role of the account.
func (a Tenant) RoleARN(name string) string { return "arn:aws:iam::" + a.Account + ":role/" + name }

// admin calls the admin API and returns the error, or the body.
func (a Tenant) admin(t *testing.T, operation, body string) (refused, answer string) {
	t.Helper()
	got := a.Server.Raw(t, "", body, false, func(r *http.Request) {
		r.Header.Set("X-Amz-Target", "PoolhouseAdmin."+operation)
		SignWith(t, r, body, "poolhouse", Region, a.ID, a.Secret)
	})
	refused, _, _ = strings.Cut(got.Header.Get("x-amzn-ErrorType"), ":")
	return refused, got.Body
}

// TakePool makes a pool under a chosen ID.
func (a Tenant) TakePool(t *testing.T, id string) (refused string) {
	t.Helper()
	refused, _ = a.admin(t, "CreateIdentityPoolWithId",
		`{"IdentityPoolId":"`+id+`","Pool":{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}}`)
	return refused
}

// TakeIdentity loads a guest under a chosen ID.
func (a Tenant) TakeIdentity(t *testing.T, pool, id string) (refused string) {
	t.Helper()
	refused, answer := a.admin(t, "LoadIdentities",
		`{"IdentityPoolId":"`+pool+`","Identities":[{"IdentityId":"`+id+`","Guest":true}]}`)
	if refused == "" && !strings.Contains(answer, `"Loaded":1`) {
		return "Refused"
	}
	return refused
}

// NewPool makes a pool for guests under an ID that the server chooses.
func (a Tenant) NewPool(t *testing.T) string {
	t.Helper()
	return *Must(a.Pools().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("p"),
		AllowUnauthenticatedIdentities: true,
	}))(t).IdentityPoolId
}

// DeletePool deletes a pool.
func (a Tenant) DeletePool(t *testing.T, id string) {
	t.Helper()
	Must(a.Pools().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &id}))(t)
}

// NewRole makes a role for guests of the pools.
func (a Tenant) NewRole(t *testing.T, name, trust string) string {
	t.Helper()
	Must(a.IAM().CreateRole(t.Context(), &iamclient.CreateRoleInput{
		RoleName:                 &name,
		AssumeRolePolicyDocument: &trust,
	}))(t)
	return a.RoleARN(name)
}

// RewriteTrust replaces the trust policy of a role.
func (a Tenant) RewriteTrust(t *testing.T, name, trust string) {
	t.Helper()
	Must(a.IAM().UpdateAssumeRolePolicy(t.Context(), &iamclient.UpdateAssumeRolePolicyInput{
		RoleName:       &name,
		PolicyDocument: &trust,
	}))(t)
}

// Assume takes a role by a guest's classic flow and returns the error's code.
func (w *Tenants) Assume(t *testing.T, identity, role string) (refused string) {
	t.Helper()
	token := Must(w.Public().GetOpenIdToken(t.Context(), &ci.GetOpenIdTokenInput{IdentityId: &identity}))(t).Token

	anonymous := sts.New(sts.Options{
		BaseEndpoint:     &w.URL,
		Region:           Region,
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})
	out, err := anonymous.AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          &role,
		RoleSessionName:  aws.String("guest"),
		WebIdentityToken: token,
	})
	if err != nil {
		WantError(t, err, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
		return "AccessDenied"
	}

	if !strings.Contains(*out.AssumedRoleUser.Arn, strings.Split(role, ":")[4]) {
		t.Errorf("%s gave %s", role, *out.AssumedRoleUser.Arn)
	}

	return ""
}

// Declare returns a client for the declarative commands.
func (a Tenant) Declare() *apply.Client {
	return &apply.Client{
		Endpoint:    func(string) string { return a.Server.URL },
		Credentials: sigv4.Credentials{AccessKeyID: a.ID, SecretAccessKey: a.Secret},
		Region:      Region,
		IAMRegion:   Region,
		HTTP:        http.DefaultClient,
		Now:         time.Now,
	}
}

// Declared returns the code of a refusal.
func (a Tenant) Declared(err error) (refused string) {
	switch {
	case err == nil:
		return ""
	case strings.Contains(err.Error(), "IDs are chosen by the home account"):
		return "AccessDeniedException"
	}

	return err.Error()
}
