package poolhouse

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Bounds on the trust policies and warnings that the log at start names.
const (
	maxNamedTrusts    = 100
	maxPolicyWarnings = 200
)

// reviewPolicies logs the trust policies that would be refused today, and the policies that
// depend on condition keys which this server cannot know. It reviews the settings and the
// stored policies.
func (s *Server) reviewPolicies(ctx context.Context, directory *iam.Directory) error {
	l := &policyLog{server: s}
	review := iam.Review{
		ClientUnknown: s.clientUnknown(),
		IsOurs:        s.rememberAccounts(),
		OldTrust:      l.oldTrust,
		Warning:       l.warning,
	}

	ofGuests := func(setting, document string) {
		l.warn(setting, iam.IdentityPolicyWarnings(document, s.clientUnknown()))
	}
	ofGuests("guest_policy", s.config.GuestPolicy)

	for _, pool := range slices.Sorted(maps.Keys(s.config.PoolGuestPolicies)) {
		ofGuests("pool_guest_policies."+pool, s.config.PoolGuestPolicies[pool])
	}

	keys, listErr := s.keys.List(ctx, "")
	for _, k := range keys {
		l.warn("access key "+k.ID, iam.AccessKeyPolicyWarnings(k.Policy))
	}

	if err := directory.ReviewRoles(ctx, review); err != nil {
		return err
	}
	if err := errors.Join(listErr, directory.ReviewManagedPolicies(ctx, review)); err != nil {
		s.config.Logger.Error("the stored policies could not all be looked through", "error", err)
	}
	l.more()

	return nil
}

// rememberAccounts returns hasAccount with a memory, so that each account is looked up once.
func (s *Server) rememberAccounts() iam.AccountCheck {
	ours := map[identitypool.AccountID]bool{}

	return func(ctx context.Context, account identitypool.AccountID) (bool, error) {
		if known, ok := ours[account]; ok {
			return known, nil
		}

		known, err := s.hasAccount(ctx, account)
		if err == nil {
			ours[account] = known
		}

		return known, err
	}
}

// policyLog logs the findings of reviewPolicies.
type policyLog struct {
	server   *Server
	trusts   int // found
	warnings int // found
}

// warn logs the warnings of one policy.
func (l *policyLog) warn(policy string, warnings []string) {
	for _, warning := range warnings {
		l.warning(policy, warning)
	}
}

func (l *policyLog) warning(policy, warning string) {
	if l.warnings++; l.warnings <= maxPolicyWarnings {
		l.server.config.Logger.Warn("a policy depends on a condition key that this server cannot know",
			"policy", policy, "problem", warning)
	}
}

func (l *policyLog) oldTrust(t iam.OldTrust) {
	c := &l.server.config
	if t.Fault == nil && c.AcceptUnknownRoles {
		return
	}
	if l.trusts++; l.trusts > maxNamedTrusts {
		return
	}

	if t.Fault != nil {
		c.Logger.Warn("the trust policy of a role lets nobody in any more: it would be refused today",
			"role", t.Role, "reason", t.Fault.Error(), "fix", t.Fault.Fix)
		return
	}

	c.Logger.Warn("the trust policy of a role names principals that do not exist: it would be refused today",
		"role", t.Role, "principals", strings.Join(t.Missing, ", "),
		"fix", "take them out of the trust policy, or create them")
}

// more logs how many findings were not named.
func (l *policyLog) more() {
	log := l.server.config.Logger
	if l.trusts > maxNamedTrusts {
		log.Warn("more trust policies would be refused today", "more", l.trusts-maxNamedTrusts)
	}
	if l.warnings > maxPolicyWarnings {
		log.Warn("more policies depend on condition keys that this server cannot know", "named", maxPolicyWarnings)
	}
}

// clientUnknown reports whether a check endpoint exists that does not learn the clients'
// addresses.
func (s *Server) clientUnknown() bool { return s.config.Check != nil && !s.config.BehindProxy }
