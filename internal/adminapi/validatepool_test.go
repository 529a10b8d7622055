package adminapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// validated is the answer of ValidateIdentityPool.
type validated struct {
	Violations, Refusals []struct{ Operation, Field, Error, Message, Reason, Fix string }
	Warnings             []struct{ Code, Field, Message, Fix string }
}

// answerOf returns what an operation would answer; "" = success.
func (v validated) answerOf(operation string) string {
	for _, r := range v.Refusals {
		if r.Operation == operation {
			return r.Error + ": " + r.Message
		}
	}
	return ""
}

// realAnswer returns what an operation answers; "" = success.
func realAnswer(t *testing.T, a wiretest.Answer) string {
	t.Helper()
	if a.Status == http.StatusOK {
		return ""
	}

	var refused struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(a.Body), &refused); err != nil || a.Status >= 500 {
		t.Fatalf("answer %d: %s", a.Status, a.Body)
	}

	return refused.Type + ": " + refused.Message
}

// configuration draws the input of CreateIdentityPool, good or bad.
func (c choices) configuration() map[string]any {
	arn := func(rest string) string { return "arn:aws:iam::" + rest }
	in := map[string]any{"IdentityPoolName": "pool", "AllowUnauthenticatedIdentities": c.IntN(2) == 0}
	faults := []func(){
		func() { in["IdentityPoolName"] = c.of("", "a/b", strings.Repeat("x", 129)) },
		func() { delete(in, c.of("IdentityPoolName", "AllowUnauthenticatedIdentities")) },
		func() {
			in["SupportedLoginProviders"] = map[string]string{c.of("accounts.google.com", "nobody.example"): "app"}
		},
		func() { in["SupportedLoginProviders"] = map[string]string{"a.example": "1", "b.example": "2"} },
		func() { in["SupportedLoginProviders"] = map[string]string{"accounts.google.com": c.of("", "a b")} },
		func() { in["DeveloperProviderName"] = c.of("login.app", "accounts.google.com", "a b", "") },
		func() {
			in["OpenIdConnectProviderARNs"] = []string{
				c.of(c.provider, arn("000000000000:oidc-provider/x.example"), "no-arn-but-long-enough"),
				c.of(c.provider, arn("000000000000:role/x"), "arn:aws-cn:iam::000000000000:oidc-provider/x.example"),
			}
		},
		func() {
			in["SamlProviderARNs"] = []string{
				c.of(arn("111111111111:saml-provider/a"), arn("000000000000:saml-provider/a")),
				c.of(arn("000000000000:saml-provider/a"), arn("000000000000:oidc-provider/a")),
			}
		},
		func() {
			const userPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_a"
			in["CognitoIdentityProviders"] = []map[string]string{
				{"ProviderName": c.of(userPool, "a.example"), "ClientId": "abc"},
				{"ProviderName": userPool, "ClientId": c.of("abc", "a-b", "d")},
				{"ProviderName": userPool + "b"},
			}[c.IntN(2):]
		},
		func() { in["IdentityPoolTags"] = map[string]string{c.of("aws:x", "a", "a#"): c.of("ok", "b#")} },
		func() {
			tags := map[string]string{}
			for i := range 51 {
				tags[fmt.Sprintf("tag-%d", i)] = ""
			}
			in["IdentityPoolTags"] = tags
		},
	}
	for range c.IntN(4) {
		faults[c.IntN(len(faults))]()
	}

	return in
}

// badDraft draws roles, mappings and tags, good or bad.
func (c choices) badDraft() map[string]any {
	c.roles = append(slices.Clone(c.roles), "arn:aws:iam::111111111111:role/Other",
		"arn:aws-cn:iam::000000000000:role/China", "arn:aws:iam::000000000000:user/NoRole", "short")
	draft := c.draft()
	mappings := draft["RoleMappings"].(map[string]any)
	for _, mapping := range mappings {
		m := mapping.(map[string]any)
		switch c.IntN(6) {
		case 0:
			delete(m, "AmbiguousRoleResolution")
		case 1:
			m["Type"] = c.of("Rules", "Token", "Other")
		}
	}
	switch c.IntN(6) {
	case 0:
		mappings["b.example"] = map[string]any{"Type": "Token", "AmbiguousRoleResolution": "Deny"}
		mappings["c.example"] = map[string]any{"Type": "Token", "AmbiguousRoleResolution": "Deny"}
	case 1:
		mappings["x"] = map[string]any{"AmbiguousRoleResolution": "Maybe"}
	case 2:
		delete(draft, "Roles")
	}
	if c.IntN(3) == 0 {
		draft["PrincipalTags"].([]any)[0].(map[string]any)["PrincipalTags"] = map[string]string{
			c.of("aws:x", "a", "a#"): "claim", c.of("A", "b"): strings.Repeat("c", 1+c.IntN(300)),
		}
	}

	return draft
}

// TestValidateIdentityPoolAgrees compares ValidateIdentityPool with the operations that would
// make the pool.
func TestValidateIdentityPoolAgrees(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		c := choices{
			Rand:     rand.New(rand.NewPCG(15, 4)),
			roles:    []string{wiretest.AuthenticatedRole, wiretest.GuestRole},
			provider: wiretest.DevInfo(s).OIDCProviderARN,
		}
		outcomes := map[string]int{}

		for n := range 2 * generated {
			config, draft := c.configuration(), map[string]any{}
			if n%2 == 1 {
				config, draft = map[string]any{
					"IdentityPoolName": "pool", "AllowUnauthenticatedIdentities": true,
					"OpenIdConnectProviderARNs": []string{c.provider},
				}, c.badDraft()
			}
			in := maps.Clone(config)
			maps.Copy(in, draft)
			before := poolCount(t, s)
			got := decoded[validated](t, s.AdminCall(t, "ValidateIdentityPool", encoded(t, in)))
			if after := poolCount(t, s); after != before {
				t.Fatalf("ValidateIdentityPool made a pool")
			}

			made := s.Raw(t, "CreateIdentityPool", encoded(t, config), true)
			compare(t, n, in, got, "CreateIdentityPool", made, outcomes)
			if made.Status != http.StatusOK {
				continue
			}

			pool := decoded[struct{ IdentityPoolId string }](t, made).IdentityPoolId
			if n%2 == 1 {
				compareDraft(t, s, n, pool, in, draft, got, outcomes)
			}
			s.Raw(t, "DeleteIdentityPool", encoded(t, map[string]string{"IdentityPoolId": pool}), true)
		}

		t.Log(len(outcomes), outcomes[""])
		if len(outcomes) < 25 || outcomes[""] < generated/4 {
			t.Errorf("the cases have too few outcomes: %v", outcomes)
		}
	})
}

func compareDraft(
	t *testing.T, s *wiretest.Server, n int, pool string, in, draft map[string]any, got validated,
	outcomes map[string]int,
) {
	t.Helper()
	roles := map[string]any{"IdentityPoolId": pool, "RoleMappings": draft["RoleMappings"]}
	if draft["Roles"] != nil {
		roles["Roles"] = draft["Roles"]
	}
	compare(t, n, in, got, "SetIdentityPoolRoles", s.Raw(t, "SetIdentityPoolRoles", encoded(t, roles), true), outcomes)

	tags := maps.Clone(draft["PrincipalTags"].([]any)[0].(map[string]any))
	tags["IdentityPoolId"] = pool
	compare(t, n, in, got, "SetPrincipalTagAttributeMap",
		s.Raw(t, "SetPrincipalTagAttributeMap", encoded(t, tags), true), outcomes)
}

func compare(
	t *testing.T, n int, in map[string]any, got validated, operation string, answer wiretest.Answer,
	outcomes map[string]int,
) {
	t.Helper()
	want := realAnswer(t, answer)
	outcomes[want]++
	if have := got.answerOf(operation); have != want {
		t.Errorf("case %d: %s\n%s: ValidateIdentityPool %q\nreally %q", n, encoded(t, in), operation, have, want)
	}

	// The operation answers with the first violation, unless it joins several of the model.
	for _, v := range got.Violations {
		if v.Operation != operation {
			continue
		}
		if said := v.Error + ": " + v.Message; said != want && !strings.Contains(want, " validation errors detected") {
			t.Errorf("case %d: the first violation of %s is %q, the answer %q", n, operation, said, want)
		}
		break
	}
}

func poolCount(t *testing.T, s *wiretest.Server) int {
	t.Helper()
	list := decoded[struct{ IdentityPools []any }](t, s.Raw(t, "ListIdentityPools", `{"MaxResults":60}`, true))
	return len(list.IdentityPools)
}

// TestValidateIdentityPoolReportsAll looks for every fault of one input, and for warnings.
func TestValidateIdentityPoolReportsAll(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.Limits.Pools = 1 })
	got := decoded[validated](t, s.AdminCall(t, "ValidateIdentityPool", `{
		"IdentityPoolName": "a/b", "AllowUnauthenticatedIdentities": true,
		"SupportedLoginProviders": {"a.example": "1", "b.example": "2"},
		"OpenIdConnectProviderARNs": ["arn:aws:iam::000000000000:role/not-a-provider",
			"arn:aws:iam::000000000000:oidc-provider/x.example", "arn:aws:iam::000000000000:oidc-provider/x.example"],
		"IdentityPoolTags": {"aws:a": "1"},
		"Roles": {"authenticated": "arn:aws:iam::111111111111:role/Other"}}`))

	var fields []string
	for _, v := range got.Violations {
		fields = append(fields, v.Field)
		if v.Fix == "" || v.Message == "" || v.Reason == "" && v.Error != "ValidationException" {
			t.Errorf("incomplete: %+v", v)
		}
	}
	want := []string{
		"IdentityPoolName", "OpenIdConnectProviderARNs", "OpenIdConnectProviderARNs",
		"SupportedLoginProviders", "SupportedLoginProviders", "IdentityPoolTags", "Roles",
	}
	if !slices.Equal(fields, want) {
		t.Errorf("fields = %q, want %q", fields, want)
	}

	var warnings []string
	for _, w := range got.Warnings {
		warnings = append(warnings, w.Code)
	}
	for _, code := range []string{"classic-flow", "guest-role", "provider"} {
		if !slices.Contains(warnings, code) {
			t.Errorf("no warning %s: %q", code, warnings)
		}
	}

	// The pool that fills the account's limit is the reason for the last violation.
	pool := s.NewPool(t)
	full := decoded[validated](t, s.AdminCall(t, "ValidateIdentityPool",
		`{"IdentityPoolName":"b","AllowUnauthenticatedIdentities":false,"AllowClassicFlow":false}`))
	if len(full.Violations) != 1 || full.Violations[0].Error != "LimitExceededException" {
		t.Errorf("with a full account: %+v", full)
	}

	// An update of that pool has room; its roles do not trust it.
	s.NewIAMRole(t, "Elsewhere", trustPolicy(`"sts:AssumeRoleWithWebIdentity"`, "",
		"us-east-1:00000000-0000-4000-8000-000000000000"))
	update := decoded[validated](t, s.AdminCall(t, "ValidateIdentityPool", encoded(t, map[string]any{
		"IdentityPoolId": pool, "IdentityPoolName": "b", "AllowUnauthenticatedIdentities": false,
		"AllowClassicFlow": false, "Roles": map[string]string{
			"authenticated": "arn:aws:iam::000000000000:role/Elsewhere",
		},
	})))
	if len(update.Violations) != 0 || len(update.Warnings) != 1 || update.Warnings[0].Code != "role-trust" {
		t.Errorf("update: %+v", update)
	}
}

// A fault in principal tags names its map by the place in the list.
func TestValidateIdentityPoolTellsThePlace(t *testing.T) {
	s := wiretest.Start(t)
	answer := s.AdminCall(t, "ValidateIdentityPool", `{
		"IdentityPoolName": "shop", "AllowUnauthenticatedIdentities": true,
		"PrincipalTags": [{"IdentityProviderName": "accounts.google.com"}, {}]}`)
	for _, want := range []string{`"PrincipalTags[0]"`, `"PrincipalTags[1].IdentityProviderName"`} {
		if !strings.Contains(answer.Body, `"Field":`+want) {
			t.Errorf("no %s: %s", want, answer.Body)
		}
	}
}
