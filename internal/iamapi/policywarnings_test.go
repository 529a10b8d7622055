package iamapi_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// logged is a log of which a test takes the warnings about condition keys.
type logged struct{ wiretest.SafeBuffer }

// warnings returns the lines about condition keys since it was last called.
func (l *logged) warnings() []string { return l.Take("depends on a condition key") }

// oneNames fails unless one of lines has all parts.
func oneNames(t *testing.T, what string, lines []string, parts ...string) {
	t.Helper()

next:
	for _, line := range lines {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue next
			}
		}
		return
	}
	t.Errorf("%s: no line with %q in %q", what, parts, lines)
}

// Each write of a policy names what in it cannot be known, and so does every start.
func TestWarningsOfConditionKeys(t *testing.T) {
	var log logged
	dir := t.TempDir()
	c := poolhouse.Config{
		Dev:            true,
		IssuerURL:      "https://id.example",
		DataDir:        dir,
		TokenAlgorithm: "ES256",
		Logger:         slog.New(slog.NewTextHandler(&log, nil)),
		GuestPolicy: wiretest.PolicyOf(
			`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"s3:guestkey":"true"}}}`,
		),
		Roles: []poolhouse.RoleConfig{{
			ARN: wiretest.StrictRole,
			TrustPolicy: wiretest.PolicyOf(
				`{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}`,
			),
			Policies: map[string]string{
				"set": wiretest.PolicyOf(
					`{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Null":{"s3:settingskey":"true"}}}`,
				),
			},
		}},
	}
	s := wiretest.Start(t, func(given *poolhouse.Config) { url := given.IssuerURL; *given = c; given.IssuerURL = url })

	lines := log.warnings()
	oneNames(t, "start", lines, "guest_policy", "s3:guestkey")
	oneNames(t, "start", lines, wiretest.StrictRole, "set", "s3:settingskey", "Deny")

	document := func(key string) *string {
		return aws.String(wiretest.PolicyOf(
			`{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"` + key + `":"x"}}}`,
		))
	}
	trust := func(key string) *string {
		return aws.String(wiretest.PolicyOf(
			`{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole",` +
				`"Condition":{"StringNotEquals":{"` + key + `":"x"}}}`,
		))
	}

	wiretest.Must(s.IAM().CreateRole(
		t.Context(),
		&iamclient.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: trust("aws:first")},
	))(t)
	oneNames(t, "CreateRole", log.warnings(), "role r", "aws:first")
	wiretest.Must(s.IAM().UpdateAssumeRolePolicy(
		t.Context(),
		&iamclient.UpdateAssumeRolePolicyInput{RoleName: aws.String("r"), PolicyDocument: trust("aws:second")},
	))(t)
	oneNames(t, "UpdateAssumeRolePolicy", log.warnings(), "role r", "aws:second")
	wiretest.Must(s.IAM().PutRolePolicy(
		t.Context(),
		&iamclient.PutRolePolicyInput{
			RoleName: aws.String("r"), PolicyName: aws.String("inline"), PolicyDocument: document("s3:third"),
		},
	))(t)
	oneNames(t, "PutRolePolicy", log.warnings(), "inline of role r", "s3:third")

	arn := wiretest.Must(s.IAM().CreatePolicy(
		t.Context(),
		&iamclient.CreatePolicyInput{PolicyName: aws.String("managed"), PolicyDocument: document("s3:fourth")},
	))(t).Policy.Arn
	oneNames(t, "CreatePolicy", log.warnings(), *arn, "s3:fourth")
	wiretest.Must(s.IAM().CreatePolicyVersion(
		t.Context(),
		&iamclient.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: document("s3:fifth"), SetAsDefault: true},
	))(t)
	oneNames(t, "CreatePolicyVersion", log.warnings(), *arn, "s3:fifth")
	wiretest.Must(s.IAM().PutRolePolicy(
		t.Context(),
		&iamclient.PutRolePolicyInput{
			RoleName: aws.String("r"), PolicyName: aws.String("known"), PolicyDocument: document("s3:prefix"),
		},
	))(t)
	wiretest.Equal(t, "warnings about a known key", len(log.warnings()), 0)

	// Another account's too, and the keys'.
	s.Stop()

	again := wiretest.Must(poolhouse.New(t.Context(), c))(t)
	defer again.Close()

	lines = log.warnings()
	oneNames(t, "start", lines, "trust policy", "role/r", "aws:second")
	oneNames(t, "start", lines, "policy inline", "role/r", "s3:third")
	oneNames(t, "start", lines, *arn, "s3:fifth")

	for _, line := range lines {
		if strings.Contains(line, "fourth") || strings.Contains(line, "policy known") {
			t.Errorf("named: %s", line)
		}
	}
}

// A database of an earlier version starts, and the start names the policy that now
// denies more.
func TestUpgradeNamesPolicies(t *testing.T) {
	dir := t.TempDir()
	wiretest.OldDatabase(t, dir)
	var log logged

	server := wiretest.Must(poolhouse.New(t.Context(), poolhouse.Config{
		DataDir:   dir,
		MasterKey: bytes.Repeat([]byte{0x42}, 32),
		IssuerURL: "https://id.example.com",
		Logger:    slog.New(slog.NewTextHandler(&log, nil)),
	}))(t)
	defer server.Close()

	lines := log.warnings()
	oneNames(
		t,
		"start",
		lines,
		"policy unknowable of arn:aws:iam::111111111111:role/TrustsAccountRoot",
		"s3:ExistingObjectTag/class",
		"Deny",
	)
}

// Keys that are made beside the server are named, too.
func TestStartNamesKeys(t *testing.T) {
	s := wiretest.StartBound(t)
	_, _, err := s.Keys.Create(t.Context(), iam.NewAccessKey{
		Account: identitypool.AccountID(s.Account()),
		Policy: wiretest.PolicyOf(
			`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:misspelt":"x"}}}`,
		),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	var log logged

	again := wiretest.Must(poolhouse.New(t.Context(), poolhouse.Config{
		Dev:            true,
		IssuerURL:      s.URL,
		DataDir:        s.Dir,
		MasterKey:      bytes.Repeat([]byte{9}, 32),
		TokenAlgorithm: "ES256",
		Logger:         slog.New(slog.NewTextHandler(&log, nil)),
	}))(t)
	defer again.Close()

	oneNames(t, "start", log.warnings(), "access key AKIA", "aws:misspelt")
}
