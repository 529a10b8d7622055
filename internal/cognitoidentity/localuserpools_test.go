package cognitoidentity_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	idp "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// home is a development server with one user pool, which its tests trust under a name.
type home struct {
	*wiretest.Server
	users  *idp.Client
	folder string // of the server's data
	traces *wiretest.TraceList
	alias  string // the local name of the user pool
}

const (
	homeID    = "us-east-1_Home"
	homeAtAWS = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Home"
)

func startHome(t *testing.T, change ...func(*poolhouse.Config)) *home {
	t.Helper()
	h := &home{folder: t.TempDir(), traces: &wiretest.TraceList{}}
	h.Server = wiretest.Start(t, append([]func(*poolhouse.Config){
		func(c *poolhouse.Config) { c.DataDir, c.OnTrace = h.folder, h.traces.Add },
	}, change...)...)
	h.alias = strings.TrimPrefix(h.URL, "http://") + "/" + homeID
	h.users = idp.New(idp.Options{
		BaseEndpoint:     &h.URL,
		Region:           wiretest.Region,
		RetryMaxAttempts: 1,
		HTTPClient:       wiretest.Connections,
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	h.newUserPool(t, homeID, nil)

	return h
}

// newUserPool makes a user pool with an ID.
func (h *home) newUserPool(t *testing.T, id string, tags map[string]string) {
	t.Helper()
	all := map[string]string{"_custom_id_": id}
	maps.Copy(all, tags)
	wiretest.Must(h.users.CreateUserPool(t.Context(), &idp.CreateUserPoolInput{
		PoolName:     aws.String("users"),
		UserPoolTags: all,
	}))(t)
}

func (h *home) deleteUserPool(t *testing.T, id string) {
	t.Helper()
	wiretest.Must(h.users.DeleteUserPool(t.Context(), &idp.DeleteUserPoolInput{UserPoolId: &id}))(t)
}

// idToken returns an ID token of a user pool with any claims, also with those that the user pool would
// never write: it signs with the key in the user pool's file.
func (h *home) idToken(t *testing.T, id, client, subject string, claims map[string]any) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.folder, "dev-userpools", id+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Keys []struct {
			ID      string `json:"id"`
			Private []byte `json:"private"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Keys) == 0 {
		t.Fatalf("the file of a user pool has %d keys: %v", len(file.Keys), err)
	}
	private, err := x509.ParsePKCS8PrivateKey(file.Keys[0].Private)
	if err != nil {
		t.Fatal(err)
	}

	all := map[string]any{
		"iss":              h.URL + "/" + id,
		"aud":              client,
		"sub":              subject,
		"token_use":        "id",
		"auth_time":        time.Now().Unix(),
		"cognito:username": subject,
	}
	maps.Copy(all, claims)
	key := logintest.NewKey(t, jose.RS256)
	key.ID, key.Private = file.Keys[0].ID, private.(crypto.Signer)

	return key.Sign(nil, logintest.NewIssuerAt(t, h.URL).Payload(all))
}

// trusting makes an identity pool that trusts the client "web" of a user pool.
func (h *home) trusting(t *testing.T, name string, change ...func(*ci.CreateIdentityPoolInput)) string {
	t.Helper()
	return h.NewPool(t, append([]func(*ci.CreateIdentityPoolInput){func(in *ci.CreateIdentityPoolInput) {
		in.CognitoIdentityProviders = []types.CognitoIdentityProvider{{
			ProviderName: &name,
			ClientId:     aws.String("web"),
		}}
	}}, change...)...)
}

func (h *home) token(t *testing.T, subject string, claims map[string]any) string {
	t.Helper()
	return h.idToken(t, homeID, "web", subject, claims)
}

// Whatever name the pool and the client use, it is one provider with one identity for each user, and
// answers show the name that was given.
func TestLocalUserPoolNames(t *testing.T) {
	h := startHome(t)
	for _, given := range []string{homeAtAWS, h.alias} {
		t.Run(given, func(t *testing.T) {
			pool := h.trusting(t, given)
			description := wiretest.Must(h.Admin().DescribeIdentityPool(t.Context(),
				&ci.DescribeIdentityPoolInput{IdentityPoolId: &pool}))(t)
			wiretest.Equal(t, "name shown", *description.CognitoIdentityProviders[0].ProviderName, given)

			token := h.token(t, "alice", nil)
			user := h.GetID(t, pool, map[string]string{homeAtAWS: token})
			wiretest.Equal(t, "identity by the local name", h.GetID(t, pool, map[string]string{h.alias: token}), user)

			identity := wiretest.Must(h.Admin().DescribeIdentity(t.Context(),
				&ci.DescribeIdentityInput{IdentityId: &user}))(t)
			wiretest.Equal(t, "login", strings.Join(identity.Logins, " "), homeAtAWS)

			_, err := h.Public().GetId(t.Context(), &ci.GetIdInput{
				IdentityPoolId: &pool,
				Logins:         map[string]string{homeAtAWS: token, h.alias: token},
			})
			wiretest.WantError(t, err, "InvalidParameterException", "")

			h.renamePool(t, pool, homeAtAWS, h.alias)
			wiretest.Equal(t, "identity after an update", h.GetID(t, pool, map[string]string{homeAtAWS: token}), user)

			wiretest.Must(h.Public().UnlinkIdentity(t.Context(), &ci.UnlinkIdentityInput{
				IdentityId:     &user,
				Logins:         map[string]string{homeAtAWS: token},
				LoginsToRemove: []string{h.alias},
			}))(t)
			identity = wiretest.Must(h.Admin().DescribeIdentity(t.Context(),
				&ci.DescribeIdentityInput{IdentityId: &user}))(t)
			wiretest.Equal(t, "logins left", len(identity.Logins), 0)
		})
	}
}

// renamePool updates a pool so that it has the user pool under each of the names in turn.
func (h *home) renamePool(t *testing.T, pool string, names ...string) {
	t.Helper()
	for _, name := range names {
		out := wiretest.Must(h.Admin().UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
			IdentityPoolId:                 &pool,
			IdentityPoolName:               aws.String("renamed"),
			AllowUnauthenticatedIdentities: false,
			CognitoIdentityProviders: []types.CognitoIdentityProvider{{
				ProviderName: &name,
				ClientId:     aws.String("web"),
			}},
		}))(t)
		wiretest.Equal(t, "name after an update", *out.CognitoIdentityProviders[0].ProviderName, name)
	}
}

// A pool cannot have a user pool twice, or under a name that only looks local.
func TestLocalUserPoolNamesRefused(t *testing.T) {
	h := startHome(t)
	host := strings.TrimPrefix(h.URL, "http://")
	for name, names := range map[string][]string{
		"both names":     {homeAtAWS, h.alias},
		"another host":   {"127.0.0.1:1/" + homeID},
		"with a scheme":  {h.URL + "/" + homeID},
		"no ID":          {host + "/"},
		"no user pool":   {host + "/dev-issuer"},
		"a longer path":  {h.alias + "/x"},
		"another region": {"cognito-idp.eu-west-1.amazonaws.com/" + homeID},
	} {
		t.Run(name, func(t *testing.T) {
			in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}
			for _, one := range names {
				in.CognitoIdentityProviders = append(in.CognitoIdentityProviders,
					types.CognitoIdentityProvider{ProviderName: &one, ClientId: aws.String("web")})
			}

			_, err := h.Admin().CreateIdentityPool(t.Context(), in)
			wiretest.WantError(t, err, "InvalidParameterException", "")
			last := h.traces.Last()
			fix := last.Steps[len(last.Steps)-1].Fix
			if name == "another host" && fix != "write "+homeAtAWS {
				t.Errorf("the fix is %q", fix)
			}
		})
	}

	for _, field := range []func(*ci.CreateIdentityPoolInput){
		func(in *ci.CreateIdentityPoolInput) { in.DeveloperProviderName = &h.alias },
		func(in *ci.CreateIdentityPoolInput) { in.SupportedLoginProviders = map[string]string{h.alias: "web"} },
	} {
		in := &ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("p")}
		field(in)
		_, err := h.Admin().CreateIdentityPool(t.Context(), in)
		if err == nil {
			t.Errorf("%v: made", in)
		}
	}
}

// Only an ID token of a configured client, signed by the user pool that the server has now, is a
// login. The control is the first row.
func TestLocalUserPoolTokens(t *testing.T) {
	h := startHome(t)
	stranger := logintest.NewIssuer(t)
	h.newUserPool(t, "us-east-1_Other", nil)
	h.newUserPool(t, "us-east-1_AsAtAWS", map[string]string{"_issuer_": "aws"})
	const asAtAWS = "cognito-idp.us-east-1.amazonaws.com/us-east-1_AsAtAWS"
	pool := h.trusting(t, homeAtAWS, func(in *ci.CreateIdentityPoolInput) {
		in.CognitoIdentityProviders = append(in.CognitoIdentityProviders,
			types.CognitoIdentityProvider{ProviderName: aws.String(asAtAWS), ClientId: aws.String("web")})
	})
	forged := map[string]any{"iss": h.URL + "/" + homeID, "aud": "web", "sub": "alice", "token_use": "id"}

	for _, test := range []struct{ name, key, token, message string }{
		{"good", homeAtAWS, h.token(t, "alice", nil), ""},
		{"AWS's issuer", homeAtAWS, h.token(t, "alice", map[string]any{"iss": "https://" + homeAtAWS}),
			login.MessageIssuerMismatch},
		{"AWS's issuer by the local name", h.alias, h.token(t, "alice", map[string]any{"iss": "https://" + homeAtAWS}),
			login.MessageIssuerMismatch},
		{"AWS's issuer by the setting", asAtAWS, h.idToken(t, "us-east-1_AsAtAWS", "web", "alice",
			map[string]any{"iss": "https://" + asAtAWS}), ""},
		{"the local issuer beside the setting", asAtAWS, h.idToken(t, "us-east-1_AsAtAWS", "web",
			"alice", nil), ""},
		{"another client", homeAtAWS, h.token(t, "alice", map[string]any{"aud": "ios"}),
			login.MessageUnsupportedProvider},
		{"an access token", homeAtAWS, h.token(t, "alice", map[string]any{"aud": nil, "token_use": "access"}),
			"Invalid login token. Missing a required claim: aud"},
		{"no ID token", homeAtAWS, h.token(t, "alice", map[string]any{"token_use": "access"}), login.MessageNotOIDC},
		{"another user pool's keys", homeAtAWS, h.idToken(t, "us-east-1_Other", "web", "alice",
			map[string]any{"iss": h.URL + "/" + homeID}), login.MessageBadSignature},
		{"keys of a stranger", homeAtAWS, stranger.Token(forged), login.MessageBadSignature},
		{"a user pool that the pool lacks", "cognito-idp.us-east-1.amazonaws.com/us-east-1_Other",
			h.idToken(t, "us-east-1_Other", "web", "alice", nil), login.MessageUnsupportedProvider},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := h.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{test.key: test.token}})
			if test.message == "" && err != nil {
				t.Fatal(err)
			} else if test.message != "" {
				wiretest.WantError(t, err, "NotAuthorizedException", test.message)
			}
		})
	}
}

// Both names of one user pool are refused together, by the names that the call has.
func TestBothNamesOfAUserPool(t *testing.T) {
	h := startHome(t)
	pool := h.trusting(t, homeAtAWS)
	token := h.token(t, "alice", nil)
	_, err := h.Public().GetId(t.Context(), &ci.GetIdInput{
		IdentityPoolId: &pool,
		Logins:         map[string]string{homeAtAWS: token, h.alias: token},
	})
	wiretest.WantError(t, err, "InvalidParameterException",
		"The logins "+homeAtAWS+" and "+h.alias+" are of the same provider.")
}

// A user pool may be made after the identity pool. Tokens of one that is deleted, or made anew, are
// refused at once, and the reason names it.
func TestLocalUserPoolComesAndGoes(t *testing.T) {
	h := startHome(t)
	const late, lateAtAWS = "us-east-1_Late", "cognito-idp.us-east-1.amazonaws.com/us-east-1_Late"
	pool := h.trusting(t, strings.Replace(h.alias, homeID, late, 1))
	token := func() string { return h.idToken(t, late, "web", "alice", nil) }

	h.newUserPool(t, late, nil)
	old := token()
	user := h.GetID(t, pool, map[string]string{lateAtAWS: old})

	refused := func(key, token, message, code string) {
		t.Helper()
		_, err := h.Public().GetCredentialsForIdentity(t.Context(),
			&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: map[string]string{key: token}})
		wiretest.WantError(t, err, "NotAuthorizedException", message)
		last := h.traces.Last()
		step := last.Steps[len(last.Steps)-1]
		if string(step.Code) != code || !strings.Contains(step.Got+step.Fix+step.Expected, late) {
			t.Errorf("the reason is %+v, want %s", step, code)
		}
	}

	h.deleteUserPool(t, late)
	h.newUserPool(t, late, nil)
	refused(lateAtAWS, old, login.MessageBadSignature, "signing-key-former")
	wiretest.Equal(t, "identity of the user pool made anew", h.GetID(t, pool, map[string]string{lateAtAWS: token()}),
		user)

	again := token()
	h.deleteUserPool(t, late)
	for _, key := range []string{lateAtAWS, strings.Replace(h.alias, homeID, late, 1)} {
		refused(key, again, login.MessageUnsupportedProvider, "openid-connect-provider-user-pool")
	}
}

// Settings of one user pool come before a user pool of this server, and that before settings of a
// region. Without settings, AWS is never asked.
func TestLocalUserPoolAndSettings(t *testing.T) {
	elsewhere := logintest.NewIssuer(t)
	at := poolhouse.ProviderOverride{
		Issuers:      []string{elsewhere.URL},
		JWKSURL:      elsewhere.URL + logintest.KeysPath,
		AllowHTTP:    true,
		AllowPrivate: true,
	}
	const named, regional = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Named",
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_Regional"
	const unknown = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Unknown"

	h := startHome(t, func(c *poolhouse.Config) {
		c.UserPools = map[string]poolhouse.ProviderOverride{named: at}
		c.UserPoolRegions = map[string]poolhouse.ProviderOverride{"us-east-1": at}
	})
	h.newUserPool(t, "us-east-1_Named", nil)
	pool := h.trusting(t, homeAtAWS, func(in *ci.CreateIdentityPoolInput) {
		for _, name := range []string{named, regional, unknown} {
			in.CognitoIdentityProviders = append(in.CognitoIdentityProviders,
				types.CognitoIdentityProvider{ProviderName: aws.String(name), ClientId: aws.String("web")})
		}
	})
	theirs := elsewhere.Token(map[string]any{"aud": "web", "sub": "alice", "token_use": "id"})
	ours := h.idToken(t, "us-east-1_Named", "web", "alice", nil)

	for _, test := range []struct{ name, key, token, message string }{
		{"the user pool here", homeAtAWS, h.token(t, "alice", nil), ""},
		{"settings of the user pool", named, theirs, ""},
		{"the same here", named, ours, login.MessageIssuerMismatch},
		{"settings of the region", regional, theirs, ""},
		{"no settings, so at AWS", unknown, ours, login.MessageIssuerMismatch},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := h.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{test.key: test.token}})
			if test.message == "" && err != nil {
				t.Fatal(err)
			} else if test.message != "" {
				wiretest.WantError(t, err, "NotAuthorizedException", test.message)
			}
		})
	}
}

// Role mappings of both types and principal tags work by the claims of the token, under either name
// of the user pool, and answers show the name that was given.
func TestLocalUserPoolMappings(t *testing.T) {
	h := startHome(t)
	const account = "arn:aws:iam::000000000000:role/"
	pool := h.trusting(t, homeAtAWS)
	for _, name := range []string{homeAtAWS, h.alias} {
		key := name + ":web"
		set := func(m types.RoleMapping) {
			t.Helper()
			wiretest.Must(h.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
				IdentityPoolId: &pool,
				Roles:          map[string]string{"authenticated": account + "default"},
				RoleMappings:   map[string]types.RoleMapping{key: m},
			}))(t)
			out := wiretest.Must(h.Admin().GetIdentityPoolRoles(t.Context(),
				&ci.GetIdentityPoolRolesInput{IdentityPoolId: &pool}))(t)
			wiretest.Equal(t, "keys", strings.Join(slices.Collect(maps.Keys(out.RoleMappings)), " "), key)
		}
		role := func(claims map[string]any) string {
			t.Helper()
			return h.roleOf(t, pool, map[string]string{h.alias: h.token(t, "alice", claims)})
		}

		set(types.RoleMapping{Type: types.RoleMappingTypeToken,
			AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeAuthenticatedRole})
		roles := []string{account + "editors", account + "readers"}
		wiretest.Equal(t, "the preferred role",
			role(map[string]any{"cognito:roles": roles, "cognito:preferred_role": account + "readers"}), "readers")
		wiretest.Equal(t, "several roles", role(map[string]any{"cognito:roles": roles}), "default")
		wiretest.Equal(t, "one role", role(map[string]any{"cognito:roles": roles[:1]}), "editors")

		set(types.RoleMapping{Type: types.RoleMappingTypeRules,
			AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeAuthenticatedRole,
			RulesConfiguration: &types.RulesConfigurationType{Rules: []types.MappingRule{{
				Claim: aws.String("cognito:groups"), MatchType: types.MappingRuleMatchTypeContains,
				Value: aws.String("admins"), RoleARN: aws.String(account + "admins")}}}})
		wiretest.Equal(t, "a group", role(map[string]any{"cognito:groups": []string{"users", "admins"}}), "admins")
		wiretest.Equal(t, "a part of a group", role(map[string]any{"cognito:groups": []string{"no-admins"}}), "default")
	}

	_, err := h.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool,
		Roles:          map[string]string{},
		RoleMappings: map[string]types.RoleMapping{
			homeAtAWS + ":web": {Type: types.RoleMappingTypeToken,
				AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny},
			h.alias + ":web": {Type: types.RoleMappingTypeToken,
				AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny},
		},
	})
	wiretest.WantError(t, err, "InvalidParameterException", "")
	_, err = h.Admin().SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool,
		Roles:          map[string]string{},
		RoleMappings: map[string]types.RoleMapping{h.alias: {Type: types.RoleMappingTypeToken,
			AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny}},
	})
	wiretest.WantError(t, err, "InvalidParameterException",
		"("+h.alias+") is not a valid RoleMapping ProviderName or is not a configured provider.")
}

// roleOf returns the name of the role that the logins get.
func (h *home) roleOf(t *testing.T, pool string, logins map[string]string) string {
	t.Helper()
	user := h.GetID(t, pool, logins)
	out := wiretest.Must(h.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &user, Logins: logins}))(t)
	c := out.Credentials
	who := wiretest.Must(h.Whoami(t, *c.AccessKeyId, *c.SecretKey, *c.SessionToken))(t)

	return strings.Split(*who.Arn, "/")[1]
}

// Principal tags are set and shown under either name, and there is one map.
func TestLocalUserPoolPrincipalTags(t *testing.T) {
	h := startHome(t)
	pool := h.trusting(t, h.alias)
	for _, name := range []string{homeAtAWS, h.alias} {
		wiretest.Must(h.Admin().SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{
			IdentityPoolId:       &pool,
			IdentityProviderName: &name,
			PrincipalTags:        map[string]string{"via": name[:9]},
		}))(t)

		for _, shown := range []string{homeAtAWS, h.alias} {
			out := wiretest.Must(h.Admin().GetPrincipalTagAttributeMap(t.Context(),
				&ci.GetPrincipalTagAttributeMapInput{IdentityPoolId: &pool, IdentityProviderName: &shown}))(t)
			wiretest.Equal(t, "name", *out.IdentityProviderName, shown)
			wiretest.Equal(t, "claim", out.PrincipalTags["via"], name[:9])
		}
	}

	withClient := h.alias + ":web"
	_, err := h.Admin().SetPrincipalTagAttributeMap(t.Context(), &ci.SetPrincipalTagAttributeMapInput{
		IdentityPoolId:       &pool,
		IdentityProviderName: &withClient,
		PrincipalTags:        map[string]string{"a": "b"},
	})
	wiretest.WantError(t, err, "InvalidParameterException", "")
	if last := h.traces.Last(); !strings.Contains(last.Steps[len(last.Steps)-1].Fix, "client") {
		t.Errorf("the reason is %+v", last.Steps)
	}
}

// Where the pool checks a client's tokens, what the user pool knows about the user ends tokens that name no
// sign-in at once, and nothing where it does not. Tokens that name one are tried with user pools.
func TestLocalUserPoolServerSideTokenCheck(t *testing.T) {
	h := startHome(t)
	pool := h.trusting(t, homeAtAWS, func(in *ci.CreateIdentityPoolInput) {
		in.CognitoIdentityProviders[0].ServerSideTokenCheck = aws.Bool(true)
		in.CognitoIdentityProviders = append(in.CognitoIdentityProviders, types.CognitoIdentityProvider{
			ProviderName: aws.String(h.alias), ClientId: aws.String("ios"), ServerSideTokenCheck: aws.Bool(false)})
	})
	home := aws.String(homeID)

	for name, end := range map[string]func(user *string) error{
		"signed out": func(user *string) error {
			_, err := h.users.AdminUserGlobalSignOut(t.Context(),
				&idp.AdminUserGlobalSignOutInput{UserPoolId: home, Username: user})
			return err
		},
		"disabled": func(user *string) error {
			_, err := h.users.AdminDisableUser(t.Context(),
				&idp.AdminDisableUserInput{UserPoolId: home, Username: user})
			return err
		},
		"deleted": func(user *string) error {
			_, err := h.users.AdminDeleteUser(t.Context(), &idp.AdminDeleteUserInput{UserPoolId: home, Username: user})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			alice, bob := h.newUser(t, "alice "+name), h.newUser(t, "bob "+name)
			checked, other := h.signedIn(t, pool, "web", alice), h.signedIn(t, pool, "web", bob)
			free := h.signedIn(t, pool, "ios", alice)
			for _, u := range []*localUser{checked, other, free} {
				u.wants(t, true)
			}

			if err := end(&alice); err != nil {
				t.Fatal(err)
			}
			checked.wants(t, false)
			other.wants(t, true)
			free.wants(t, true)

			if id := h.GetID(t, pool, checked.logins); id != checked.id {
				t.Errorf("GetId gives %s, want %s: AWS checks before tokens and credentials", id, checked.id)
			}
		})
	}
}

// newUser makes a user of the user pool, and returns the subject of its tokens, by which the API finds it
// too.
func (h *home) newUser(t *testing.T, name string) (subject string) {
	t.Helper()
	name = strings.ReplaceAll(name, " ", "-")
	user := wiretest.Must(h.users.AdminCreateUser(t.Context(), &idp.AdminCreateUserInput{
		UserPoolId: aws.String(homeID),
		Username:   &name,
	}))(t).User
	for _, a := range user.Attributes {
		if *a.Name == "sub" {
			return *a.Value
		}
	}
	t.Fatal("a user without sub")

	return ""
}

// localUser is a user with an identity.
type localUser struct {
	h      *home
	id     string
	logins map[string]string
}

func (h *home) signedIn(t *testing.T, pool, client, subject string) *localUser {
	t.Helper()
	u := &localUser{h: h, logins: map[string]string{h.alias: h.idToken(t, homeID, client, subject, nil)}}
	u.id = h.GetID(t, pool, u.logins)

	return u
}

// wants checks whether the token still gives tokens and credentials.
func (u *localUser) wants(t *testing.T, token bool) {
	t.Helper()
	_, err := u.h.Public().GetCredentialsForIdentity(t.Context(),
		&ci.GetCredentialsForIdentityInput{IdentityId: &u.id, Logins: u.logins})
	_, err2 := u.h.Public().GetOpenIdToken(t.Context(),
		&ci.GetOpenIdTokenInput{IdentityId: &u.id, Logins: u.logins})
	for _, err := range []error{err, err2} {
		if token && err != nil {
			t.Errorf("the token: %v", err)
		} else if !token {
			wiretest.WantError(t, err, "NotAuthorizedException", "Invalid login token. Token has been revoked.")
		}
	}
}
