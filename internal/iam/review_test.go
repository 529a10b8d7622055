package iam_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// A review names what is stored once, and not what the settings hide.
func TestReview(t *testing.T) {
	const unknown = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*",
		"Condition":{"StringEquals":{"s3:ExistingObjectTag/a":"1"}}}}`
	s, c := openStore(t), &clock{}
	for _, name := range []string{"App", "Hidden"} {
		if _, err := s.CreateRole(t.Context(), store.Role{
			Account:    home,
			Name:       name,
			Path:       "/",
			ID:         "AROA" + name,
			Trust:      `{"Version":"2012-10-17","Statement":[]}`, // nobody would take it today
			MaxSession: 3600,
			Policies:   map[string]string{"p": unknown},
		}, 0); err != nil {
			t.Fatal(err)
		}
	}

	d := node(t, s, c, func(config *iam.Config) {
		config.Roles = []iam.RoleConfig{{ARN: "arn:aws:iam::123456789012:role/hidden", TrustPolicy: trustText}}
	})

	var got []string
	review := iam.Review{
		IsOurs:   func(context.Context, identitypool.AccountID) (bool, error) { return true, nil },
		OldTrust: func(old iam.OldTrust) { got = append(got, "old trust: "+old.Role) },
		Warning:  func(policy, _ string) { got = append(got, policy) },
	}
	if err := d.ReviewRoles(t.Context(), review); err != nil {
		t.Fatal(err)
	}

	if err := d.ReviewManagedPolicies(t.Context(), review); err != nil {
		t.Fatal(err)
	}

	want := []string{
		"old trust: arn:aws:iam::123456789012:role/App",
		"policy p of arn:aws:iam::123456789012:role/App",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
