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
	named := 0
	warn := func(holder, warning string) error {
		if named++; named > maxPolicyWarnings {
			s.config.Logger.Warn("more policies depend on condition keys that this server cannot know",
				"named", maxPolicyWarnings)
			return errEnoughWarnings
		}
		s.config.Logger.Warn("a policy depends on a condition key that this server cannot know",
			"policy", holder, "problem", warning)
		return nil
	}

	err := s.policyWarnings(ctx, directory, warn)
	if errors.Is(err, errEnoughWarnings) {
		return nil
	}
	return err
}

// policyWarnings gives warn the holder of each such policy, until warn fails.
func (s *Server) policyWarnings(
	ctx context.Context, directory *iam.Directory, warn func(holder, warning string) error,
) error {
	each := func(holder string, warnings []string) error {
		for _, warning := range warnings {
			if err := warn(holder, warning); err != nil {
				return err
			}
		}
		return nil
	}
	ofGuests := func(holder, document string) error {
		return each(holder, iam.IdentityPolicyWarnings(document, s.clientUnknown()))
	}

	if err := ofGuests("guest_policy", s.config.GuestPolicy); err != nil {
		return err
	}
	for _, pool := range slices.Sorted(maps.Keys(s.config.PoolGuestPolicies)) {
		if err := ofGuests("pool_guest_policies."+pool, s.config.PoolGuestPolicies[pool]); err != nil {
			return err
		}
	}

	keys, err := s.keys.List(ctx, "")
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := each("access key "+k.ID, iam.AccessKeyPolicyWarnings(k.Policy)); err != nil {
			return err
		}
	}

	return directory.PolicyWarnings(ctx, s.clientUnknown(), warn)
}

// clientUnknown reports whether there is a check endpoint that does not learn how
// its clients come.
func (s *Server) clientUnknown() bool { return s.config.Check != nil && !s.config.BehindProxy }
