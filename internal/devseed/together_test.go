package devseed_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devseed"
)

// TestNothingChangesBeforeAllIsChecked checks that a mistake in one file leaves what another file
// changes as it was.
func TestNothingChangesBeforeAllIsChecked(t *testing.T) {
	const (
		a        = "Users: {ann: {level: 1}}\n"
		changed  = "Users: {ann: {level: 2}}\n"
		identity = "  - {IdentityId: \"" + aliceID + "\", IdentityPoolId: \"" + shopPool + "\", User: ann}\n"
		second   = "  - {IdentityId: \"" + guestID + "\", IdentityPoolId: \"" + shopPool + "\", User: ann}\n"
		fresh    = "Resources:\n  New:\n    Type: AWS::Cognito::IdentityPool\n" +
			"    Properties: {AllowUnauthenticatedIdentities: true, DeveloperProviderName: dev}\n"
	)
	pool := strings.Split(shop, "Users:")[0]
	given := func(i, from, to string) string { return "Identities:\n" + strings.Replace(i, from, to, 1) }
	ofNew := func(i string) string {
		return strings.Replace(i, `"`+shopPool+`", User: ann`, "!Ref New, Logins: {dev: x}", 1)
	}
	for name, test := range map[string]struct{ b, want string }{
		"an IdentityId twice": {given(identity+identity, "", ""), "line 3: the identity " + aliceID},
		"a login twice":       {given(identity+second, "", ""), "line 3: the login of"},
		"a login of two users": {"Users: {twin: {sub: ann}}\n" + given(second, "ann", "twin") + identity,
			"line 4: the login of"},
		"another region":            {given(identity, "us-east-1:a", "eu-west-1:a"), "line 2: IdentityId must"},
		"an unknown pool":           {given(identity, shopPool, googlerID), "line 2: the pool " + googlerID},
		"another seed's pool":       {strings.Split(pool, "  Other:")[0], "another seed has the same as pool/Pool"},
		"a signed-in user":          {given(identity, "User: ann", "User: early"), "start without --seed"},
		"a new pool, other region":  {fresh + given(ofNew(identity), "us-east-1", "eu-west-1"), "IdentityId must be"},
		"a new pool, a login twice": {fresh + given(ofNew(identity)+ofNew(second), "", ""), "the login of"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			paths := []string{
				r.write("a.yaml", a), r.write("pool.yaml", pool), r.write("b.yaml", "Users: {early: {}}\n"),
			}
			r.applied(paths...)
			r.identity(shopPool, "early")
			before := len(r.pools())

			r.write("a.yaml", changed)
			r.write("pool.yaml", strings.Replace(pool, "IdentityPoolName: shop", "IdentityPoolName: shut", 1))
			r.write("b.yaml", test.b)
			_, err := r.apply(paths...)
			r.refused(err, "b.yaml: ", test.want)
			ann, _ := r.seeder.Users.Get("ann")
			if errors.Is(err, devseed.ErrPartly) || ann.Claims["level"] == "2" || len(r.pools()) != before ||
				r.pools()[shopPool].Name != "shop" {
				t.Errorf("something was changed: %v, %v, %v", err, ann, r.pools())
			}
			if level := r.level("ann"); level != "1" {
				t.Errorf("the level is %s", level)
			}
		})
	}
}

// TestIdentitiesOfNewPools checks that what is made later does not count as a mistake.
func TestIdentitiesOfNewPools(t *testing.T) {
	r := start(t)
	r.applied(r.write("a.yaml", shop), r.write("b.yaml", `Resources:
  Own:
    Type: AWS::Cognito::IdentityPool
    Properties: {AllowUnauthenticatedIdentities: true, DeveloperProviderName: dev}
Identities:
  - IdentityId: us-east-1:dddddddd-2222-4333-8444-555555555555
    IdentityPoolId: us-east-1:11111111-2222-4333-8444-555555555555
    User: bob
  - IdentityId: us-east-1:eeeeeeee-2222-4333-8444-555555555555
    IdentityPoolId: !Ref Own
    Logins: {dev: x}
`))
	if got := r.identity(shopPool, "bob"); got != "us-east-1:dddddddd-2222-4333-8444-555555555555" {
		t.Errorf("bob is %s", got)
	}
}

// TestIdentitiesOfChangedPools checks that a pool's new developer provider counts, whoever chose the pool's ID.
func TestIdentitiesOfChangedPools(t *testing.T) {
	const identities = `Identities:
  - IdentityId: us-east-1:eeeeeeee-2222-4333-8444-555555555555
    IdentityPoolId: !Ref Own
    Logins: {dev: x}
`
	for _, metadata := range []string{"{}", `{PoolhouseId: "` + shopPool + `"}`} {
		r := start(t)
		before := `Resources:
  Own:
    Type: AWS::Cognito::IdentityPool
    Metadata: ` + metadata + `
    Properties: {AllowUnauthenticatedIdentities: true}
`
		r.applied(r.write("a.yaml", before))

		after := strings.Replace(before, "true}", "true, DeveloperProviderName: dev}", 1) + identities
		path := r.write("a.yaml", after)
		if printed := r.applied(path); printed != "Seed "+path+": updated Own\n" {
			t.Errorf("%s: printed %q", metadata, printed)
		}
	}
}

const roleSeed = `
  Member:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Federated: cognito-identity.amazonaws.com}
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref Pool}
  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Pool
      Roles: {authenticated: !GetAtt Member.Arn}
`

// TestRenamedSeed checks that a file keeps what it made under another name, unless another seed has it.
func TestRenamedSeed(t *testing.T) {
	r := start(t)
	text := strings.Split(strings.Split(shop, "Users:")[0], "\n  Other:")[0] + roleSeed
	old := r.write("old.yaml", text)
	r.applied(old)

	renamed := r.write("new.yaml", strings.Replace(text, "IdentityPoolName: shop", "IdentityPoolName: shut", 1))
	if printed := r.applied(renamed); printed != "Seed "+renamed+": updated Pool\n" {
		t.Errorf("printed %q", printed)
	}

	_, err := r.apply(old, renamed)
	r.refused(err, "another seed has the same as old/Pool")
	if strings.Contains(err.Error(), "--name") {
		t.Errorf("the error names a flag that dev does not have: %v", err)
	}

	odd := r.write("an odd name.yaml", text)
	_, err = r.apply(odd)
	r.refused(err, "rename the file")
}

// TestRolesOfTwoSeeds checks that two files may have a role of the same name, each its own, in any order.
func TestRolesOfTwoSeeds(t *testing.T) {
	r := start(t)
	one := strings.Split(strings.Split(shop, "Users:")[0], "\n  Other:")[0] + roleSeed
	z := r.write("z.yaml", one)
	a := r.write("a.yaml", strings.ReplaceAll(one, "11111111", "22222222"))
	r.applied(z)
	other := strings.ReplaceAll(shopPool, "11111111", "22222222")
	for range 2 {
		r.applied(a, z)
		for id, want := range map[string]string{shopPool: "Member", other: "a-Member-"} {
			if roles := r.pools()[id].Roles; len(roles) != 1 || !strings.HasPrefix(roles[0].Name, want) {
				t.Errorf("%s has the roles %v", id, roles)
			}
		}
	}
}

// TestCopiedDemo checks that a copy of the demo takes over the demo, and that both may be asked for.
func TestCopiedDemo(t *testing.T) {
	r := start(t)
	demo, err := os.ReadFile("demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	copied := r.write("seed.yaml", strings.Replace(string(demo), "PoolhouseDemo\n", "Mine\n", 1))
	for range 2 {
		if err := r.seeder.Demo(t.Context(), "us-east-1"); err != nil {
			t.Fatal(err)
		}
		r.applied(copied)
	}
	if pool := r.pools()[devseed.DemoPool]; pool.Name != "Mine" || pool.Roles[0].Name != "PoolhouseDemoGuest" {
		t.Errorf("the pool is %+v", pool)
	}
}
