package stsapi

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

// explainMissing records that there is no such role, and returns the error. from is the
// account of who asks, and whose tells people of it; "" = none is known. Whether the role's
// account is one of this server's stays open.
func explainMissing(ctx context.Context, role iam.RoleARN, from identitypool.AccountID, whose string) error {
	why := roleMissing.With("role", role.String())
	if from != "" && from != role.Account {
		why = roleMissingAbroad.With("role", role.String(), "other", string(role.Account), "whose", whose)
	}
	why.At(explain.Link{
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
