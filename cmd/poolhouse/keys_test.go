package main

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/smithy-go"
)

// one is an identity pool with what its operations are tried on.
type one struct{ pool, arn, guest, user string }

// newOne makes a pool with a guest and a user of its developer provider.
func newOne(t *testing.T, c *ci.Client, name string) one {
	t.Helper()
	pool, err := c.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
		IdentityPoolName:               &name,
		AllowUnauthenticatedIdentities: true,
		DeveloperProviderName:          aws.String("login.my.app"),
		SupportedLoginProviders:        map[string]string{"accounts.google.com": "app"},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := one{pool: *pool.IdentityPoolId, arn: poolARN(*pool.IdentityPoolId)}
	o.renew(t, c)

	return o
}

func poolARN(id string) string {
	return "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/" + id
}

// renew makes a guest and a user where one was deleted or unlinked.
func (o *one) renew(t *testing.T, c *ci.Client) {
	t.Helper()
	guest, err := c.GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &o.pool})
	if err != nil {
		t.Fatal(err)
	}
	user, err := c.GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{
		IdentityPoolId: &o.pool,
		Logins:         map[string]string{"login.my.app": "alice"},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.guest, o.user = *guest.IdentityId, *user.IdentityId
}

// operations are the signed ones that name a pool, or something in one.
var operations = []struct {
	name   string
	writes bool
	call   func(t *testing.T, c *ci.Client, o one) error
}{
	{"DescribeIdentityPool", false, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.DescribeIdentityPool(t.Context(), &ci.DescribeIdentityPoolInput{IdentityPoolId: &o.pool})
		return err
	}},
	{"GetIdentityPoolRoles", false, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.GetIdentityPoolRoles(t.Context(), &ci.GetIdentityPoolRolesInput{IdentityPoolId: &o.pool})
		return err
	}},
	{"GetPrincipalTagAttributeMap", false, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.GetPrincipalTagAttributeMap(t.Context(), &ci.GetPrincipalTagAttributeMapInput{
			IdentityPoolId:       &o.pool,
			IdentityProviderName: aws.String("accounts.google.com"),
		})
		return err
	}},
	{"ListIdentities", false, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.ListIdentities(t.Context(),
			&ci.ListIdentitiesInput{IdentityPoolId: &o.pool, MaxResults: aws.Int32(1)})
		return err
	}},
	{"ListTagsForResource", false, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.ListTagsForResource(t.Context(), &ci.ListTagsForResourceInput{ResourceArn: &o.arn})
		return err
	}},
	{"DescribeIdentity", false, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.DescribeIdentity(t.Context(), &ci.DescribeIdentityInput{IdentityId: &o.guest})
		return err
	}},
	{"LookupDeveloperIdentity", false, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.LookupDeveloperIdentity(t.Context(),
			&ci.LookupDeveloperIdentityInput{IdentityPoolId: &o.pool, IdentityId: &o.user})
		return err
	}},
	{"UpdateIdentityPool", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.UpdateIdentityPool(t.Context(), &ci.UpdateIdentityPoolInput{
			IdentityPoolId:                 &o.pool,
			IdentityPoolName:               aws.String("renamed"),
			AllowUnauthenticatedIdentities: true,
		})
		return err
	}},
	{"SetIdentityPoolRoles", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.SetIdentityPoolRoles(t.Context(), &ci.SetIdentityPoolRolesInput{
			IdentityPoolId: &o.pool,
			Roles:          map[string]string{"authenticated": "arn:aws:iam::123456789012:role/App"},
		})
		return err
	}},
	{"TagResource", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.TagResource(t.Context(),
			&ci.TagResourceInput{ResourceArn: &o.arn, Tags: map[string]string{"a": "b"}})
		return err
	}},
	{"UntagResource", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.UntagResource(t.Context(), &ci.UntagResourceInput{ResourceArn: &o.arn, TagKeys: []string{"a"}})
		return err
	}},
	{"GetOpenIdTokenForDeveloperIdentity", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.GetOpenIdTokenForDeveloperIdentity(t.Context(), &ci.GetOpenIdTokenForDeveloperIdentityInput{
			IdentityPoolId: &o.pool,
			Logins:         map[string]string{"login.my.app": "bob"},
		})
		return err
	}},
	{"MergeDeveloperIdentities", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.MergeDeveloperIdentities(t.Context(), &ci.MergeDeveloperIdentitiesInput{
			IdentityPoolId:            &o.pool,
			DeveloperProviderName:     aws.String("login.my.app"),
			SourceUserIdentifier:      aws.String("bob"),
			DestinationUserIdentifier: aws.String("alice"),
		})
		return err
	}},
	{"UnlinkDeveloperIdentity", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.UnlinkDeveloperIdentity(t.Context(), &ci.UnlinkDeveloperIdentityInput{
			IdentityPoolId:          &o.pool,
			IdentityId:              &o.user,
			DeveloperProviderName:   aws.String("login.my.app"),
			DeveloperUserIdentifier: aws.String("bob"),
		})
		return err
	}},
	{"DeleteIdentities", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.DeleteIdentities(t.Context(), &ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{o.guest}})
		return err
	}},
	{"DeleteIdentityPool", true, func(t *testing.T, c *ci.Client, o one) error {
		_, err := c.DeleteIdentityPool(t.Context(), &ci.DeleteIdentityPoolInput{IdentityPoolId: &o.pool})
		return err
	}},
}

// A key made with a policy does what that allows, through the program's own
// listener: a key for one pool nothing in another, a key for reading no change.
func TestKeysWithPolicies(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	root := initialised(t, "--data", data, "--account-id", "123456789012")

	s := serveOn(t, data, &root, "--account-id", "123456789012")
	a, b := newOne(t, s.client, "a"), newOne(t, s.client, "b")
	for _, o := range []one{a, b} { // a map that was never set is not found
		in := &ci.SetPrincipalTagAttributeMapInput{
			IdentityPoolId:       &o.pool,
			IdentityProviderName: aws.String("accounts.google.com"),
		}
		if _, err := s.client.SetPrincipalTagAttributeMap(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}

	keyWith := func(policy string) *ci.Client {
		t.Helper()
		file := filepath.Join(t.TempDir(), "policy.json")
		if err := os.WriteFile(file, []byte(`{"Version":"2012-10-17","Statement":[`+policy+`]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := run1(t, "keys", "create", "--data", data, "--policy", file)
		if err != nil {
			t.Fatal(out)
		}

		return ci.New(ci.Options{
			BaseEndpoint:     &s.url,
			Region:           "us-east-1",
			RetryMaxAttempts: 1,
			Credentials:      keyIn(t, bufio.NewReader(strings.NewReader(out))).provider(),
		})
	}

	ofA := keyWith(`{"Effect":"Allow","Action":"cognito-identity:*","Resource":"` + a.arn + `"},
		{"Effect":"Allow","Action":["cognito-identity:DescribeIdentity","cognito-identity:DeleteIdentities"],
			"Resource":"*",
			"Condition":{"ArnEquals":{"cognito-identity:IdentityPoolArn":"` + a.arn + `"}}},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/App"}`)
	reading := keyWith(
		`{"Effect":"Allow","Action":["cognito-identity:Describe*","cognito-identity:Get*Roles",
		"cognito-identity:GetPrincipalTagAttributeMap",
		"cognito-identity:List*","cognito-identity:Lookup*"],"Resource":"*"}`)
	check := func(what string, err error, allowed bool) {
		t.Helper()
		refused, isAPI := errors.AsType[smithy.APIError](err)
		if allowed && err != nil || !allowed && (!isAPI || refused.ErrorCode() != "AccessDeniedException") {
			t.Errorf("%s: %v, want allowed %t", what, err, allowed)
		}
	}

	for _, o := range operations {
		check("key of A, "+o.name+" on B", o.call(t, ofA, b), false)

		for name, pool := range map[string]one{"A": a, "B": b} {
			check("key for reading, "+o.name+" on "+name, o.call(t, reading, pool), !o.writes)
		}
	}

	check("key of A, ListIdentityPools", list(t, ofA), false)
	check("key for reading, ListIdentityPools", list(t, reading), true)
	both, err := ofA.DeleteIdentities(t.Context(),
		&ci.DeleteIdentitiesInput{IdentityIdsToDelete: []string{a.guest, b.guest}})
	check("key of A, DeleteIdentities of A and B at once", err, true)
	if err == nil && (len(both.UnprocessedIdentityIds) != 1 || *both.UnprocessedIdentityIds[0].IdentityId !=
		b.guest || both.UnprocessedIdentityIds[0].ErrorCode != types.ErrorCodeAccessDenied) {
		t.Errorf("key of A, DeleteIdentities of A and B at once: unprocessed %+v, want B's alone",
			both.UnprocessedIdentityIds)
	}
	a.renew(t, s.client)

	// What is in B cannot be had by naming A.
	mixed := one{pool: a.pool, guest: b.guest, user: b.user}
	for name, call := range map[string]func() error{
		"LookupDeveloperIdentity": func() error {
			_, err := ofA.LookupDeveloperIdentity(t.Context(),
				&ci.LookupDeveloperIdentityInput{IdentityPoolId: &mixed.pool, IdentityId: &mixed.user})
			return err
		},
		"UnlinkDeveloperIdentity": func() error {
			_, err := ofA.UnlinkDeveloperIdentity(t.Context(), &ci.UnlinkDeveloperIdentityInput{
				IdentityPoolId:          &mixed.pool,
				IdentityId:              &mixed.user,
				DeveloperProviderName:   aws.String("login.my.app"),
				DeveloperUserIdentifier: aws.String("alice"),
			})
			return err
		},
		"GetOpenIdTokenForDeveloperIdentity": func() error {
			_, err := ofA.GetOpenIdTokenForDeveloperIdentity(t.Context(),
				&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &mixed.pool, IdentityId: &mixed.user,
					Logins: map[string]string{"login.my.app": "mallory"}})
			return err
		},
	} {
		if err := call(); err == nil {
			t.Errorf("key of A, %s of an identity of B in the name of A is answered", name)
		}
	}

	// B is as it was, and on A the key may do everything.
	found, err := s.client.LookupDeveloperIdentity(t.Context(),
		&ci.LookupDeveloperIdentityInput{IdentityPoolId: &b.pool, IdentityId: &b.user})
	if err != nil || len(found.DeveloperUserIdentifierList) != 1 || found.DeveloperUserIdentifierList[0] != "alice" {
		t.Errorf("the user of B: %+v, %v", found, err)
	}

	for _, o := range operations {
		check("key of A, "+o.name+" on A", o.call(t, ofA, a), true)
		if o.name == "MergeDeveloperIdentities" {
			a.renew(t, s.client) // the user's identity may be another one now
		}
	}

	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func list(t *testing.T, c *ci.Client) error {
	_, err := c.ListIdentityPools(t.Context(), &ci.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	return err
}
