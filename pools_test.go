package poolhouse_test

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
)

// fullPool sets every member of the API.
func fullPool() *ci.CreateIdentityPoolInput {
	return &ci.CreateIdentityPoolInput{
		IdentityPoolName:               aws.String("My pool +=,.@-_1"),
		AllowUnauthenticatedIdentities: true,
		AllowClassicFlow:               aws.Bool(false),
		SupportedLoginProviders:        map[string]string{"graph.facebook.com": "112177216992379", "api.twitter.com": "key;secret"},
		DeveloperProviderName:          aws.String("login.mycompany.myapp"),
		OpenIdConnectProviderARNs:      []string{"arn:aws:iam::000000000000:oidc-provider/idp.example/path"},
		CognitoIdentityProviders: []types.CognitoIdentityProvider{
			{ProviderName: aws.String("cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"), ClientId: aws.String("client1"), ServerSideTokenCheck: aws.Bool(true)},
			{ProviderName: aws.String("cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"), ClientId: aws.String("client2"), ServerSideTokenCheck: aws.Bool(false)},
		},
		SamlProviderARNs: []string{"arn:aws:iam::000000000000:saml-provider/corp"},
		IdentityPoolTags: map[string]string{"team": "a", "empty": ""},
	}
}

var ignoreMetadata = cmpopts.IgnoreFields(ci.DescribeIdentityPoolOutput{}, "ResultMetadata")

func TestCreateIdentityPoolEchoesEverything(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		in := fullPool()
		created := must(s.admin().CreateIdentityPool(t.Context(), in))(t)
		want := &ci.DescribeIdentityPoolOutput{
			IdentityPoolId: created.IdentityPoolId, IdentityPoolName: in.IdentityPoolName, AllowUnauthenticatedIdentities: true,
			AllowClassicFlow: in.AllowClassicFlow, SupportedLoginProviders: in.SupportedLoginProviders, DeveloperProviderName: in.DeveloperProviderName,
			OpenIdConnectProviderARNs: in.OpenIdConnectProviderARNs, CognitoIdentityProviders: in.CognitoIdentityProviders,
			SamlProviderARNs: in.SamlProviderARNs, IdentityPoolTags: in.IdentityPoolTags}
		got := must(s.admin().DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: created.IdentityPoolId}))(t)
		if diff := cmp.Diff(want, got, ignoreMetadata, cmpopts.IgnoreUnexported(types.CognitoIdentityProvider{}, ci.DescribeIdentityPoolOutput{})); diff != "" {
			t.Errorf("described pool (-want +got):\n%s", diff)
		}
		again := must(s.admin().CreateIdentityPool(t.Context(), in))(t)
		if *again.IdentityPoolId == *created.IdentityPoolId {
			t.Error("a second create answered the same pool")
		}
	})
}

// What was not given is absent, not empty or null, except for the tags.
func TestCreateIdentityPoolMinimal(t *testing.T) {
	s := start(t)
	got := s.raw(t, "CreateIdentityPool", `{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":false}`, true)
	var id string
	if _, err := fmt.Sscanf(got.body, `{"IdentityPoolId":%q`, &id); err != nil {
		t.Fatalf("%v in %s", err, got.body)
	}
	equal(t, "body", got.body, `{"IdentityPoolId":"`+id+`","IdentityPoolName":"p","AllowUnauthenticatedIdentities":false,"IdentityPoolTags":{}}`)
}

func TestCreateIdentityPoolRefusals(t *testing.T) {
	s := start(t, func(c *poolhouse.Config) { c.Limits.UserPoolProviders = 2 })
	userPool := func(name, client string) types.CognitoIdentityProvider {
		return types.CognitoIdentityProvider{ProviderName: &name, ClientId: &client}
	}
	const name = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf"
	for title, test := range map[string]struct {
		change        func(*ci.CreateIdentityPoolInput)
		code, message string
	}{
		"bad name": {func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolName = aws.String("a!b") }, "ValidationException",
			`1 validation error detected: Value 'a!b' at 'identityPoolName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w\s+=,.@-]+`},
		"user pool without name": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{ClientId: aws.String("c")}}
		}, "InvalidParameterException", "Invalid Cognito Identity Provider"},
		"user pool of another form": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool("us-east-1_AbCdEf", "c")}
		}, "InvalidParameterException", "Invalid Cognito Identity Provider"},
		"user pool behind a look-alike host": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool("cognito-idp.us-east-1.amazonaws.com.evil.example/us-east-1_A", "c")}
		}, "InvalidParameterException", "Invalid Cognito Identity Provider"},
		"user pool twice": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool(name, "c"), userPool(name, "c")}
		}, "InvalidParameterException", ""},
		"too many user pools": {func(in *ci.CreateIdentityPoolInput) {
			in.CognitoIdentityProviders = []types.CognitoIdentityProvider{userPool(name, "a"), userPool(name, "b"), userPool(name, "c")}
		}, "LimitExceededException", ""},
		"SAML provider as OIDC provider": {func(in *ci.CreateIdentityPoolInput) {
			in.OpenIdConnectProviderARNs = []string{"arn:aws:iam::000000000000:saml-provider/corp"}
		}, "InvalidParameterException", ""},
		"not an ARN": {func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{"corp-corp-corp-corp-corp"} },
			"NotAuthorizedException", "Identity provider corp-corp-corp-corp-corp is not valid for account 000000000000"},
		"developer provider with a public name": {func(in *ci.CreateIdentityPoolInput) {
			in.SupportedLoginProviders, in.DeveloperProviderName = map[string]string{"graph.facebook.com": "1"}, aws.String("graph.facebook.com")
		}, "InvalidParameterException", ""},
		"developer provider with our own name": {func(in *ci.CreateIdentityPoolInput) {
			in.DeveloperProviderName = aws.String("cognito-identity.amazonaws.com")
		}, "InvalidParameterException", ""},
		"reserved tag": {func(in *ci.CreateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{"aws:x": "y"} }, "InvalidParameterException", ""},
	} {
		t.Run(title, func(t *testing.T) {
			in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}
			test.change(in)
			_, err := s.admin().CreateIdentityPool(t.Context(), in)
			wantError(t, err, test.code, test.message)
		})
	}
	list := must(s.admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(60)}))(t)
	equal(t, "pools left by refusals", len(list.IdentityPools), 0)
}

// An update replaces everything but the developer provider and the tags.
func TestUpdateIdentityPool(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool := must(s.admin().CreateIdentityPool(t.Context(), fullPool()))(t)
		update := func(change func(*ci.UpdateIdentityPoolInput)) (*ci.UpdateIdentityPoolOutput, error) {
			in := &ci.UpdateIdentityPoolInput{IdentityPoolId: pool.IdentityPoolId, IdentityPoolName: aws.String("renamed")}
			change(in)
			return s.admin().UpdateIdentityPool(t.Context(), in)
		}
		out := must(update(func(*ci.UpdateIdentityPoolInput) {}))(t)
		equal(t, "name", *out.IdentityPoolName, "renamed")
		equal(t, "guests", out.AllowUnauthenticatedIdentities, false)
		equal(t, "classic flow is absent", out.AllowClassicFlow == nil, true)
		equal(t, "providers left", len(out.SupportedLoginProviders)+len(out.OpenIdConnectProviderARNs)+len(out.CognitoIdentityProviders)+len(out.SamlProviderARNs), 0)
		equal(t, "developer provider kept", *out.DeveloperProviderName, "login.mycompany.myapp")
		equal(t, "tags kept", len(out.IdentityPoolTags), 2)

		_, err := update(func(in *ci.UpdateIdentityPoolInput) { in.DeveloperProviderName = aws.String("other") })
		wantError(t, err, "InvalidParameterException", "")
		must(update(func(in *ci.UpdateIdentityPoolInput) { in.DeveloperProviderName = aws.String("login.mycompany.myapp") }))(t)
		out = must(update(func(in *ci.UpdateIdentityPoolInput) { in.IdentityPoolTags = map[string]string{} }))(t)
		equal(t, "tags cleared", len(out.IdentityPoolTags), 0)

		bare := must(s.admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("bare")}))(t)
		set := must(s.admin().UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{IdentityPoolId: bare.IdentityPoolId,
			IdentityPoolName: aws.String("bare"), DeveloperProviderName: aws.String("set.later")}))(t)
		equal(t, "developer provider set later", *set.DeveloperProviderName, "set.later")
		_, err = s.admin().UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{IdentityPoolId: aws.String("us-east-1:00000000-0000-4000-8000-000000000000"), IdentityPoolName: aws.String("x")})
		wantError(t, err, "ResourceNotFoundException", "IdentityPool 'us-east-1:00000000-0000-4000-8000-000000000000' not found.")
	})
}

func TestDeleteIdentityPool(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool := s.newPool(t)
		guest := s.getID(t, pool, nil)
		must(s.admin().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &pool}))(t)
		_, err := s.admin().DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &pool})
		wantError(t, err, "ResourceNotFoundException", "IdentityPool '"+pool+"' not found.")
		_, err = s.public().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool})
		wantError(t, err, "ResourceNotFoundException", "IdentityPool '"+pool+"' not found.")
		_, err = s.public().GetCredentialsForIdentity(t.Context(), &ci.GetCredentialsForIdentityInput{IdentityId: &guest})
		wantError(t, err, "ResourceNotFoundException", "Identity '"+guest+"' not found.")
	})
}

func TestListIdentityPools(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		want := map[string]bool{}
		for i := range 7 {
			pool := must(s.admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String(fmt.Sprint("p", i))}))(t)
			want[*pool.IdentityPoolId] = true
		}
		pages := ci.NewListIdentityPoolsPaginator(s.admin(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(3)})
		var token string
		count := 0
		for pages.HasMorePages() {
			page := must(pages.NextPage(t.Context()))(t)
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
		equal(t, "pages", count, 3)
		equal(t, "pools not listed", len(want), 0)

		for name, bad := range map[string]string{"garbage": "x", "altered": flip(token)} {
			_, err := s.admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(3), NextToken: &bad})
			if err == nil {
				t.Errorf("%s page token accepted", name)
			} else {
				wantError(t, err, "InvalidParameterException", "")
			}
		}
		pool := s.newPool(t)
		_, err := s.admin().ListIdentities(t.Context(), &ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(3), NextToken: &token})
		wantError(t, err, "InvalidParameterException", "")
		for _, size := range []int32{0, 61, -1} {
			_, err := s.admin().ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: &size})
			wantError(t, err, "ValidationException", "")
		}
	})
}

func TestListIdentitiesPages(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool := s.newPool(t)
		want := map[string]bool{}
		for range 5 {
			want[s.getID(t, pool, nil)] = true
		}
		in := &ci.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(2)}
		for range 3 {
			page := must(s.admin().ListIdentities(t.Context(), in))(t)
			for _, i := range page.Identities {
				equal(t, "logins of a guest", len(i.Logins), 0)
				equal(t, "dates are set", i.CreationDate != nil && i.LastModifiedDate != nil, true)
				delete(want, *i.IdentityId)
			}
			in.NextToken = page.NextToken
		}
		equal(t, "identities not listed", len(want), 0)
		equal(t, "more pages", in.NextToken == nil, true)
	})
}

func TestPoolLimit(t *testing.T) {
	s := start(t, func(c *poolhouse.Config) { c.Limits.Pools = 2 })
	for range 2 {
		s.newPool(t)
	}
	_, err := s.admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")})
	wantError(t, err, "LimitExceededException", "")
}

func TestPinnedPoolID(t *testing.T) {
	s := start(t)
	const id = "us-east-1:11111111-2222-3333-4444-555555555555"
	create := func(id string) (*ci.CreateIdentityPoolOutput, error) {
		return s.admin().CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), IdentityPoolTags: map[string]string{"_custom_id_": id}})
	}
	equal(t, "pool ID", *must(create(id))(t).IdentityPoolId, id)
	_, err := create(id)
	wantError(t, err, "ResourceConflictException", "")
	local := s.signedBy("local", "test", "test", "")
	const localID = "local:11111111-2222-3333-4444-555555555555"
	pinned := must(local.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p"), IdentityPoolTags: map[string]string{"_custom_id_": localID}}))(t)
	equal(t, "pool ID of a region of one's own", *pinned.IdentityPoolId, localID)
	for _, bad := range []string{"mine", "eu-west-1:11111111-2222-3333-4444-555555555555", strings.ToUpper(id)} {
		_, err := create(bad)
		wantError(t, err, "InvalidParameterException", "")
	}
}

func TestTags(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool := s.newPool(t)
		arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + pool
		tag := func(tags map[string]string) error {
			_, err := s.admin().TagResource(t.Context(), &ci.TagResourceInput{ResourceArn: &arn, Tags: tags})
			return err
		}
		list := func() string {
			return fmt.Sprint(must(s.admin().ListTagsForResource(t.Context(), &ci.ListTagsForResourceInput{ResourceArn: &arn}))(t).Tags)
		}
		equal(t, "tags", list(), "map[]")
		for _, tags := range []map[string]string{{"a": "1", "b": "2"}, {"b": "3", "c": ""}} {
			if err := tag(tags); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "tags", list(), "map[a:1 b:3 c:]")
		must(s.admin().UntagResource(t.Context(), &ci.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a", "missing"}}))(t)
		equal(t, "tags", list(), "map[b:3 c:]")

		many := map[string]string{}
		for i := range 49 {
			many[fmt.Sprint("k", i)] = "v"
		}
		wantError(t, tag(many), "InvalidParameterException", "")
		wantError(t, tag(map[string]string{"aws:reserved": "x"}), "InvalidParameterException", "")
		wantError(t, tag(map[string]string{"a<b": "x"}), "InvalidParameterException", "")
		equal(t, "tags after refusals", list(), "map[b:3 c:]")
		_, err := s.admin().ListTagsForResource(t.Context(), &ci.ListTagsForResourceInput{ResourceArn: &pool})
		wantError(t, err, "InvalidParameterException", "")
		other := strings.Replace(arn, "000000000000", "111111111111", 1)
		_, err = s.admin().ListTagsForResource(t.Context(), &ci.ListTagsForResourceInput{ResourceArn: &other})
		wantError(t, err, "AccessDeniedException", "User: arn:aws:iam::000000000000:root is not authorized to perform: cognito-identity:ListTagsForResource on resource: "+other)
	})
}

func TestPrincipalTagMaps(t *testing.T) {
	eachStore(t, func(t *testing.T, s *testServer) {
		pool, provider := s.newPool(t), devInfo(s).LoginKey
		get := func() *ci.GetPrincipalTagAttributeMapOutput {
			return must(s.admin().GetPrincipalTagAttributeMap(t.Context(), &ci.GetPrincipalTagAttributeMapInput{IdentityPoolId: &pool, IdentityProviderName: &provider}))(t)
		}
		set := func(defaults bool, tags map[string]string) error {
			_, err := s.admin().SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{IdentityPoolId: &pool, IdentityProviderName: &provider,
				UseDefaults: aws.Bool(defaults), PrincipalTags: tags})
			return err
		}
		if err := set(false, map[string]string{"department": "dept"}); err != nil {
			t.Fatal(err)
		}
		equal(t, "map", fmt.Sprint(*get().UseDefaults, get().PrincipalTags), "false map[department:dept]")
		if err := set(true, map[string]string{}); err != nil {
			t.Fatal(err)
		}
		equal(t, "map", fmt.Sprint(*get().UseDefaults, get().PrincipalTags), "true map[]")
		wantError(t, set(false, map[string]string{strings.Repeat("k", 128): strings.Repeat("v", 256), strings.Repeat("l", 77): "x"}), "InvalidParameterException", "")
		wantError(t, set(false, map[string]string{"aws:x": "y"}), "InvalidParameterException", "")
	})
}
