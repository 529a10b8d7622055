package gate_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Policies of access keys see how a request came: address, TLS, region, and the
// service that a role is passed to.
func TestConditionsOfAccessKeys(t *testing.T) {
	dir, master := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DataDir, c.MasterKey, c.TokenAlgorithm = dir, master,
			"ES256"
	})
	pool := s.NewPool(t)

	db := wiretest.Must(store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	defer db.Close()

	keys := wiretest.Must(iam.NewAccessKeys(iam.AccessKeyOptions{Store: db,
		Sealer: wiretest.Must(envelope.New(master))(t)}))(t)

	const allow = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	for name, test := range map[string]struct {
		statements string
		allowed    bool
	}{
		"deny my address": {allow +
			`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}`,
			false},
		"deny others' addresses": {allow +
			`,{"Effect":"Deny","Action":"*","Resource":"*",` +
			`"Condition":{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}`, true},
		"deny plain HTTP": {allow +
			`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
			false},
		"this region": {`{"Effect":"Allow","Action":"*","Resource":"*",` +
			`"Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`, true},
		"another region": {`{"Effect":"Allow","Action":"*","Resource":"*",` +
			`"Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}`, false},
		"pass to identity pools": {`{"Effect":"Allow","Action":"cognito-identity:*","Resource":"*"},` +
			`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",` +
			`"Condition":{"StringEquals":{"iam:PassedToService":"cognito-identity.amazonaws.com"}}}`, true},
		"pass to another": {`{"Effect":"Allow","Action":"cognito-identity:*","Resource":"*"},` +
			`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",` +
			`"Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			key, secret, err := keys.Create(t.Context(), iam.NewAccessKey{Account: identitypool.AccountID(s.Account()),
				Policy: `{"Version":"2012-10-17","Statement":[` + test.statements + `]}`})
			if err != nil {
				t.Fatal(err)
			}

			_, err = s.SignedBy(wiretest.Region, key.ID, secret, "").SetIdentityPoolRoles(t.Context(),
				&ci.SetIdentityPoolRolesInput{
					IdentityPoolId: &pool, Roles: map[string]string{"authenticated": wiretest.AuthenticatedRole}})
			if (err == nil) != test.allowed {
				t.Errorf("error = %v, want allowed = %t", err, test.allowed)
			}
		})
	}
}

// Trust policies see it, too. Behind a proxy, the proxy tells the client's address.
func TestConditionsOfTrustPolicies(t *testing.T) {
	const pool = "us-east-1:11111111-2222-3333-4444-555555555555"
	for name, test := range map[string]struct {
		condition string
		proxy     bool
		header    http.Header
		allowed   bool
	}{
		"TLS asked for, plain": {`"Bool":{"aws:SecureTransport":"true"}`, false, nil, false},
		"TLS claimed without a proxy": {`"Bool":{"aws:SecureTransport":"true"}`, false,
			http.Header{"X-Forwarded-Proto": {"https"}}, false},
		"TLS ended by the proxy": {`"Bool":{"aws:SecureTransport":"true"}`, true,
			http.Header{"X-Forwarded-Proto": {"https"}}, true},
		"plain to the proxy": {`"Bool":{"aws:SecureTransport":"true"}`, true,
			http.Header{"X-Forwarded-Proto": {"http"}}, false},
		"own address": {`"IpAddress":{"aws:SourceIp":"127.0.0.1"}`, false, nil, true},
		"address claimed": {`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, false,
			http.Header{"X-Forwarded-For": {"203.0.113.9"}}, false},
		"address seen by the proxy": {`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, true,
			http.Header{"X-Forwarded-For": {"10.0.0.1, 203.0.113.9"}}, true},
		"address claimed to the proxy": {`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, true,
			http.Header{"X-Forwarded-For": {"203.0.113.9, 198.51.100.7"}}, false},
		"nothing said behind the proxy": {`"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}`, true, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Start(t, func(c *poolhouse.Config) {
				c.AcceptUnknownRoles, c.BehindProxy, c.TokenAlgorithm = false, test.proxy, "ES256"
				c.Roles = []poolhouse.RoleConfig{
					{ARN: wiretest.StrictRole,
						TrustPolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
							"Principal":{"Federated":"cognito-identity.amazonaws.com"},
							"Action":"sts:AssumeRoleWithWebIdentity",
							"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool + `"},` +
							test.condition + `}}]}`}}
			})
			s.NewPool(t,
				func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": pool} })
			wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(),
				&ci.SetIdentityPoolRolesInput{IdentityPoolId: aws.String(pool),
					Roles: map[string]string{"unauthenticated": wiretest.StrictRole}}))(t)

			got := s.Raw(t, "GetCredentialsForIdentity", `{"IdentityId":"`+s.GetID(t, pool, nil)+`"}`, false,
				func(r *http.Request) {
					for name, values := range test.header {
						r.Header[name] = values
					}
				})
			if (got.Status == http.StatusOK) != test.allowed {
				t.Errorf("%d %s, want allowed = %t", got.Status, got.Body, test.allowed)
			}
		})
	}
}

// A pool takes settings only for logins that it can have.
func TestSettingsOfUnknownProviders(t *testing.T) {
	s := wiretest.Start(t)
	pool := s.NewPool(t)
	_, err := s.Admin().SetPrincipalTagAttributeMap(t.Context(),
		&ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: &pool, IdentityProviderName: aws.String("x\x00")})
	wiretest.WantError(t, err, "InvalidParameterException", "")

	info := wiretest.DevInfo(s)
	deny := types.RoleMapping{Type: types.RoleMappingTypeToken,
		AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny}
	_, err = s.Admin().SetIdentityPoolRoles(t.Context(),
		&ci.SetIdentityPoolRolesInput{IdentityPoolId: &pool, Roles: map[string]string{},
			RoleMappings: map[string]types.RoleMapping{info.LoginKey: deny, info.OIDCProviderARN: deny}})
	wiretest.WantError(t, err, "InvalidParameterException",
		"("+info.OIDCProviderARN+") and ("+info.LoginKey+") are role mappings of one provider; give one.")
	_, err = s.SignedBy("my-datacentre-frankfurt", "test", "test", "").CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")})
	wiretest.WantError(t, err, "InvalidParameterException",
		"The region my-datacentre-frankfurt is longer than 18 characters.")

	_, err = s.SignedBy("1st", "test", "test", "").CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")})
	wiretest.WantError(t, err, "InvalidParameterException", "The region 1st does not begin with a letter.")
}
