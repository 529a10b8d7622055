package adminapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

type tagMaps struct {
	PrincipalTagMaps []struct {
		IdentityProviderName string
		UseDefaults          bool
		PrincipalTags        map[string]string
	}
	NextToken *string
}

func (m tagMaps) String() string { return fmt.Sprint(m.PrincipalTagMaps) }

// ListPrincipalTagMaps lists every map that was set, and refuses nothing that was not.
func TestListPrincipalTagMaps(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		const saml = "arn:aws:iam::" + wiretest.HomeAccount + ":saml-provider/corp"
		members := &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String("tagged"),
			SupportedLoginProviders: map[string]string{
				"accounts.google.com": "app.apps.googleusercontent.com",
				"www.amazon.com":      "amzn1.application-oa2-client.a",
				"graph.facebook.com":  "1",
			},
			SamlProviderARNs: []string{saml},
			IdentityPoolTags: map[string]string{"team": "b"},
		}
		made := wiretest.Must(w.Pools(wiretest.HomeAccount).CreateIdentityPool(t.Context(), members))(t)
		pool := *made.IdentityPoolId
		foreign, _ := makePool(t, w, neighbour, "foreign", 0)
		list := func(more string) tagMaps {
			t.Helper()
			return administer[tagMaps](t, w, wiretest.HomeAccount, "ListPrincipalTagMaps",
				`{"IdentityPoolId":"`+pool+`"`+more+`}`)
		}
		wiretest.Equal(t, "of a pool that has none",
			w.Administer(t, wiretest.HomeAccount, "ListPrincipalTagMaps", `{"IdentityPoolId":"`+pool+`"}`).Body,
			`{"PrincipalTagMaps":[]}`)

		for provider, tags := range map[string]map[string]string{
			"accounts.google.com": {"team": "hd", "user": "sub"}, "www.amazon.com": nil, saml: {},
		} {
			wiretest.Must(w.Pools(wiretest.HomeAccount).SetPrincipalTagAttributeMap(t.Context(),
				&ci.SetPrincipalTagAttributeMapInput{
					IdentityPoolId:       &pool,
					IdentityProviderName: &provider,
					PrincipalTags:        tags,
					UseDefaults:          aws.Bool(provider == saml),
				}))(t)
		}
		want := "[{accounts.google.com false map[team:hd user:sub]} {" + saml + " true map[]} " +
			"{www.amazon.com false map[]}]"
		wiretest.Equal(t, "maps", list("").String(), want)

		var paged []string
		for more := `,"MaxResults":1`; ; {
			page := list(more)
			paged = append(paged, strings.Trim(page.String(), "[]"))
			if page.NextToken == nil {
				break
			}
			more = `,"MaxResults":1,"NextToken":"` + *page.NextToken + `"`
			wantRefusals(t, w, "ListPrincipalTagMaps", map[string]string{
				`{"IdentityPoolId":"` + foreign + `"` + more + `}`: "InvalidParameterException",
			})
		}
		wiretest.Equal(t, "maps on pages of one", "["+strings.Join(paged, " ")+"]", want)

		// A provider that left keeps its map, which comes into force when it comes back.
		wiretest.Must(w.Pools(wiretest.HomeAccount).UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
			IdentityPoolId:   &pool,
			IdentityPoolName: members.IdentityPoolName,
			IdentityPoolTags: members.IdentityPoolTags,
		}))(t)
		wiretest.Equal(t, "maps of providers that left", list("").String(), want)

		wantTagMapRefusals(t, w, pool, foreign)
	})
}

func wantTagMapRefusals(t *testing.T, w *wiretest.Accounts, pool, foreign string) {
	t.Helper()
	const missing = "ResourceNotFoundException"
	wantRefusals(t, w, "ListPrincipalTagMaps", map[string]string{
		`{}`: "ValidationException",
		`{"IdentityPoolId":"` + pool + `","MaxResults":0}`:                            "ValidationException",
		`{"IdentityPoolId":"` + pool + `","MaxResults":51}`:                           "ValidationException",
		`{"IdentityPoolId":"` + strings.Repeat("a", 56) + `"}`:                        "ValidationException",
		`{"IdentityPoolId":"` + pool + `","NextToken":"none"}`:                        "InvalidParameterException",
		`{"IdentityPoolId":7}`:                                                        "SerializationException",
		`{"IdentityPoolId":"` + foreign + `"}`:                                        missing,
		`{"IdentityPoolId":"` + foreign[:len(foreign)-4] + `0000"}`:                   missing,
		`{"IdentityPoolId":"eu-west-1` + strings.TrimPrefix(pool, "us-east-1") + `"}`: missing,
	})
	wantPermission(t, w, "ListPrincipalTagMaps", `{"IdentityPoolId":"`+pool+`"}`)
}
