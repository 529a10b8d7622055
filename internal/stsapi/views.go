package stsapi

import (
	"context"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A refusal can concern two accounts: the caller's and the role's. Each account may read
// the reasons that lie with it; of the other's it learns only that they refused.

// reached notes that a role exists, so that a refusal concerns its account, too.
func reached(ctx context.Context, role iam.Role) {
	awsapi.RecordFrom(ctx).Concern(string(role.Account))
}

// ofRole returns the trace that only the role's account may read. To others a missing
// role looks like one that does not let them in.
func ofRole(ctx context.Context, account identitypool.AccountID) *explain.Trace {
	instead := roleElsewhere.With("account", string(account)).Step()
	return explain.FromContext(ctx).Within(string(account), instead)
}

// explainMissing records that the role does not exist, and returns the error. asker is the
// asker's account, "" = unknown; whose names that account in the explanation. Whether this
// server has the role's account stays open.
func explainMissing(ctx context.Context, role iam.RoleARN, asker identitypool.AccountID, whose string) error {
	why := roleMissing.With("role", role.String())
	if asker != "" && asker != role.Account {
		why = roleMissingAbroad.With("role", role.String(), "other", string(role.Account), "whose", whose)
	}
	why.At(explain.Link{
		Kind:   explain.LinkRole,
		ID:     role.String(),
		Source: explain.SourceAPI,
	})

	return fmt.Errorf("%w: %w", iam.ErrNotFound, ofRole(ctx, role.Account).Refuse(why))
}

// ofCaller returns the trace that only the caller's account may read.
func (e *entry) ofCaller(ctx context.Context) *explain.Trace {
	trace := explain.FromContext(ctx)
	if e.askerAccount == "" {
		return trace
	}
	instead := callerElsewhere.With("account", string(e.askerAccount)).Step()
	return trace.Within(string(e.askerAccount), instead)
}
