package devseed_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

func (r *rig) demo() {
	r.Helper()
	if err := r.seeder.Demo(r.Context(), poolhouse.DevRegion); err != nil {
		r.Fatal(err)
	}
}

// TestDemo checks that the demo's guests and users get the roles that its comments name.
func TestDemo(t *testing.T) {
	r := start(t, func(c *poolhouse.Config) { c.AcceptUnknownRoles = false })
	r.demo()

	pool := r.pools()[devseed.DemoPool]
	if pool.Name != "PoolhouseDemo" || !pool.Guests || !pool.Trusts || len(pool.Roles) != 2 {
		t.Errorf("the pool is %+v", pool)
	}

	for user, want := range map[string]string{
		"":      "PoolhouseDemoGuest",
		"alice": "PoolhouseDemoUser",
		"bob":   "PoolhouseDemoUser",
		"carol": "PoolhouseDemoUser",
	} {
		in := map[string]any{"IdentityId": r.identity(devseed.DemoPool, user)}
		if user != "" {
			in["Logins"] = r.logins(user)
		}
		var out struct {
			Credentials struct{ AccessKeyId, SecretKey, SessionToken string }
		}
		r.call("GetCredentialsForIdentity", in, &out)
		r.call("GetOpenIdToken", in, nil) // rules for roles would close the classic flow, as at AWS

		as := *r.seeder.Client
		as.Credentials.AccessKeyID = out.Credentials.AccessKeyId
		as.Credentials.SecretAccessKey = out.Credentials.SecretKey
		as.Credentials.SessionToken = out.Credentials.SessionToken
		var who struct {
			Arn string `xml:"GetCallerIdentityResult>Arn"`
		}
		if err := as.Query(t.Context(), "sts", "2011-06-15", "GetCallerIdentity", url.Values{}, &who); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(who.Arn, ":assumed-role/"+want+"/") {
			t.Errorf("%q is %s, want %s", user, who.Arn, want)
		}
	}

	alice, err := r.seeder.Users.Get("alice")
	if err != nil || alice.Email() != "alice@example.com" || !slices.Contains(alice.Groups(), "admins") {
		t.Errorf("alice is %+v, %v", alice, err)
	}
}

// TestDemoKeepsWhatIsThere checks that asking for the demo again overwrites nothing.
func TestDemoKeepsWhatIsThere(t *testing.T) {
	r := start(t)
	r.demo()
	mine, err := devuser.New("alice", map[string]any{"email": "mine@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.seeder.Users.Put(mine); err != nil {
		t.Fatal(err)
	}
	r.call("UpdateIdentityPool", map[string]any{
		"IdentityPoolId":                 devseed.DemoPool,
		"IdentityPoolName":               "mine",
		"AllowUnauthenticatedIdentities": false,
	}, nil)
	describe := url.Values{"RoleName": {"PoolhouseDemoGuest"}, "Description": {"mine"}}
	if err := r.seeder.Client.Query(t.Context(), "iam", "2010-05-08", "UpdateRole", describe, nil); err != nil {
		t.Fatal(err)
	}

	r.demo()
	if pool := r.pools()[devseed.DemoPool]; pool.Name != "mine" || pool.Guests {
		t.Errorf("the pool is %+v", pool)
	}

	// Without the pool it is made again; the role and the user stay.
	r.call("DeleteIdentityPool", map[string]any{"IdentityPoolId": devseed.DemoPool}, nil)
	r.demo()
	if pool := r.pools()[devseed.DemoPool]; pool.Name != "PoolhouseDemo" {
		t.Errorf("the pool is %+v", pool)
	}
	var role struct {
		Description string `xml:"GetRoleResult>Role>Description"`
	}
	name := url.Values{"RoleName": {"PoolhouseDemoGuest"}}
	if err := r.seeder.Client.Query(t.Context(), "iam", "2010-05-08", "GetRole", name, &role); err != nil {
		t.Fatal(err)
	}
	if alice, err := r.seeder.Users.Get("alice"); role.Description != "mine" || err != nil ||
		alice.Email() != "mine@example.com" {
		t.Errorf("the role is %q, alice %+v, %v", role.Description, alice, err)
	}
}

func TestDemoInOtherRegions(t *testing.T) {
	r := start(t, func(c *poolhouse.Config) { c.Region = "eu-central-1" })
	if err := r.seeder.Demo(t.Context(), "eu-central-1"); err != nil {
		t.Fatal(err)
	}
	ids := slices.Collect(maps.Keys(r.pools()))
	if want := devseed.DemoIn("eu-central-1"); len(ids) != 1 || ids[0] != want {
		t.Errorf("the pools are %v, want %s", ids, want)
	}

	if err := r.seeder.Demo(t.Context(), "cn-north-1"); !errors.Is(err, devseed.ErrNoDemo) {
		t.Errorf("in China: %v", err)
	}
}

// TestSeedsAreNoCallsOfClients checks that applying a seed, whose look-ups are refused, is not shown
// as calls of the developer's app are.
func TestSeedsAreNoCallsOfClients(t *testing.T) {
	r := start(t)
	r.demo()
	if len(r.traces) > 0 {
		t.Errorf("%d refusals were shown, such as %+v", len(r.traces), r.traces[0])
	}

	// The same call of a client is shown.
	client := *r.seeder.Client
	client.HTTP = http.DefaultClient
	_ = client.JSON(t.Context(), "cognito-identity", "AWSCognitoIdentityService", "DescribeIdentityPool",
		json.RawMessage(`{"IdentityPoolId":"us-east-1:11111111-2222-4333-8444-555555555555"}`), nil)
	if len(r.traces) != 1 {
		t.Errorf("%d refusals of the client were shown", len(r.traces))
	}
}

// TestDemoAtAnotherAddress checks that the demo's users can sign in after the built-in issuer has got another
// name, and that a pool that its user has changed, or any other, stays as it is.
func TestDemoAtAnotherAddress(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(r *rig, pool map[string]any)
		follows bool
	}{
		"as it was":   {func(*rig, map[string]any) {}, true},
		"of one name": {func(_ *rig, pool map[string]any) { pool["IdentityPoolName"] = "mine" }, true},
		"with a rule": {func(r *rig, _ map[string]any) { r.mapRoles(r.seeder.LoginKey) }, true},
		"with another rule": {func(r *rig, pool map[string]any) {
			pool["SupportedLoginProviders"] = map[string]string{"accounts.google.com": "app"}
			r.call("UpdateIdentityPool", pool, nil)
			r.mapRoles("accounts.google.com")
		}, false},
		"without issuer": {func(_ *rig, pool map[string]any) { delete(pool, "OpenIdConnectProviderARNs") }, false},
		"with another issuer": {func(r *rig, pool map[string]any) {
			pool["OpenIdConnectProviderARNs"] = []string{r.seeder.ProviderARN + "x", r.seeder.ProviderARN}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			at := func(c *poolhouse.Config) { c.DataDir = data }
			r := start(t, at)
			if err := r.seeder.Demo(t.Context(), "us-east-1"); err != nil {
				t.Fatal(err)
			}
			r.call("CreateIdentityPool", map[string]any{"IdentityPoolName": "mine",
				"AllowUnauthenticatedIdentities": true,
				"OpenIdConnectProviderARNs":      []string{r.seeder.ProviderARN}}, nil)
			var pool map[string]any
			r.call("DescribeIdentityPool", map[string]any{"IdentityPoolId": devseed.DemoPool}, &pool)
			test.change(r, pool)
			r.call("UpdateIdentityPool", pool, nil)
			r.logins("alice") // waits for the issuer's key, whose file has its name
			r.server.Stop()

			r = start(t, at)
			if err := r.seeder.DemoFollows(t.Context(), "us-east-1", r.server.FormerDevIssuer()); err != nil {
				t.Fatal(err)
			}
			for id, p := range r.pools() {
				if want := test.follows && id == devseed.DemoPool; p.Trusts != want {
					t.Errorf("%s trusts the issuer: %t", p.Name, p.Trusts)
				}
			}
			if test.follows {
				r.identity(devseed.DemoPool, "alice")
			}
			if name == "with a rule" && len(r.pools()[devseed.DemoPool].Roles) != 3 {
				t.Errorf("the roles are %v", r.pools()[devseed.DemoPool].Roles)
			}
		})
	}
}

// mapRoles gives the demo pool a rule for users of a provider.
func (r *rig) mapRoles(provider string) {
	r.Helper()
	var roles map[string]any
	r.call("GetIdentityPoolRoles", map[string]any{"IdentityPoolId": devseed.DemoPool}, &roles)
	roles["RoleMappings"] = map[string]any{provider: map[string]any{
		"Type": "Rules", "AmbiguousRoleResolution": "Deny",
		"RulesConfiguration": map[string]any{"Rules": []any{map[string]any{"Claim": "a", "MatchType": "Equals",
			"Value": "b", "RoleARN": "arn:aws:iam::000000000000:role/PoolhouseDemoUser"}}},
	}}
	r.call("SetIdentityPoolRoles", roles, nil)
}
