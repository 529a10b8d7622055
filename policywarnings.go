package poolhouse

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/iam"
)

// maxPolicyWarnings bounds what the log at start names.
const maxPolicyWarnings = 200

var errEnoughWarnings = errors.New("enough")

// warnOfPolicies names in the log the policies that depend on condition keys which
// this server cannot know: those of the settings, and those that are stored.
func (s *Server) warnOfPolicies(ctx context.Context, directory *iam.Directory) error {
	c := &s.config
	named := 0
	found := func(holder, warning string) error {
		if named++; named > maxPolicyWarnings {
			c.Logger.Warn("more policies depend on condition keys that this server cannot know", "named", maxPolicyWarnings)
			return errEnoughWarnings
		}
		c.Logger.Warn("a policy depends on a condition key that this server cannot know",
			"policy", holder, "problem", warning)
		return nil
	}
	each := func(holder, document string) error {
		for _, warning := range iam.IdentityPolicyWarnings(document, s.clientUnknown()) {
			if err := found(holder, warning); err != nil {
				return err
			}
		}
		return nil
	}

	err := each("guest_policy", c.GuestPolicy)
	for _, pool := range slices.Sorted(maps.Keys(c.PoolGuestPolicies)) {
		if err == nil {
			err = each("pool_guest_policies."+pool, c.PoolGuestPolicies[pool])
		}
	}

	if err == nil {
		err = s.warnOfKeyPolicies(ctx, each)
	}
	if err == nil {
		err = directory.PolicyWarnings(ctx, s.clientUnknown(), found)
	}

	if errors.Is(err, errEnoughWarnings) {
		return nil
	}
	return err
}

// warnOfKeyPolicies gives each the policies of access keys.
func (s *Server) warnOfKeyPolicies(ctx context.Context, each func(holder, document string) error) error {
	keys, err := s.keys.List(ctx, "")
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := each("access key "+k.ID, k.Policy); err != nil {
			return err
		}
	}
	return nil
}

// clientUnknown tells that there is a check endpoint which does not learn how
// clients come.
func (s *Server) clientUnknown() bool { return s.config.Check != nil && !s.config.BehindProxy }
