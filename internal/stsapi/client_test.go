package stsapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// clientConditions are conditions on the client of a request, with whether they hold: without a
// proxy for a plain and for a claiming request, then behind a proxy.
var clientConditions = []struct {
	condition string
	allowed   [4]bool
}{
	{`"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`, [4]bool{true, true, false, false}},
	{`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, [4]bool{false, false, false, true}},
	{`"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, [4]bool{true, true, false, false}},
	{`"Bool":{"aws:SecureTransport":"true"}`, [4]bool{false, false, false, true}},
	{`"Bool":{"aws:SecureTransport":"false"}`, [4]bool{true, true, true, false}},
	{`"StringEquals":{"aws:UserAgent":"proof/1"}`, [4]bool{true, false, true, false}},
	{`"StringNotEquals":{"aws:UserAgent":"proof/1"}`, [4]bool{false, true, false, true}},
}

// Trust policies see the client of every way to assume a role; behind a proxy, the one that the
// proxy names.
func TestTrustPoliciesSeeTheClient(t *testing.T) {
	idp := samltest.New(t, time.Now().Truncate(time.Second), 0)
	for n, proxy := range []bool{false, true} {
		s := wiretest.Start(t, func(c *poolhouse.Config) {
			c.AcceptUnknownRoles, c.BehindProxy, c.TokenAlgorithm = false, proxy, "ES256"
			c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: idp.Metadata()}}
			dev := `"Federated":"arn:aws:iam::000000000000:oidc-provider/` +
				strings.TrimPrefix(c.IssuerURL+devissuer.Path, "http://") + `"`
			for i, tc := range clientConditions {
				c.Roles = append(c.Roles,
					wiretest.Role(fmt.Sprint("Web", i), dev, wiretest.Web, tc.condition),
					wiretest.Role(fmt.Sprint("Saml", i), `"Federated":"`+wiretest.SAMLARN+`"`,
						`"sts:AssumeRoleWithSAML"`, tc.condition),
					wiretest.Role(fmt.Sprint("Caller", i), wiretest.Home, `"sts:AssumeRole"`, tc.condition),
					wiretest.Role(fmt.Sprint("Pool", i), wiretest.FromPool, wiretest.Web, clientOfPool(tc.condition)),
				)
			}
		})
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) {
			in.IdentityPoolTags = map[string]string{"_custom_id_": wiretest.STSPool}
		})
		guest, token := s.GetID(t, pool, nil), s.Token(t, "alice")

		for i, tc := range clientConditions {
			wiretest.Must(s.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
				IdentityPoolId: aws.String(pool),
				Roles:          map[string]string{"unauthenticated": wiretest.RolePrefix + fmt.Sprint("Pool", i)},
			}))(t)
			role := func(kind string) string { return wiretest.RolePrefix + fmt.Sprint(kind, i) }
			assertion := idp.Response(t, samltest.Login{NameID: "alice", Attributes: []samltest.Attribute{
				wiretest.Pairs(role("Saml")),
				{Name: "https://aws.amazon.com/SAML/Attributes/RoleSessionName", Values: []string{"alice"}},
			}})

			for m, header := range []http.Header{
				{"User-Agent": {"proof/1"}},
				{
					"User-Agent":        {"other/1"},
					"X-Forwarded-For":   {"10.0.0.1, 203.0.113.9"},
					"X-Forwarded-Proto": {"https"},
				},
			} {
				ask := func(signed bool, action string, pairs ...string) int {
					body := wiretest.Form(action, pairs...).Encode()
					r := wiretest.Must(http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body)))(t)
					r.Header = header.Clone()
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					if signed {
						wiretest.Sign(t, r, body, "sts")
					}
					return wiretest.Do(t, r).Status
				}

				for way, status := range map[string]int{
					"AssumeRole": ask(true, "AssumeRole", "RoleArn", role("Caller"), "RoleSessionName", "me"),
					"AssumeRoleWithWebIdentity": ask(false, "AssumeRoleWithWebIdentity", "RoleArn", role("Web"),
						"RoleSessionName", "me", "WebIdentityToken", token),
					"AssumeRoleWithSAML": ask(false, "AssumeRoleWithSAML", "RoleArn", role("Saml"),
						"PrincipalArn", wiretest.SAMLARN, "SAMLAssertion", assertion),
					"GetCredentialsForIdentity": s.Raw(t,
						"GetCredentialsForIdentity", `{"IdentityId":"`+guest+`"}`, false,
						func(r *http.Request) {
							for name, values := range header {
								r.Header[name] = values
							}
						}).Status,
				} {
					if want := tc.allowed[2*n+m]; (status == http.StatusOK) != want {
						t.Errorf("%s, %s, behind a proxy %t, %v: %d, want allowed = %t",
							way, tc.condition, proxy, header, status, want)
					}
				}
			}
		}
	}
}

// clientOfPool adds the condition on the pool, which trust policies must have.
func clientOfPool(condition string) string {
	const equals = `"StringEquals":{`
	aud := `"cognito-identity.amazonaws.com:aud":"` + wiretest.STSPool + `"`
	if rest, ok := strings.CutPrefix(condition, equals); ok {
		return equals + aud + "," + rest
	}
	return equals + aud + "}," + condition
}
