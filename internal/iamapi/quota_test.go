package iamapi_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// iamCall sends one signed call of the IAM API, and returns how it was answered.
func iamCall(
	t *testing.T, s *wiretest.Server, action string, pairs ...string,
) (status int, code, message, body string) {
	t.Helper()
	v := wiretest.Form(action, append([]string{"Version", "2010-05-08"}, pairs...)...)
	text := v.Encode()
	request := wiretest.Must(http.NewRequestWithContext(
		t.Context(), http.MethodPost, s.URL, strings.NewReader(text),
	))(t)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	wiretest.Sign(t, request, text, "iam")

	return wiretest.Answered(t, request)
}

// numbered are n members of a list.
func numbered(list string, n int, member func(i int) string) (pairs []string) {
	for i := range n {
		pairs = append(pairs, fmt.Sprintf("%s.member.%d", list, i+1), member(i))
	}
	return pairs
}

// tagMembers are n tags, from the first number on.
func tagMembers(first, n int) (pairs []string) {
	for i := range n {
		pairs = append(pairs, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprintf("key%d", first+i),
			fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
	}
	return pairs
}

// sized is a policy of n characters that count.
func sized(t *testing.T, n int) string {
	t.Helper()
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",` +
		`"Resource":"arn:aws:s3:::a-bucket/"}]}`
	if n < len(policy) {
		t.Fatalf("no policy has %d characters", n)
	}
	return strings.Replace(policy, "bucket/", "bucket/"+strings.Repeat("x", n-len(policy)), 1)
}

func sizedTrust(t *testing.T, n int) string {
	t.Helper()
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
		`"Principal":{"AWS":"arn:aws:iam::000000000000:role/"}}]}`
	return strings.Replace(policy, "role/", "role/"+strings.Repeat("x", n-len(policy)), 1)
}

// Every quota and limit of the IAM API: what just fits is taken, and one more is
// refused with AWS's status, code and text.
func TestIAMQuotas(t *testing.T) {
	dir := t.TempDir()
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.DataDir, c.MasterKey = dir, []byte(strings.Repeat("k", 32)) })
	ctx := t.Context()
	db := wiretest.Must(store.Open(ctx, store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}))(t)
	t.Cleanup(func() { _ = db.Close() })
	const account = "000000000000"

	// All but the last of each kind are written past the API, which would take its time.
	metadata := samltest.New(t, time.Now().Truncate(time.Second), 0).Metadata()
	seed := func(n int, create func(name string) error) {
		for i := range n {
			if err := create(fmt.Sprint("seed", i)); err != nil {
				t.Fatal(err)
			}
		}
	}

	seed(999, func(name string) error {
		_, err := db.CreateRole(ctx, store.Role{
			Account:    account,
			Name:       name,
			Path:       "/",
			ID:         "AROA" + name,
			Trust:      wiretest.AccountTrust,
			MaxSession: 3600,
		}, 0)

		return err
	})

	seed(1499, func(name string) error {
		_, err := db.CreatePolicy(ctx, store.ManagedPolicy{
			Account:  account,
			Name:     name,
			Path:     "/",
			ID:       "ANPA" + name,
			Versions: []store.PolicyVersion{{Number: 1, Document: wiretest.ReadPools}},
			Default:  1,
			Next:     2,
		}, 0)

		return err
	})

	seed(99, func(name string) error {
		_, err := db.CreateOIDCProvider(
			ctx, store.OIDCProvider{Account: account, URL: "https://" + name + ".example"}, 0,
		)
		return err
	})

	seed(99, func(name string) error {
		_, err := db.CreateSAMLProvider(ctx, store.SAMLProvider{
			Account:  account,
			Name:     name,
			ID:       "ASPA" + name,
			Metadata: metadata,
		}, 0)
		return err
	})

	thumb := func(int) string { return strings.Repeat("ab", 20) }
	client := func(i int) string { return fmt.Sprint("client", i) }
	call := func(action string, pairs ...string) []string { return append([]string{action}, pairs...) }
	role := func(name string, more ...string) []string {
		return call("CreateRole", append(
			[]string{"RoleName", name, "AssumeRolePolicyDocument", wiretest.AccountTrust}, more...)...)
	}

	managed := func(name string, more ...string) []string {
		return call("CreatePolicy", append(
			[]string{"PolicyName", name, "PolicyDocument", wiretest.ReadPools}, more...)...)
	}

	oidc := func(url string, more ...string) []string {
		return call("CreateOpenIDConnectProvider", append([]string{"Url", url}, more...)...)
	}
	saml := func(name, metadata string, more ...string) []string {
		return call("CreateSAMLProvider", append([]string{"Name", name, "SAMLMetadataDocument", metadata}, more...)...)
	}
	const (
		lastRole   = "last"
		lastPolicy = wiretest.IAMBase + "policy/last"
		lastOIDC   = wiretest.IAMBase + "oidc-provider/last.example"
		one        = "1 validation error detected: "
		longer     = "Member must have length less than or equal to "
		shorter    = "Member must have length greater than or equal to "
	)
	long := func(n int) string { return strings.Repeat("n", n) }

	// Texts repeat the first 256 characters of a value.
	echoed := func(value string) string { return one + "Value '" + value[:256] + "...' at '" }
	put := func(name, document string) []string {
		return call("PutRolePolicy", "RoleName", lastRole, "PolicyName", name, "PolicyDocument", document)
	}

	var attach [][]string
	for i := range 10 {
		attach = append(attach, call(
			"AttachRolePolicy", "RoleName", lastRole, "PolicyArn", fmt.Sprintf("%spolicy/seed%d", wiretest.IAMBase, i),
		))
	}
	// In this order: a step relies on those before it.
	for _, step := range []struct {
		name          string
		fits          [][]string // each is an action and its parameters
		over          []string   // refused
		status        int
		code, message string
	}{
		{
			"roles of an account",
			[][]string{role(lastRole, tagMembers(0, 49)...)},
			role("over"),
			409,
			"LimitExceeded",
			"Cannot exceed quota for RolesPerAccount: 1000",
		},
		{
			"a role makes room",
			[][]string{call("DeleteRole", "RoleName", "seed0"), role("second")},
			role("over"),
			409,
			"LimitExceeded",
			"Cannot exceed quota for RolesPerAccount: 1000",
		},
		{
			"managed policies of an account",
			[][]string{managed("last", "PolicyDocument", sized(t, 6144)+strings.Repeat(" \n\t", 100))},
			managed("over"),
			409,
			"LimitExceeded",
			"Cannot exceed quota for PoliciesPerAccount: 1500",
		},
		{
			"OpenID Connect providers of an account",
			[][]string{oidc("https://last.example", numbered("ClientIDList", 99, client)...)},
			oidc("https://over.example"),
			409,
			"LimitExceeded",
			"Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100",
		},
		{
			"SAML providers of an account",
			[][]string{saml("last", metadata)},
			saml("over", metadata),
			409,
			"LimitExceeded",
			"Cannot exceed quota for SAMLProvidersPerAccount: 100",
		},
		{
			"tags of a role",
			[][]string{call("TagRole", append([]string{"RoleName", lastRole}, tagMembers(49, 1)...)...), call(
				"TagRole", append([]string{"RoleName", lastRole}, tagMembers(0, 50)...)...,
			)},
			call("TagRole", append([]string{"RoleName", lastRole}, tagMembers(50, 1)...)...),
			409,
			"LimitExceeded",
			"The number of tags has reached the maximum limit of 50.",
		},
		{
			"tags of a call",
			nil,
			call("TagRole", append([]string{"RoleName", lastRole}, tagMembers(0, 51)...)...),
			400,
			"ValidationError",
			"",
		},
		{
			"tags of a policy",
			[][]string{call("TagPolicy", append([]string{"PolicyArn", lastPolicy}, tagMembers(0, 50)...)...)},
			call("TagPolicy", append([]string{"PolicyArn", lastPolicy}, tagMembers(50, 1)...)...),
			409,
			"LimitExceeded",
			"The number of tags has reached the maximum limit of 50.",
		},
		{
			"tags of an OpenID Connect provider",
			[][]string{call(
				"TagOpenIDConnectProvider",
				append([]string{"OpenIDConnectProviderArn", lastOIDC}, tagMembers(0, 50)...)...,
			)},
			call("TagOpenIDConnectProvider", append(
				[]string{"OpenIDConnectProviderArn", lastOIDC}, tagMembers(50, 1)...)...),
			409,
			"LimitExceeded",
			"The number of tags has reached the maximum limit of 50.",
		},
		{
			"tags of a SAML provider",
			[][]string{call(
				"TagSAMLProvider",
				append([]string{"SAMLProviderArn", wiretest.IAMBase + "saml-provider/last"}, tagMembers(0, 50)...)...,
			)},
			call("TagSAMLProvider", append(
				[]string{"SAMLProviderArn", wiretest.IAMBase + "saml-provider/last"}, tagMembers(50, 1)...)...),
			409,
			"LimitExceeded",
			"The number of tags has reached the maximum limit of 50.",
		},
		{
			"tag key",
			[][]string{call(
				"TagRole", "RoleName", "second", "Tags.member.1.Key", long(128), "Tags.member.1.Value", long(256),
			)},
			call("TagRole", "RoleName", "second", "Tags.member.1.Key", long(129), "Tags.member.1.Value", ""),
			400,
			"ValidationError",
			one + "Value '" + long(129) + "' at 'tags.1.member.key' failed to satisfy constraint: " + longer + "128",
		},
		{
			"tag value",
			nil,
			call("TagRole", "RoleName", "second", "Tags.member.1.Key", "k", "Tags.member.1.Value", long(257)),
			400,
			"ValidationError",
			echoed(long(257)) + "tags.1.member.value' failed to satisfy constraint: " + longer + "256",
		},
		{
			"policies attached to a role",
			append(attach, attach[0]),
			call("AttachRolePolicy", "RoleName", lastRole, "PolicyArn", wiretest.IAMBase+"policy/seed10"),
			409,
			"LimitExceeded",
			"Cannot exceed quota for PoliciesPerRole: 10",
		},
		{
			"managed policy",
			nil,
			managed("over", "PolicyDocument", sized(t, 6145)),
			409,
			"LimitExceeded",
			"Cannot exceed quota for PolicySize: 6144",
		},
		{
			"version of a managed policy",
			[][]string{call("CreatePolicyVersion", "PolicyArn", lastPolicy, "PolicyDocument", sized(t, 6144))},
			call("CreatePolicyVersion", "PolicyArn", lastPolicy, "PolicyDocument", sized(t, 6145)),
			409,
			"LimitExceeded",
			"Cannot exceed quota for PolicySize: 6144",
		},
		{
			"versions of a managed policy",
			[][]string{
				call("CreatePolicyVersion", "PolicyArn", lastPolicy, "PolicyDocument", wiretest.ReadPools),
				call("CreatePolicyVersion", "PolicyArn", lastPolicy, "PolicyDocument", wiretest.ReadPools),
				call("CreatePolicyVersion", "PolicyArn", lastPolicy, "PolicyDocument", wiretest.ReadPools),
			},
			call("CreatePolicyVersion", "PolicyArn", lastPolicy, "PolicyDocument", wiretest.ReadPools),
			409,
			"LimitExceeded",
			"A managed policy can have up to 5 versions. Before you create a new version, you must delete an " +
				"existing version.",
		},
		{
			"trust policy",
			[][]string{call(
				"UpdateAssumeRolePolicy",
				"RoleName",
				lastRole,
				"PolicyDocument",
				sizedTrust(t, 2048)+strings.Repeat(" ", 100),
			)},
			call("UpdateAssumeRolePolicy", "RoleName", lastRole, "PolicyDocument", sizedTrust(t, 2049)),
			409,
			"LimitExceeded",
			"Cannot exceed quota for ACLSizePerRole: 2048",
		},
		{
			"trust policy of a new role",
			nil,
			role("over", "AssumeRolePolicyDocument", sizedTrust(t, 2049)),
			409,
			"LimitExceeded",
			"Cannot exceed quota for ACLSizePerRole: 2048",
		},
		{
			"inline policies together",
			[][]string{put("a", sized(t, 10000)), put("b", sized(t, 240))},
			put("c", sized(t, 200)),
			409,
			"LimitExceeded",
			"Maximum policy size of 10240 bytes exceeded for role last",
		},
		{
			"an inline policy instead of another",
			[][]string{put("b", sized(t, 239)), put("b", sized(t, 240))},
			put("b", sized(t, 241)),
			409,
			"LimitExceeded",
			"Maximum policy size of 10240 bytes exceeded for role last",
		},
		{
			"client IDs",
			[][]string{
				call(
					"AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", lastOIDC, "ClientID", "client99",
				),
				call("AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", lastOIDC, "ClientID", "client0"),
			},
			call("AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", lastOIDC, "ClientID", "client100"),
			409,
			"LimitExceeded",
			"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
		},
		{
			"client IDs of a new provider",
			nil,
			oidc("https://over.example", numbered("ClientIDList", 101, client)...),
			409,
			"LimitExceeded",
			"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
		},
		{
			"client ID",
			[][]string{
				call(
					"RemoveClientIDFromOpenIDConnectProvider",
					"OpenIDConnectProviderArn",
					lastOIDC,
					"ClientID",
					"client0",
				),
				call("AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", lastOIDC, "ClientID", long(255)),
			},
			call("AddClientIDToOpenIDConnectProvider", "OpenIDConnectProviderArn", lastOIDC, "ClientID", long(256)),
			400,
			"ValidationError",
			one + "Value '" + long(256) + "' at 'clientID' failed to satisfy constraint: " + longer + "255",
		},
		{
			"thumbprints",
			[][]string{call(
				"UpdateOpenIDConnectProviderThumbprint",
				append([]string{"OpenIDConnectProviderArn", lastOIDC}, numbered("ThumbprintList", 5, thumb)...)...,
			)},
			call("UpdateOpenIDConnectProviderThumbprint", append(
				[]string{"OpenIDConnectProviderArn", lastOIDC}, numbered("ThumbprintList", 6, thumb)...)...),
			400,
			"InvalidInput",
			"Thumbprint list must contain at most 5 entries.",
		},
		{
			"no thumbprint",
			nil,
			call("UpdateOpenIDConnectProviderThumbprint", "OpenIDConnectProviderArn", lastOIDC),
			400,
			"ValidationError",
			"",
		},
		{
			"thumbprint of 39 digits",
			nil,
			call(
				"UpdateOpenIDConnectProviderThumbprint",
				"OpenIDConnectProviderArn",
				lastOIDC,
				"ThumbprintList.member.1",
				thumb(0)[:39],
			),
			400,
			"ValidationError",
			one + "Value '[" + thumb(0)[:39] +
				"]' at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: [" + longer +
				"40, " + shorter + "40]",
		},
		{
			"thumbprint of 41 digits",
			nil,
			oidc("https://over.example", "ThumbprintList.member.1", thumb(0)+"a"),
			400,
			"ValidationError",
			"",
		},
		{
			"thumbprint of letters",
			nil,
			oidc("https://over.example", "ThumbprintList.member.1", strings.Repeat("xy", 20)),
			400,
			"InvalidInput",
			"Thumbprint " + strings.Repeat("xy", 20) + " is not made of hexadecimal digits.",
		},
		{
			"URL of a provider",
			[][]string{
				call(
					"DeleteOpenIDConnectProvider",
					"OpenIDConnectProviderArn",
					wiretest.IAMBase+"oidc-provider/seed0.example",
				),
				oidc("https://long.example/" + long(255-21)),
			},
			oidc("https://long.example/" + long(256-21)),
			400,
			"ValidationError",
			one + "Value 'https://long.example/" + long(256-21) + "' at 'url' failed to satisfy constraint: " +
				longer + "255",
		},
		{
			"name of a role",
			[][]string{call("DeleteRole", "RoleName", "seed1"), role(
				long(64), "Path", "/"+long(510)+"/", "Description", long(1000), "MaxSessionDuration", "43200",
			)},
			role(long(65)),
			400,
			"ValidationError",
			one + "Value '" + long(65) + "' at 'roleName' failed to satisfy constraint: " + longer + "64",
		},
		{
			"path of a role",
			nil,
			role("over", "Path", "/"+long(511)+"/"),
			400,
			"ValidationError",
			echoed("/"+long(511)) + "path' failed to satisfy constraint: " + longer + "512",
		},
		{
			"description of a role",
			nil,
			role("over", "Description", long(1001)),
			400,
			"ValidationError",
			echoed(long(1001)) + "description' failed to satisfy constraint: " + longer + "1000",
		},
		{
			"short session",
			nil,
			role("over", "MaxSessionDuration", "3599"),
			400,
			"ValidationError",
			one +
				"Value '3599' at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater " +
				"than or equal to 3600",
		},
		{
			"name of an inline policy",
			[][]string{call("DeleteRolePolicy", "RoleName", lastRole, "PolicyName", "a"), put(
				long(128), wiretest.ReadPools,
			)},
			put(long(129), wiretest.ReadPools),
			400,
			"ValidationError",
			one + "Value '" + long(129) + "' at 'policyName' failed to satisfy constraint: " + longer + "128",
		},
		{
			"name of a managed policy",
			[][]string{call("DeletePolicy", "PolicyArn", wiretest.IAMBase+"policy/seed1000"), managed(long(128))},
			managed(long(129)),
			400,
			"ValidationError",
			one + "Value '" + long(129) + "' at 'policyName' failed to satisfy constraint: " + longer + "128",
		},
		{
			"name of a SAML provider",
			nil,
			saml(long(129), metadata),
			400,
			"ValidationError",
			one + "Value '" + long(129) + "' at 'name' failed to satisfy constraint: " + longer + "128",
		},
		{"metadata of a SAML provider", nil, saml("over", "<a/>"), 400, "ValidationError", ""},
		{
			"entries of a page",
			[][]string{call("ListRoles", "MaxItems", "1000")},
			call("ListRoles", "MaxItems", "1001"),
			400,
			"ValidationError",
			one +
				"Value '1001' at 'maxItems' failed to satisfy constraint: Member must have value less than or " +
				"equal to 1000",
		},
		{
			"no entry on a page",
			nil,
			call("ListRoles", "MaxItems", "0"),
			400,
			"ValidationError",
			one +
				"Value '0' at 'maxItems' failed to satisfy constraint: Member must have value greater than or " +
				"equal to 1",
		},
	} {
		t.Run(step.name, func(t *testing.T) {
			for _, c := range step.fits {
				if status, code, message, _ := iamCall(t, s, c[0], c[1:]...); status != http.StatusOK {
					t.Errorf("%s: %d %s: %s", c[0], status, code, message)
				}
			}
			status, code, message, _ := iamCall(t, s, step.over[0], step.over[1:]...)
			if status != step.status || code != step.code || step.message != "" && message != step.message {
				t.Errorf(
					"%s: %d %s: %s\nwant %d %s: %s",
					step.over[0],
					status,
					code,
					message,
					step.status,
					step.code,
					step.message,
				)
			}
		})
	}
}
