package gate_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// Keys that cannot be known deny in calls of this server's APIs, under both
// effects and for every kind of caller, and Explain names them.
func TestUnknownKeysOfCallers(t *testing.T) {
	s := wiretest.StartBound(t)
	pool, _ := s.TaggedPool(t, nil)
	for _, test := range []struct {
		key     string
		allowed bool // under a Deny; an Allow with a negated operator likewise
	}{
		{"aws:NoSuchKey", false}, {"foo:bar", false}, {"cognito-identity:NoSuchKey", false},
		{"cognito-identity.amazonaws.com:audience", false},
		{"aws:MultiFactorAuthPresent", true}, {"aws:SourceVpce", true}, {"s3:prefix", true}, {"sts:ExternalId", true},
		{"accounts.google.com:aud", true},
	} {
		for _, statements := range []string{
			wiretest.AllowAllStatement +
				`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"` + test.key + `":"x"}}}`,
			`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"` + test.key +
				`":"x"}}}`,
		} {
			for kind, key := range s.Callers(t, statements) {
				refused, got := s.Call(t, key, "DescribeIdentityPool", map[string]any{"IdentityPoolId": pool})
				if refused == test.allowed {
					t.Errorf("%s, %s: %d %s", statements, kind, got.Status, got.Body)
				}
				if !refused {
					continue
				}

				why := s.AdminCall(t, "Explain", `{"RequestId":"`+got.Header.Get("x-amzn-RequestId")+`"}`)
				if !strings.Contains(why.Body, "this server cannot know "+test.key+" here") ||
					!strings.Contains(why.Body, "Fix") {
					t.Errorf("%s, %s: Explain does not name the key: %s", statements, kind, why.Body)
				}
			}
		}
	}
}

// The same in trust policies.
func TestUnknownKeysOfTrustPolicies(t *testing.T) {
	const pool = "us-east-1:11111111-2222-3333-4444-555555555555"
	for key, allowed := range map[string]bool{"aws:NoSuchKey": false,
		"cognito-identity.amazonaws.com:audience": false, "aws:SourceVpce": true, "aws:ResourceTag/x": true} {
		for _, deny := range []bool{false, true} {
			const trusts = `"Principal":{"Federated":"cognito-identity.amazonaws.com"},` +
				`"Action":"sts:AssumeRoleWithWebIdentity",` +
				`"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + pool + `"`
			statements := `{"Effect":"Allow",` + trusts + `},"StringNotEquals":{"` + key + `":"x"}}}`
			if deny {
				statements = `{"Effect":"Allow",` + trusts + `}}},{"Effect":"Deny",` + trusts +
					`},"StringEqualsIgnoreCase":{"` + key + `":"x"}}}`
			}

			s := wiretest.Start(t, func(c *poolhouse.Config) {
				c.AcceptUnknownRoles, c.TokenAlgorithm = false, "ES256"
				c.Roles = []poolhouse.RoleConfig{{ARN: wiretest.StrictRole, TrustPolicy: wiretest.PolicyOf(statements)}}
			})
			s.NewPool(t,
				func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"_custom_id_": pool} })
			wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(),
				&ci.SetIdentityPoolRolesInput{IdentityPoolId: aws.String(pool),
					Roles: map[string]string{"unauthenticated": wiretest.StrictRole}}))(t)

			got := s.Raw(t, "GetCredentialsForIdentity", `{"IdentityId":"`+s.GetID(t, pool, nil)+`"}`, false)
			if (got.Status == http.StatusOK) != allowed {
				t.Errorf("%s, deny %t: %d %s", key, deny, got.Status, got.Body)
			}

			if got.Status == http.StatusOK {
				continue
			}
			if why := s.AdminCall(t, "Explain",
				`{"RequestId":"`+got.Header.Get("x-amzn-RequestId")+`"}`); !strings.Contains(why.Body, key) {
				t.Errorf("%s, deny %t: Explain does not name the key: %s", key, deny, why.Body)
			}
		}
	}
}

// How the client came is known in forward auth where the proxy tells it.
func TestClientsOfTheCheckEndpoint(t *testing.T) {
	proxied := http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}}
	for _, test := range []struct {
		condition string
		proxy     bool
		header    http.Header
		want      [2]bool // let through under an Allow, and under a Deny
	}{
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true, proxied, [2]bool{true, false}},
		{`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true, proxied, [2]bool{false, true}},
		{`{"Bool":{"aws:SecureTransport":"true"}}`, true, proxied, [2]bool{true, false}},
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true, nil, [2]bool{false, false}},
		{`{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, true, nil, [2]bool{false, false}},
		{`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, false, proxied, [2]bool{false, false}},
		{`{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`, false, proxied, [2]bool{false, false}},
		{`{"Bool":{"aws:SecureTransport":"false"}}`, false, proxied, [2]bool{false, false}},
	} {
		for i, statements := range []string{
			`{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + test.condition + `}`,
			wiretest.AllowAllStatement + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":` +
				test.condition + `}`,
		} {
			s := wiretest.Start(t, wiretest.Files, func(c *poolhouse.Config) {
				c.BehindProxy = test.proxy
				c.Roles[0].Policies = map[string]string{"p": wiretest.PolicyOf(statements)}
			})
			s.FilesPool(t)
			u := s.User(t, s.Logins(t, "alice"))

			got := s.Asked(t, u.Signed(t, "GET", wiretest.FilesURL+"x", "", time.Now()), func(r *http.Request) {
				for name, values := range test.header {
					r.Header[name] = values
				}
			})
			if (got.Status == http.StatusOK) != test.want[i] {
				t.Errorf("%s, behind a proxy %t, %v: %d %s", statements, test.proxy, test.header, got.Status, got.Body)
			}
		}
	}
}
