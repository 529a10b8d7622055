package adminapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// exported is the answer of ExportPool.
type exported struct {
	Text  string
	Notes []string
}

const xSecret = "s3cretOfTheConsumer"

// hostileDraft is a draft whose texts would be commands, templates or new blocks.
const hostileDraft = `{"IdentityPoolName":"my pool","AllowUnauthenticatedIdentities":true,
	"SupportedLoginProviders":{"accounts.google.com":"app","api.twitter.com":"key;` + xSecret + `"},
	"IdentityPoolTags":{"team":"it's $(id) ${file(\"x\")}\n}"},
	"Roles":{"authenticated":"arn:aws:iam::000000000000:role/user"},
	"RoleMappings":{"accounts.google.com":{"Type":"Rules","AmbiguousRoleResolution":"Deny",
		"RulesConfiguration":{"Rules":[
		{"Claim":"it's","MatchType":"Equals","Value":"%{x}","RoleARN":"arn:aws:iam::000000000000:role/user"}]}}},
	"PrincipalTags":[{"IdentityProviderName":"accounts.google.com","UseDefaults":false,
		"PrincipalTags":{"dept":"it's"}}]}`

// Each format has the pool, quotes what is hostile, and has no secret.
func TestExportDraft(t *testing.T) {
	s := wiretest.Start(t)

	for format, wants := range map[string][]string{
		"yaml": {
			"Resources:\n", "AWS::Cognito::IdentityPoolRoleAttachment", "AWS::Cognito::IdentityPoolPrincipalTag",
			`"it's $(id) ${file(\"x\")}\n}"`,
		},
		"terraform": {
			`resource "aws_cognito_identity_pool" "Poolmypool" {`, `"it's $(id) $${file(\"x\")}\n}"`, `"%%{x}"`,
			"identity_pool_id = aws_cognito_identity_pool.Poolmypool.id", `"dept" = "it's"`, "use_defaults = false",
		},
		"cli": {
			"aws cognito-identity create-identity-pool", `it'\''s $(id) ${file(\"x\")}\n}`,
			`set-identity-pool-roles --identity-pool-id "$pool_id"`, "set-principal-tag-attribute-map",
		},
	} {
		got := decoded[exported](t, s.AdminCall(t, "ExportPool", `{"Format":"`+format+`","Draft":`+hostileDraft+`}`))
		for _, want := range append(wants, "(hidden)", "# SupportedLoginProviders: the secret of api.twitter.com") {
			if !strings.Contains(got.Text, want) {
				t.Errorf("%s: no %s in\n%s", format, want, got.Text)
			}
		}

		if strings.Contains(got.Text, xSecret) || strings.Contains(got.Text, "PoolhouseId") || len(got.Notes) == 0 {
			t.Errorf("%s: %+v", format, got)
		}
	}
}

// An exported pool has the maps of principal tags that are set but empty, and none for providers that never had one.
func TestExportEmptyPrincipalTags(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		const pool = `"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true,
			"SupportedLoginProviders":{"accounts.google.com":"app","graph.facebook.com":"app"}`
		made := decoded[struct{ IdentityPoolId string }](t, s.Raw(t, "CreateIdentityPool", "{"+pool+"}", true))
		s.Raw(t, "SetPrincipalTagAttributeMap", `{"IdentityPoolId":"`+made.IdentityPoolId+`",
			"IdentityProviderName":"accounts.google.com","PrincipalTags":{}}`, true)

		for format, want := range map[string]string{
			"yaml":      "IdentityProviderName: accounts.google.com\n      UseDefaults: false\n",
			"terraform": "use_defaults = false\n  principal_tags = {\n  }\n",
			"cli":       `{"IdentityProviderName":"accounts.google.com","PrincipalTags":{},"UseDefaults":false}`,
		} {
			for _, of := range []string{
				`"IdentityPoolId":"` + made.IdentityPoolId + `"`,
				`"Draft":{` + pool + `,"PrincipalTags":[
					{"IdentityProviderName":"accounts.google.com","PrincipalTags":{}}]}`,
			} {
				got := decoded[exported](t, s.AdminCall(t, "ExportPool", `{"Format":"`+format+`",`+of+`}`))
				if strings.Count(got.Text, want) != 1 || strings.Count(got.Text, "graph.facebook.com") != 1 {
					t.Errorf("%s of %s:\n%s", format, of, got.Text)
				}
			}
		}
	})
}

// The text in the place of a secret makes no pool: the server refuses it, and tells why.
func TestExportedSecretIsNoSecret(t *testing.T) {
	s := wiretest.Start(t)
	pool := func(secret string) string {
		return `{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true,` +
			`"SupportedLoginProviders":{"api.twitter.com":"key;` + secret + `"}}`
	}
	got := decoded[exported](t, s.AdminCall(t, "ExportPool", `{"Format":"cli","Draft":`+pool(xSecret)+`}`))
	if !strings.Contains(got.Text, "key;(hidden)") {
		t.Fatalf("no placeholder in %s", got.Text)
	}

	refused := s.Raw(t, "CreateIdentityPool", pool("(hidden)"), true)
	wantRefused(t, "the placeholder", refused, "ValidationException", "supportedLoginProviders")
	why := s.AdminCall(t, "Explain", `{"RequestId":"`+refused.Header.Get("X-Amzn-Requestid")+`"}`)
	for _, part := range []string{"a value with (hidden) in the place of a secret", "write the secret in the place"} {
		if !strings.Contains(why.Body, part) {
			t.Errorf("the explanation lacks %q: %s", part, why.Body)
		}
	}

	made := s.Raw(t, "CreateIdentityPool", pool(xSecret), true)
	wiretest.Equal(t, "the secret itself", made.Status, http.StatusOK)
}

// Bad input is refused with a type, and a draft is held to the models of the operations that would make it.
func TestExportPoolInput(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		pool := s.NewPool(t)
		draft := func(members string) string {
			return `{"Draft":{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true` + members + `}}`
		}

		for _, body := range []string{
			`{}`, `{"IdentityPoolId":""}`, `{"IdentityPoolId":1}`, `{"Format":"yaml"}`,
			`{"IdentityPoolId":"` + strings.Repeat("x", 56) + `"}`, `{"IdentityPoolId":"no pool"}`,
			`{"IdentityPoolId":"` + pool + `","Format":"json"}`, `{"IdentityPoolId":"` + pool + `","Format":""}`,
			`{"IdentityPoolId":"` + pool + `","Draft":{"IdentityPoolName":"p","AllowUnauthenticatedIdentities":true}}`,
			`{"Draft":1}`, `{"Draft":{}}`, `{"Draft":{"IdentityPoolName":"a/b","AllowUnauthenticatedIdentities":true}}`,
			draft(`,"Roles":{"authenticated":"x"}`), draft(`,"Roles":[]`),
			draft(`,"RoleMappings":{"a":{"Type":"None"}}`), draft(`,"PrincipalTags":[{}]`),
			draft(`,"PrincipalTags":[{"IdentityProviderName":"nobody.example"}]`),
			draft(`,"PrincipalTags":[` + strings.Repeat(`{"IdentityProviderName":"a"},`, 50) +
				`{"IdentityProviderName":"a"}]`),
		} {
			if answer := s.AdminCall(t, "ExportPool", body); answer.Status != http.StatusBadRequest {
				t.Errorf("%.120s: %d %s", body, answer.Status, answer.Body)
			}
		}

		got := decoded[exported](t, s.AdminCall(t, "ExportPool", `{"IdentityPoolId":"`+pool+`"}`))
		if !strings.Contains(got.Text, `PoolhouseId: `+pool) && !strings.Contains(got.Text, `PoolhouseId: "`+pool) {
			t.Errorf("no ID in %s", got.Text)
		}
	})
}

// Who may not read a pool may not export it either; a foreign pool is one that does not exist.
func TestExportPoolOfAccounts(t *testing.T) {
	eachTenancy(t, func(t *testing.T, w *wiretest.Accounts) {
		home := w.Pools(wiretest.HomeAccount)
		pool := *wiretest.Must(home.CreateIdentityPool(t.Context(), &ci.CreateIdentityPoolInput{
			IdentityPoolName: aws.String("own"), AllowUnauthenticatedIdentities: true,
			SupportedLoginProviders: map[string]string{"api.twitter.com": "key;" + xSecret},
		}))(t).IdentityPoolId
		body := `{"IdentityPoolId":"` + pool + `"}`
		got := w.Administer(t, wiretest.HomeAccount, "ExportPool", body)
		if got.Status != http.StatusOK || strings.Contains(got.Body, xSecret) {
			t.Errorf("%d %s", got.Status, got.Body)
		}

		const none = "us-east-1:11111111-2222-4333-8444-555555555555"
		foreign := w.Administer(t, neighbour, "ExportPool", body)
		absent := w.Administer(t, neighbour, "ExportPool", `{"IdentityPoolId":"`+none+`"}`)
		wantRefused(t, "a foreign pool", foreign, "ResourceNotFoundException", "")
		wiretest.Equal(t, "a foreign pool", strings.ReplaceAll(foreign.Body, pool, none), absent.Body)
		elsewhere := `{"IdentityPoolId":"eu-west-1` + strings.TrimPrefix(pool, "us-east-1") + `"}`
		wantRefused(t, "another region", w.Administer(t, wiretest.HomeAccount, "ExportPool", elsewhere),
			"ResourceNotFoundException", "")

		for name, actions := range map[string]string{
			"nothing":    listPools,
			"only this":  `"poolhouse:ExportPool"`,
			"no reading": `"poolhouse:ExportPool","cognito-identity:GetIdentityPoolRoles"`,
		} {
			statement := actions // a document
			if !strings.HasPrefix(actions, "{") {
				statement = wiretest.PolicyOf(`{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}`)
			}
			newKey(t, w, wiretest.HomeAccount, name, statement)
			wantRefused(t, name, w.Administer(t, name, "ExportPool", body), "AccessDeniedException", "not authorized")
		}
		newKey(t, w, wiretest.HomeAccount, "reader", wiretest.PolicyOf(`{"Effect":"Allow","Action":[
			"poolhouse:ExportPool",
			"cognito-identity:DescribeIdentityPool","cognito-identity:GetIdentityPoolRoles",
			"cognito-identity:GetPrincipalTagAttributeMap"],"Resource":"*"}`))
		if got := w.Administer(t, "reader", "ExportPool", body); got.Status != http.StatusOK {
			t.Errorf("who may read it: %d %s", got.Status, got.Body)
		}
		var text exported
		if err := json.Unmarshal([]byte(got.Body), &text); err != nil || !strings.Contains(text.Text, "Resources:") {
			t.Errorf("%+v, %v", text, err)
		}
	})
}
