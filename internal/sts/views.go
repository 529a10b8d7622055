package sts

import (
	"context"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A refusal can concern two accounts: the caller's and the role's. Each may read
// why its own things refused, and of the other's only that they did.

// reached notes a role that exists: the refusal concerns its account, too.
func reached(ctx context.Context, role iam.Role) {
	awsapi.RecordFrom(ctx).Concern(string(role.Account))
}

// ofRole returns the trace for what only the role's account may read. To others a
// role that is missing looks like one that does not let them in.
func ofRole(ctx context.Context, account identitypool.AccountID) *explain.Trace {
	instead := roleElsewhere.With("account", string(account)).Step()

	return explain.FromContext(ctx).Within(string(account), instead)
}

// explainMissing records that there is no such role, and returns the error.
func explainMissing(ctx context.Context, role iam.RoleARN) error {
	why := roleMissing.With("role", role.String()).At(explain.Link{
		Kind:   explain.LinkRole,
		ID:     role.String(),
		Source: explain.SourceAPI,
	})

	return fmt.Errorf("%w: %w", iam.ErrNotFound, ofRole(ctx, role.Account).Refuse(why))
}

// ofCaller returns the trace for what only the caller's account may read.
func (e *entry) ofCaller(ctx context.Context) *explain.Trace {
	trace := explain.FromContext(ctx)
	if e.from == "" {
		return trace
	}
	instead := callerElsewhere.With("account", string(e.from)).Step()

	return trace.Within(string(e.from), instead)
}
