package cognitoidentity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// fullPool sets every member of the API.
func fullPool() *ci.CreateIdentityPoolInput {
	return &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("My pool +=,.@-_1"),
		AllowUnauthenticatedIdentities: true,
		AllowClassicFlow:               aws.Bool(false),
		SupportedLoginProviders: map[string]string{"graph.facebook.com": "112177216992379",
			"api.twitter.com": "key;secret"},
		DeveloperProviderName:     aws.String("login.mycompany.myapp"),
		OpenIdConnectProviderARNs: []string{"arn:aws:iam::000000000000:oidc-provider/idp.example/path"},
		CognitoIdentityProviders: []types.CognitoIdentityProvider{
			{ProviderName: aws.String("cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"),
				ClientId: aws.String("client1"), ServerSideTokenCheck: aws.Bool(true)},
			{ProviderName: aws.String("cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"),
				ClientId: aws.String("client2"), ServerSideTokenCheck: aws.Bool(false)},
		},
		SamlProviderARNs: []string{"arn:aws:iam::000000000000:saml-provider/corp"},
		IdentityPoolTags: map[string]string{"team": "a", "empty": ""},
	}
}

var ignoreMetadata = cmpopts.IgnoreFields(ci.DescribeIdentityPoolOutput{}, "ResultMetadata")

func TestCreateIdentityPoolEchoesEverything(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		in := fullPool()
		created := wiretest.Must(s.Admin().CreateIdentityPool(t.Context(), in))(t)
		want := &ci.DescribeIdentityPoolOutput{
			IdentityPoolId: created.IdentityPoolId, IdentityPoolName: in.IdentityPoolName,
			AllowUnauthenticatedIdentities: true,
			AllowClassicFlow:               in.AllowClassicFlow, SupportedLoginProviders: in.SupportedLoginProviders,
			DeveloperProviderName:     in.DeveloperProviderName,
			OpenIdConnectProviderARNs: in.OpenIdConnectProviderARNs,
			CognitoIdentityProviders:  in.CognitoIdentityProviders,
			SamlProviderARNs:          in.SamlProviderARNs, IdentityPoolTags: in.IdentityPoolTags}

		got := wiretest.Must(s.Admin().DescribeIdentityPool(t.Context(),
			&ci.DescribeIdentityPoolInput{IdentityPoolId: created.IdentityPoolId}))(t)
		if diff := cmp.Diff(want, got, ignoreMetadata,
			cmpopts.IgnoreUnexported(types.CognitoIdentityProvider{}, ci.DescribeIdentityPoolOutput{})); diff != "" {
			t.Errorf("described pool (-want +got):\n%s", diff)
		}

		again := wiretest.Must(s.Admin().CreateIdentityPool(t.Context(), in))(t)
		if *again.IdentityPoolId == *created.IdentityPoolId {
			t.Error("a second create answered the same pool")
		}
	})
}

// What was not given is absent, not empty or null, except for the tags.
func TestCreateIdentityPoolMinimal(t *testing.T) {
	s := wiretest.Start(t)
	got := s.Raw(t, "CreateIdentityPool", `{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":false}`, true)
	var id string
	if _, err := fmt.Sscanf(got.Body, `{"IdentityPoolId":%q`, &id); err != nil {
		t.Fatalf("%v in %s", err, got.Body)
	}

	wiretest.Equal(t, "body", got.Body,
		`{"IdentityPoolId":"`+
			id+`","IdentityPoolName":"p","AllowUnauthenticatedIdentities":false,"IdentityPoolTags":{}}`)
}

func TestCreateIdentityPoolRefusals(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.Limits.UserPoolProviders = 2 })
	userPool := func(name, client string) types.CognitoIdentityProvider {
		return types.CognitoIdentityProvider{ProviderName: &name, ClientId: &client}
	}

	const name = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"
	for title, test := range map[string]struct {
		change        func(*ci.CreateIdentityPoolInput)
		code, message string
	}{
		"bad name": {func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolName = aws.String("a!b") },
			"ValidationException",
			`1 validation error detected: Value 'a!b' at 'identityPoolName' failed to satisfy constraint: Member ` +
				`must satisfy regular expression pattern: [\w\s+=,.@-]+`},
		"user pool without name": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{ClientId: aws.String("c")}}
		}, "InvalidParameterException", "Invalid Cognito Identity Provider"},
		"user pool of another form": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool("us-east-1_AbCdEf", "c")}
		}, "InvalidParameterException", "Invalid Cognito Identity Provider"},
		"user pool behind a look-alike host": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool(
				"cognito-idp.us-east-1.amazonaws.com.evil.example/us-east-1_A", "c")}
		}, "InvalidParameterException", "Invalid Cognito Identity Provider"},
		"user pool twice": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool(name, "c"), userPool(name, "c")}
		}, "InvalidParameterException", ""},
		"too many user pools": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool(name, "a"), userPool(name, "b"),
				userPool(name, "c")}
		}, "LimitExceededException", ""},
		"SAML provider as OIDC provider": {func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs = []string{"arn:aws:iam::000000000000:saml-provider/corp"}
		}, "InvalidParameterException", ""},
		"not an ARN": {func(
			in *ci.CreateIdentityPoolInput) {
			in.SamlProviderARNs = []string{"corp-corp-corp-corp-corp"}
		},
			"NotAuthorizedException",
			"Identity provider corp-corp-corp-corp-corp is not valid for account 000000000000"},
		"developer provider with a public name": {func(in *ci.CreateIdentityPoolInput) {
			in.SupportedLoginProviders, in.DeveloperProviderName = map[string]string{"graph.facebook.com": "1"},
				aws.String("graph.facebook.com")
		}, "InvalidParameterException", ""},
		"developer provider with our own name": {func(in *ci.CreateIdentityPoolInput) {
			in.DeveloperProviderName = aws.String("cognito-identity.amazonaws.com")
		}, "InvalidParameterException", ""},
		"reserved tag": {func(
			in *ci.CreateIdentityPoolInput) {
			in.IdentityPoolTags = map[string]string{"aws:x": "y"}
		}, "InvalidParameterException", ""},
	} {
		t.Run(title, func(t *testing.T) {
			in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}
			test.change(in)
			_, err := s.Admin().CreateIdentityPool(t.Context(), in)
			wiretest.WantError(t, err, test.code, test.message)
		})
	}

	list := wiretest.Must(s.Admin().ListIdentityPools(t.Context(),
		&ci.ListIdentityPoolsInput{MaxResults: aws.Int32(60)}))(t)
	wiretest.Equal(t, "pools left by refusals", len(list.IdentityPools), 0)
}

// An update replaces everything but the developer provider and the tags.
func TestUpdateIdentityPool(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := wiretest.Must(s.Admin().CreateIdentityPool(t.Context(), fullPool()))(t)
		update := func(change func(*ci.UpdateIdentityPoolInput)) (*ci.UpdateIdentityPoolOutput, error) {
			in := &ci.UpdateIdentityPoolInput{IdentityPoolId: pool.IdentityPoolId,
				IdentityPoolName: aws.String("renamed")}
			change(in)
			return s.Admin().UpdateIdentityPool(t.Context(), in)
		}

		out := wiretest.Must(update(func(*ci.UpdateIdentityPoolInput) {}))(t)
		wiretest.Equal(t, "name", *out.IdentityPoolName, "renamed")
		wiretest.Equal(t, "guests", out.AllowUnauthenticatedIdentities, false)
		wiretest.Equal(t, "classic flow is absent", out.AllowClassicFlow == nil, true)
		wiretest.Equal(t, "providers left",
			len(out.SupportedLoginProviders)+len(out.OpenIdConnectProviderARNs)+len(out.CognitoIdentityProviders)+
				len(out.SamlProviderARNs), 0)
		wiretest.Equal(t, "developer provider kept", *out.DeveloperProviderName, "login.mycompany.myapp")
		wiretest.Equal(t, "tags kept", len(out.IdentityPoolTags), 2)

		_, err := update(func(in *ci.UpdateIdentityPoolInput) { in.DeveloperProviderName = aws.String("other") })
		wiretest.WantError(t, err, "InvalidParameterException", "")
		wiretest.Must(
			update(
				func(
					in *ci.UpdateIdentityPoolInput) {
					in.DeveloperProviderName = aws.String("login.mycompany.myapp")
				}))(t)

		out = wiretest.Must(
			update(func(in *ci.UpdateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{} }))(t)
		wiretest.Equal(t, "tags cleared", len(out.IdentityPoolTags), 0)

		bare := wiretest.Must(s.Admin().CreateIdentityPool(t.Context(),
			&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("bare")}))(t)
		set := wiretest.Must(s.Admin().UpdateIdentityPool(t.Context(),
			&ci.UpdateIdentityPoolInput{IdentityPoolId: bare.IdentityPoolId,
				IdentityPoolName: aws.String("bare"), DeveloperProviderName: aws.String("set.later")}))(t)
		wiretest.Equal(t, "developer provider set later", *set.DeveloperProviderName, "set.later")

		_, err = s.Admin().UpdateIdentityPool(t.Context(),
			&ci.UpdateIdentityPoolInput{IdentityPoolId: aws.String("us-east-1:00000000-0000-4000-8000-000000000000"),
				IdentityPoolName: aws.String("x")})
		wiretest.WantError(t, err, "ResourceNotFoundException",
			"IdentityPool 'us-east-1:00000000-0000-4000-8000-000000000000' not found.")
	})
}

func TestDeleteIdentityPool(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		guest := s.GetID(t, pool, nil)
		wiretest.Must(s.Admin().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &pool}))(t)
		_, err := s.Admin().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &pool})
		wiretest.WantError(t, err, "ResourceNotFoundException", "IdentityPool '"+pool+"' not found.")
		_, err = s.Public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool})
		wiretest.WantError(t, err, "ResourceNotFoundException", "IdentityPool '"+pool+"' not found.")

		_, err = s.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &guest})
		wiretest.WantError(t, err, "ResourceNotFoundException", "Identity '"+guest+"' not found.")
	})
}

func TestListIdentityPools(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		want := map[string]bool{}
		for i := range 7 {
			pool := wiretest.Must(s.Admin().CreateIdentityPool(t.Context(),
				&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String(fmt.Sprint("p", i))}))(t)
			want[*pool.IdentityPoolId] = true
		}

		pages := ci.NewListIdentityPoolsPaginator(s.Admin(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(3)})
		var token string
		count := 0
		for pages.HasMorePages() {
			page := wiretest.Must(pages.NextPage(t.Context()))(t)
			count++
			if page.NextToken != nil {
				token = *page.NextToken
			}

			for _, p := range page.IdentityPools {
				if !want[*p.IdentityPoolId] {
					t.Errorf("pool %s is listed twice or not ours", *p.IdentityPoolId)
				}
				delete(want, *p.IdentityPoolId)
			}
		}

		wiretest.Equal(t, "pages", count, 3)
		wiretest.Equal(t, "pools not listed", len(want), 0)

		for name, bad := range map[string]string{"garbage": "x", "altered": wiretest.Flip(token)} {
			_, err := s.Admin().ListIdentityPools(t.Context(),
				&ci.ListIdentityPoolsInput{MaxResults: aws.Int32(3), NextToken: &bad})
			if err == nil {
				t.Errorf("%s page token accepted", name)
			} else {
				wiretest.WantError(t, err, "InvalidParameterException", "")
			}
		}

		pool := s.NewPool(t)
		_, err := s.Admin().ListIdentities(t.Context(),
			&ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(3), NextToken: &token})
		wiretest.WantError(t, err, "InvalidParameterException", "")

		for _, size := range []int32{0, 61, -1} {
			_, err := s.Admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: &size})
			wiretest.WantError(t, err, "ValidationException", "")
		}
	})
}

func TestListIdentitiesPages(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		want := map[string]bool{}
		for range 5 {
			want[s.GetID(t, pool, nil)] = true
		}

		in := &ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(2)}
		for range 3 {
			page := wiretest.Must(s.Admin().ListIdentities(t.Context(), in))(t)
			for _, i := range page.Identities {
				wiretest.Equal(t, "logins of a guest", len(i.Logins), 0)
				wiretest.Equal(t, "dates are set", i.CreationDate != nil && i.LastModifiedDate != nil, true)
				delete(want, *i.IdentityId)
			}
			in.NextToken = page.NextToken
		}

		wiretest.Equal(t, "identities not listed", len(want), 0)
		wiretest.Equal(t, "more pages", in.NextToken == nil, true)
	})
}

func TestPoolLimit(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.Limits.Pools = 2 })
	for range 2 {
		s.NewPool(t)
	}
	_, err := s.Admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")})
	wiretest.WantError(t, err, "LimitExceededException", "")
}

func TestPinnedPoolID(t *testing.T) {
	s := wiretest.Start(t)
	const id = "us-east-1:11111111-2222-3333-4444-555555555555"
	create := func(id string) (*ci.CreateIdentityPoolOutput, error) {
		return s.Admin().CreateIdentityPool(t.Context(),
			&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
				IdentityPoolTags: map[string]string{"_custom_id_": id}})
	}
	wiretest.Equal(t, "pool ID", *wiretest.Must(create(id))(t).IdentityPoolId, id)

	_, err := create(id)
	wiretest.WantError(t, err, "ResourceConflictException", "")
	local := s.SignedBy("local", "test", "test", "")
	const localID = "local:11111111-2222-3333-4444-555555555555"
	pinned := wiretest.Must(local.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"),
			IdentityPoolTags: map[string]string{"_custom_id_": localID}}))(t)
	wiretest.Equal(t, "pool ID of a region of one's own", *pinned.IdentityPoolId, localID)

	for _, bad := range []string{"mine", "eu-west-1:11111111-2222-3333-4444-555555555555", strings.ToUpper(id)} {
		_, err := create(bad)
		wiretest.WantError(t, err, "InvalidParameterException", "")
	}
}

func TestTags(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + pool
		tag := func(tags map[string]string) error {
			_, err := s.Admin().TagResource(t.Context(), &ci.TagResourceInput{ResourceArn: &arn, Tags: tags})
			return err
		}

		list := func() string {
			return fmt.Sprint(wiretest.Must(s.Admin().ListTagsForResource(t.Context(),
				&ci.ListTagsForResourceInput{ResourceArn: &arn}))(t).Tags)
		}
		wiretest.Equal(t, "tags", list(), "map[]")

		for _, tags := range []map[string]string{{"a": "1", "b": "2"}, {"b": "3", "c": ""}} {
			if err := tag(tags); err != nil {
				t.Fatal(err)
			}
		}
		wiretest.Equal(t, "tags", list(), "map[a:1 b:3 c:]")
		wiretest.Must(s.Admin().UntagResource(t.Context(),
			&ci.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a", "missing"}}))(t)
		wiretest.Equal(t, "tags", list(), "map[b:3 c:]")

		many := map[string]string{}
		for i := range 49 {
			many[fmt.Sprint("k", i)] = "v"
		}
		wiretest.WantError(t, tag(many), "InvalidParameterException", "")
		wiretest.WantError(t, tag(map[string]string{"aws:reserved": "x"}), "InvalidParameterException", "")
		wiretest.WantError(t, tag(map[string]string{"a<b": "x"}), "InvalidParameterException", "")
		wiretest.Equal(t, "tags after refusals", list(), "map[b:3 c:]")

		_, err := s.Admin().ListTagsForResource(t.Context(), &ci.ListTagsForResourceInput{ResourceArn: &pool})
		wiretest.WantError(t, err, "InvalidParameterException", "")
		other := strings.Replace(arn, "000000000000", "111111111111", 1)

		_, err = s.Admin().ListTagsForResource(t.Context(), &ci.ListTagsForResourceInput{ResourceArn: &other})
		wiretest.WantError(t, err, "AccessDeniedException",
			"User: arn:aws:iam::000000000000:root is not authorized to "+
				"perform: cognito-identity:ListTagsForResource on resource: "+other)
	})
}

func TestPrincipalTagMaps(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool, provider := s.NewPool(t), wiretest.DevInfo(s).LoginKey
		get := func() *ci.GetPrincipalTagAttributeMapOutput {
			return wiretest.Must(s.Admin().GetPrincipalTagAttributeMap(t.Context(),
				&ci.GetPrincipalTagAttributeMapInput{IdentityPoolId: &pool, IdentityProviderName: &provider}))(t)
		}
		set := func(defaults bool, tags map[string]string) error {
			_, err := s.Admin().SetPrincipalTagAttributeMap(t.Context(),
				&ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: &pool, IdentityProviderName: &provider,
					UseDefaults: aws.Bool(defaults), PrincipalTags: tags})
			return err
		}

		if err := set(false, map[string]string{"department": "dept"}); err != nil {
			t.Fatal(err)
		}
		wiretest.Equal(t, "map", fmt.Sprint(*get().UseDefaults, get().PrincipalTags), "false map[department:dept]")
		if err := set(true, map[string]string{}); err != nil {
			t.Fatal(err)
		}

		wiretest.Equal(t, "map", fmt.Sprint(*get().UseDefaults, get().PrincipalTags), "true map[]")
		wiretest.WantError(t,
			set(false, map[string]string{strings.Repeat("k", 128): strings.Repeat("v", 256),
				strings.Repeat("l", 77): "x"}), "InvalidParameterException", "")
		wiretest.WantError(t, set(false, map[string]string{"aws:x": "y"}), "InvalidParameterException", "")
	})
}
