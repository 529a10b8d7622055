package stsapi

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/webidentity"
)

// What a token says about its caller, for each kind of session. ARNs have the
// partition that the caller was put in.
func TestDescribeCaller(t *testing.T) {
	role, err := iam.ParseRoleARN("arn:aws:iam::123456789012:role/team/App")
	if err != nil {
		t.Fatal(err)
	}
	end := time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC)

	for name, tc := range map[string]struct {
		facts     iam.SessionFacts
		partition string
		want      webidentity.Caller
	}{
		"AssumeRole": {
			facts:     iam.SessionFacts{Expires: end, Tags: map[string]string{"a": "1"}, SourceIdentity: "alice"},
			partition: "aws",
			want: webidentity.Caller{
				Principal:      "arn:aws:iam::123456789012:role/team/App",
				PrincipalTags:  map[string]string{"a": "1"},
				SourceIdentity: "alice",
			},
		},
		"an OpenID Connect provider, by its URL": {
			facts: iam.SessionFacts{
				Expires:           end,
				FederatedProvider: "arn:aws:iam::123456789012:oidc-provider/idp.example/a",
			},
			partition: "aws",
			want: webidentity.Caller{
				Principal:         "arn:aws:iam::123456789012:role/team/App",
				FederatedProvider: "idp.example/a",
			},
		},
		"a SAML provider, in GovCloud": {
			facts: iam.SessionFacts{
				Expires:           end,
				FederatedProvider: "arn:aws:iam::123456789012:saml-provider/Corp",
			},
			partition: "aws-us-gov",
			want: webidentity.Caller{
				Principal:         "arn:aws-us-gov:iam::123456789012:role/team/App",
				FederatedProvider: "arn:aws-us-gov:iam::123456789012:saml-provider/Corp",
			},
		},
		"a guest of a pool": {
			facts: iam.SessionFacts{
				Expires:  end,
				Identity: "us-east-1:i",
				Pool:     "us-east-1:p",
				AMR:      []string{"unauthenticated"},
			},
			partition: "aws",
			want: webidentity.Caller{
				Principal:          "arn:aws:iam::123456789012:role/team/App",
				Identity:           "us-east-1:i",
				Pool:               "us-east-1:p",
				AuthenticationType: "unauthenticated",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			who := iam.NewSessionCaller(iam.SessionCaller{RoleARN: role, SessionName: "s", Facts: tc.facts})
			tc.want.Account, tc.want.SessionExpires = "123456789012", "2026-03-01T13:00:00Z"
			if diff := cmp.Diff(tc.want, describeCaller(who.In(tc.partition), tc.facts.Tags)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
