package stsapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// Condition keys of a request to assume a role: which have a value, which are known
// to be absent, and which cannot be known.
func TestKnownInTrustPolicies(t *testing.T) {
	const provider = "Idp.example.com:8443/realms/x"

	many := make([]any, maxClaimValues+1)
	for i := range many {
		many[i] = "g"
	}
	proved := login.Claims{Subject: "s", Audience: "client", All: map[string]any{
		"sub":                      "s",
		"aud":                      "client",
		"email":                    "a@example.com",
		"level":                    json.Number("3"),
		"groups":                   many,
		"long":                     strings.Repeat("x", maxClaimBytes+1),
		"nested":                   map[string]any{"a": "b"},
		"mixed":                    []any{"a", json.Number("1")},
		"nothing":                  nil,
		"none":                     []any{},
		"Role":                     "admin",
		"role":                     "user",
		"https://example.com/plan": "free",
	}}
	e := assume.Attempt{
		Role: iam.Role{
			ARN:     iam.NewRoleARN("aws", "123456789012", "/", "r"),
			Account: "123456789012",
			Tags:    map[string]string{"Env": "prod", "a": "1", "A": "2"},
		},
		Keys:        tokenConditions(provider, proved),
		Claims:      tokenClaims(provider, proved.All),
		SessionName: "session",
		Region:      "eu-west-1",
	}

	r := e.PolicyRequest(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
	for key, want := range map[string]string{
		provider + ":email":                    "a@example.com",
		provider + ":level":                    "3",
		provider + ":sub":                      "s",
		provider + ":missing":                  "absent",
		provider + ":nothing":                  "absent",
		provider + ":none":                     "absent",
		provider + ":groups":                   "unknown",
		provider + ":long":                     "unknown",
		provider + ":nested":                   "unknown",
		provider + ":mixed":                    "unknown",
		provider + ":role":                     "unknown",
		provider + ":ROLE":                     "unknown",
		provider + ":https://example.com/plan": "unknown",

		"accounts.google.com:aud":             "absent",
		"cognito-identity.amazonaws.com:aud":  "absent",
		"cognito-identity.amazonaws.com:aude": "unknown",
		"saml:aud":                            "absent",
		"aws:ResourceTag/env":                 "prod",
		"iam:ResourceTag/ENV":                 "prod",
		"aws:ResourceTag/a":                   "unknown",
		"aws:ResourceTag/b":                   "absent",
		"aws:RequestedRegion":                 "eu-west-1",
		"aws:ResourceAccount":                 "123456789012",
		"aws:RequestTag/x":                    "absent",
		"aws:TagKeys":                         "absent",
		"aws:PrincipalTag/x":                  "absent",
		"aws:MultiFactorAuthPresent":          "absent",
		"aws:ViaAWSService":                   "false",
		"aws:SourceIp":                        "unknown",
		"aws:NoSuchKey":                       "unknown",
		"sts:RoleSessionName":                 "session",
		"sts:ExternalId":                      "absent",
		"sts:NoSuchKey":                       "unknown",
		"s3:prefix":                           "absent",
		"foo:bar":                             "unknown",
	} {
		key = policy.FoldKey(key)

		values, known := r.Context.Find(key)
		got := "unknown"
		switch {
		case len(values) > 0:
			got = strings.Join(values, ",")
		case known:
			got = "absent"
		}

		if got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// A claim that cannot be a condition key denies: padding it out does not get
// anybody past a Deny.
func TestClaimsThatCannotBeKnown(t *testing.T) {
	const provider = "idp.example.com"
	trust, err := policy.Parse(
		[]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"p"},"Action":"*"},
		{"Effect":"Deny","Principal":{"Federated":"p"},"Action":"*",
			"Condition":{"ForAnyValue:StringEquals":{"idp.example.com:groups":"blocked"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}

	for want, groups := range map[policy.Effect][]any{
		policy.Allow: {"staff"},
		policy.Deny:  append(slices.Repeat([]any{"x"}, maxClaimValues), "blocked"),
	} {
		proved := login.Claims{Subject: "s", Audience: "a", All: map[string]any{"groups": groups}}
		e := assume.Attempt{
			Principal: policy.Principal{Federated: "p"},
			Keys:      tokenConditions(provider, proved),
			Claims:    tokenClaims(provider, proved.All),
		}
		r := e.PolicyRequest(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
		r.Action = assume.WebIdentityAction
		if got, _ := trust.Evaluate(r); got != want {
			t.Errorf("%d groups: %v, want %v", len(groups), got, want)
		}
	}
}

func TestKnownInSAML(t *testing.T) {
	a := &saml.Assertion{Attributes: map[string][]string{
		"urn:oid:0.9.2342.19200300.100.1.3": {"a@example.com"},
		"urn:oid:1.3.6.1.4.1.5923.1.1.1.1":  slices.Repeat([]string{"x"}, maxClaimValues+1),
	}}
	c, keys := samlConditions(a, iam.SAMLProvider{}, "q"), samlClaims(a)
	if got := c["saml:mail"]; len(got) != 1 {
		t.Errorf("mail = %q", got)
	}

	for name, known := range map[string]bool{"edupersonaffiliation": false, "uid": true, "cn": true, "aud": true,
		"nosuch": false} {
		if len(c["saml:"+name]) == 0 && keys.Lacks(name) != known {
			t.Errorf("saml:%s: known to be absent %t, want %t", name, !known, known)
		}
	}
}
