package adminapi_test

import (
	"fmt"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// TestExplainTokenIsBounded asks about pools of which each has 50 providers that know the issuer. Each makes the
// server read the response again, so an answer ends after the first pool with which it has 20 results.
func TestExplainTokenIsBounded(t *testing.T) {
	const providers, small, most = 50, 19, 19 + 50
	s := wiretest.Start(t, noRates)
	idp := samltest.New(t, time.Now().Truncate(time.Second), 0)
	metadata := idp.Metadata()
	var arns, pools []string
	for n := range providers {
		name := fmt.Sprint("Corp-", n)
		made := wiretest.Must(s.IAM().CreateSAMLProvider(t.Context(), &iamclient.CreateSAMLProviderInput{
			Name: &name, SAMLMetadataDocument: &metadata,
		}))(t)
		arns = append(arns, *made.SAMLProviderArn)
	}
	want := map[string]int{}
	for _, known := range []int{small, providers, providers} {
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = arns[:known] })
		pools, want[pool] = append(pools, pool), known
	}

	response := idp.Response(t, samltest.Login{NameID: "alice"})
	for name, in := range map[string]map[string]any{
		"all":   {"SamlResponse": response},
		"named": {"SamlResponse": response, "IdentityPoolIds": pools},
	} {
		t.Run(name, func(t *testing.T) {
			results := map[string]int{}
			for more := true; more; {
				got := decoded[explained](t, s.AdminCall(t, "ExplainToken", encoded(t, in)))
				for _, r := range got.Results {
					results[r.IdentityPoolId]++
				}
				if len(got.Results) > most {
					t.Errorf("an answer has %d results", len(got.Results))
				}
				if more = got.NextToken != nil; more {
					in["NextToken"] = *got.NextToken
				}
			}
			if fmt.Sprint(results) != fmt.Sprint(want) {
				t.Errorf("the pools have %v results, want %v", results, want)
			}
		})
	}

	// The page token of some pools is not one of others.
	named := map[string]any{"SamlResponse": response, "IdentityPoolIds": pools}
	first := decoded[explained](t, s.AdminCall(t, "ExplainToken", encoded(t, named)))
	if len(first.Results) != most || first.NextToken == nil {
		t.Fatalf("the first answer has %d results, and a token: %t", len(first.Results), first.NextToken != nil)
	}
	named["NextToken"], named["IdentityPoolIds"] = *first.NextToken, pools[1:]
	if got := s.AdminCall(t, "ExplainToken", encoded(t, named)); got.Status != 400 {
		t.Errorf("with a token of other pools: %d %s", got.Status, got.Body)
	}
}
