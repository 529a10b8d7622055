package assume

import (
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// trusts returns an error that wraps ErrDenied if the role's trust policy does not allow the
// asker one of actions.
func trusts(trace *explain.Trace, role iam.Role, request policy.Request, actions []string, who Asker) error {
	role = RoleIn(role, request.Partition) // for display from here on
	if role.Trust == nil {
		return NoTrust(trace, role)
	}

	for _, action := range actions {
		request.Action = action
		effect, statement := role.Trust.Evaluate(request)
		if effect != policy.Allow {
			return untrusted(trace, role, request, effect, statement, who)
		}
		trace.PassOf("trust policy", role.ARN.String(), action+" by "+statement.String())
	}

	return nil
}

// untrusted refuses a request: the role's trust policy has the Deny statement denied, or no
// statement that allows it.
func untrusted(
	trace *explain.Trace,
	role iam.Role, request policy.Request, effect policy.Effect, denied *policy.Statement,
	who Asker,
) error {
	var why *explain.Refusal
	if effect == policy.Deny && denied == nil { // no statement is sure to catch it
		why = trustNotText.With().Of(role.ARN.String())
	} else {
		why = explainTrust(role, request, denied, who)
	}
	return fmt.Errorf("%w: %w", ErrDenied, trace.Refuse(why))
}

// NoTrust refuses a role without a valid trust policy. The error wraps ErrDenied.
func NoTrust(trace *explain.Trace, role iam.Role) error {
	f := role.TrustFault
	if f == nil {
		return fmt.Errorf("%w: %w", ErrDenied, trace.Refuse(AboutTrust(role, trustMissing.With())))
	}
	why := trustFault.With("expected", f.Expected, "where", f.Where, "got", f.Got, "fix", f.Fix)
	return fmt.Errorf("%w: %w: %w", ErrDenied, trace.Refuse(AboutTrust(role, why)), f)
}

// TooYoung refuses a pool of another account that got its ID only after the role's trust
// policy was written; nil if the policy may mean the pool. The author cannot have meant that
// account: nobody had the ID then, and whoever takes it later would get the role. In the
// role's own account the ID may be newer, because roles are often written before their pool.
func TooYoung(role iam.Role, pool identitypool.Pool) *explain.Refusal {
	if role.Account == pool.Account || role.TrustWritten >= pool.OwnedSince {
		return nil
	}
	return AboutTrust(role, trustOlderThanPool.With("account", string(pool.Account), "pool", string(pool.ID)))
}
