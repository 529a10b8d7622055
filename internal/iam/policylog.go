package iam

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Bounds on the trust policies and warnings that a PolicyLog names.
const (
	maxNamedTrusts    = 100
	maxPolicyWarnings = 200
)

// PolicyLog logs the trust policies that would be refused today, the policies that depend on
// condition keys which this server cannot know, and the roles whose policies of AWS it does not have.
type PolicyLog struct {
	Logger *slog.Logger
	Keys   *AccessKeys
	// Documents are the policies of further settings, by the setting's name.
	Documents map[string]string
	// ClientUnknown is clientUnknown of IdentityPolicyWarnings.
	ClientUnknown bool
	// HasAccount reports whether an account exists on this server.
	HasAccount AccountCheck
	// AcceptUnknownRoles keeps silent about principals that do not exist.
	AcceptUnknownRoles bool

	trusts   int // found
	warnings int // found
	unknown  int // found: uses of managed policies of AWS
}

// Write reviews the settings and the stored policies. Only a fault that would keep the roles from
// being used is an error; others are logged.
func (l *PolicyLog) Write(ctx context.Context, d *Directory) error {
	review := Review{
		ClientUnknown: l.ClientUnknown,
		IsOurs:        l.rememberAccounts(),
		OldTrust:      l.oldTrust,
		Warning:       l.warning,
		UnknownPolicy: l.unknownPolicy,
	}

	for _, setting := range slices.Sorted(maps.Keys(l.Documents)) {
		review.warn(setting, IdentityPolicyWarnings(l.Documents[setting], l.ClientUnknown))
	}

	keys, listErr := l.Keys.List(ctx, "")
	for _, k := range keys {
		review.warn("access key "+k.ID, AccessKeyPolicyWarnings(k.Policy))
	}

	if err := d.ReviewRoles(ctx, review); err != nil {
		return err
	}
	if err := errors.Join(listErr, d.ReviewManagedPolicies(ctx, review)); err != nil {
		l.Logger.Error("the stored policies could not all be looked through", "error", err)
	}
	l.more()

	return nil
}

// rememberAccounts returns HasAccount with a memory, so that each account is looked up once.
func (l *PolicyLog) rememberAccounts() AccountCheck {
	ours := map[identitypool.AccountID]bool{}

	return func(ctx context.Context, account identitypool.AccountID) (bool, error) {
		if known, ok := ours[account]; ok {
			return known, nil
		}

		known, err := l.HasAccount(ctx, account)
		if err == nil {
			ours[account] = known
		}

		return known, err
	}
}

func (l *PolicyLog) warning(policy, warning string) {
	if l.warnings++; l.warnings <= maxPolicyWarnings {
		l.Logger.Warn("a policy depends on a condition key that this server cannot know",
			"policy", policy, "problem", warning)
	}
}

func (l *PolicyLog) unknownPolicy(role, policy string) {
	if l.unknown++; l.unknown <= maxNamedTrusts {
		l.Logger.Error("a role may do nothing: it has a managed policy of AWS whose content this server does not have",
			"role", role, "policy", policy,
			"fix", "add the policy to the file of managed_policies_file, or detach it from the role")
	}
}

func (l *PolicyLog) oldTrust(t OldTrust) {
	if t.Fault == nil && l.AcceptUnknownRoles {
		return
	}
	if l.trusts++; l.trusts > maxNamedTrusts {
		return
	}

	if t.Fault != nil {
		l.Logger.Warn("the trust policy of a role lets nobody in any more: it would be refused today",
			"role", t.Role, "reason", t.Fault.Error(), "fix", t.Fault.Fix)
		return
	}

	l.Logger.Warn("the trust policy of a role names principals that do not exist: it would be refused today",
		"role", t.Role, "principals", strings.Join(t.Missing, ", "),
		"fix", "take them out of the trust policy, or create them")
}

// more logs how many findings were not named.
func (l *PolicyLog) more() {
	if l.trusts > maxNamedTrusts {
		l.Logger.Warn("more trust policies would be refused today", "more", l.trusts-maxNamedTrusts)
	}
	if l.unknown > maxNamedTrusts {
		l.Logger.Error("more roles may do nothing, because of managed policies of AWS",
			"more", l.unknown-maxNamedTrusts)
	}
	if l.warnings > maxPolicyWarnings {
		l.Logger.Warn("more policies depend on condition keys that this server cannot know", "named", maxPolicyWarnings)
	}
}
