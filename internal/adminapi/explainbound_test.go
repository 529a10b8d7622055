package adminapi_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// manyProviders is a server with SAML providers of one issuer, a response of it, and pools of which each has the
// first so many of the providers.
type manyProviders struct {
	*wiretest.Server
	response    string
	arns, pools []string
	want        []string // the results of all pools, sorted
}

// eachManyProviders runs a test on both database engines.
func eachManyProviders(t *testing.T, known []int, test func(t *testing.T, m manyProviders)) {
	idp := samltest.New(t, time.Now().Truncate(time.Second), 0)
	metadata := idp.Metadata()
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		m := manyProviders{Server: s, response: idp.Response(t, samltest.Login{NameID: "alice"})}
		for n := range slices.Max(known) {
			name := fmt.Sprint("Corp-", n)
			made := wiretest.Must(s.IAM().CreateSAMLProvider(t.Context(), &iamclient.CreateSAMLProviderInput{
				Name: &name, SAMLMetadataDocument: &metadata,
			}))(t)
			m.arns = append(m.arns, *made.SAMLProviderArn)
		}

		for _, n := range known {
			pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = m.arns[:n] })
			m.pools = append(m.pools, pool)
			for _, arn := range m.arns[:n] {
				m.want = append(m.want, pool+" "+arn)
			}
		}
		slices.Sort(m.want)
		test(t, m)
	}, noRates)
}

// ask returns the results of one page, and whether there are more: then in has the token for the next.
func (m manyProviders) ask(t *testing.T, in map[string]any) (results []string, more bool) {
	t.Helper()
	got := decoded[explained](t, m.AdminCall(t, "ExplainToken", encoded(t, in)))
	for _, r := range got.Results {
		results = append(results, r.IdentityPoolId+" "+r.ProviderName)
	}
	if got.NextToken != nil {
		in["NextToken"] = *got.NextToken
	}

	return results, got.NextToken != nil
}

// TestExplainTokenIsBounded asks about pools of which some have more providers that know the issuer than an answer
// has results. Each makes the server read the response again. All answers are full but the last.
func TestExplainTokenIsBounded(t *testing.T) {
	eachManyProviders(t, []int{19, 100, 1, 41}, func(t *testing.T, m manyProviders) {
		for name, in := range map[string]map[string]any{
			"all":   {"SamlResponse": m.response},
			"named": {"SamlResponse": m.response, "IdentityPoolIds": m.pools},
		} {
			t.Run(name, func(t *testing.T) {
				var all []string
				for more := true; more; {
					var page []string
					page, more = m.ask(t, in)
					if len(page) > 20 || more && len(page) < 20 {
						t.Errorf("an answer has %d results, and there are more: %t", len(page), more)
					}
					all = append(all, page...)
				}
				if slices.Sort(all); !slices.Equal(all, m.want) {
					t.Errorf("%d results, want these %d: %q", len(all), len(m.want), all)
				}
			})
		}

		// The page token of some pools is not one of others.
		named := map[string]any{"SamlResponse": m.response, "IdentityPoolIds": m.pools}
		if _, more := m.ask(t, named); !more {
			t.Fatal("there is one page only")
		}
		named["IdentityPoolIds"] = m.pools[1:]
		if got := m.AdminCall(t, "ExplainToken", encoded(t, named)); got.Status != 400 {
			t.Errorf("with a token of other pools: %d %s", got.Status, got.Body)
		}
	})
}

// TestExplainTokenGoesOnAfterChanges changes a pool between two pages of which the first ended within it.
func TestExplainTokenGoesOnAfterChanges(t *testing.T) {
	// update gives the only pool other providers.
	update := func(t *testing.T, m manyProviders, arns []string) {
		t.Helper()
		pool := wiretest.Must(m.Admin().DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{
			IdentityPoolId: &m.pools[0],
		}))(t)
		wiretest.Must(m.Admin().UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
			IdentityPoolId:                 &m.pools[0],
			IdentityPoolName:               pool.IdentityPoolName,
			AllowUnauthenticatedIdentities: pool.AllowUnauthenticatedIdentities,
			SamlProviderARNs:               arns,
		}))(t)
	}

	for name, change := range map[string]func(t *testing.T, m manyProviders, seen []string) (left int){
		"the last provider is removed": func(t *testing.T, m manyProviders, seen []string) int {
			last := seen[len(seen)-1][len(m.pools[0])+1:]
			update(t, m, slices.DeleteFunc(slices.Clone(m.arns), func(arn string) bool { return arn == last }))
			return 25
		},
		"the order is another": func(t *testing.T, m manyProviders, _ []string) int {
			arns := slices.Clone(m.arns)
			slices.Reverse(arns)
			update(t, m, arns)

			return 25
		},
		"the pool has no provider any more": func(t *testing.T, m manyProviders, _ []string) int {
			update(t, m, nil)
			return 1 // for the turn of the pools that do not know the issuer
		},
		"the pool is deleted": func(t *testing.T, m manyProviders, _ []string) int {
			wiretest.Must(m.Admin().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{
				IdentityPoolId: &m.pools[0],
			}))(t)
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachManyProviders(t, []int{45}, func(t *testing.T, m manyProviders) {
				in := map[string]any{"SamlResponse": m.response}
				seen, more := m.ask(t, in)
				if len(seen) != 20 || !more {
					t.Fatalf("the first answer has %d results, and there are more: %t", len(seen), more)
				}

				left := change(t, m, seen)
				for page := []string(nil); more; {
					page, more = m.ask(t, in)
					seen, left = append(seen, page...), left-len(page)
				}
				slices.Sort(seen)
				if twice := len(seen) - len(slices.Compact(seen)); left != 0 || twice != 0 {
					t.Errorf("%d results are missing, %d are there twice", left, twice)
				}
			})
		})
	}
}
