package stsapi_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A token names its caller in one way, whichever region the caller signs for, and names the server's region.
func TestWebIdentityTokenNamesAPrincipalOnce(t *testing.T) {
	for server, partition := range map[string]string{wiretest.Region: "aws", "us-gov-west-1": "aws-us-gov"} {
		s := wiretest.Start(t, func(c *poolhouse.Config) { c.Region = server })
		issuerURL := enableWebTokens(t, s.IAM())
		role := makeRole(t, s.IAM(), "app", `{"Effect":"Allow","Action":"sts:AssumeRole",
			"Principal":{"AWS":"`+wiretest.HomeAccount+`"}}`, mayAsk)
		role = "arn:aws:" + strings.SplitN(role, ":", 3)[2]
		session, err := assumeAs(t, webTokens(s, root), role)
		if err != nil {
			t.Fatal(err)
		}

		path := ":iam::" + wiretest.HomeAccount + ":"
		for _, key := range []struct {
			credentials aws.Credentials
			name        string
		}{{root, "root"}, {session, "role/app"}} {
			for _, region := range []string{"us-east-1", "us-gov-west-1", "cn-north-1", "mars"} {
				token := *wiretest.Must(webTokens(s, key.credentials).GetWebIdentityToken(t.Context(), wanted(),
					func(o *sts.Options) { o.Region = region }))(t).WebIdentityToken
				claims := claimsOf(t, issuerURL, outside, token)
				facts, _ := claims[claimCaller].(map[string]any)
				want := "arn:" + partition + path + key.name
				if claims["sub"] != want || facts["principal_id"] != want || facts["source_region"] != server {
					t.Errorf("%s, signed for %s: sub %v, principal_id %v, source_region %v; want %s, %s", server,
						region, claims["sub"], facts["principal_id"], facts["source_region"], want, server)
				}
			}
		}
	}
}
