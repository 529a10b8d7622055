package sts

import (
	"context"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// A refusal can concern two accounts: the caller's and the role's. Each may read
// why its own things refused, and of the other's only that they did.

// askAccount is the advice where another account's settings refused a request.
func askAccount(account identitypool.AccountID) string {
	return "ask account " + string(account) + ", which can explain the request by the same ID"
}

// reached notes a role that exists: the refusal concerns its account, too.
func reached(ctx context.Context, role iam.Role) {
	awsapi.RecordFrom(ctx).Concern(string(role.Account))
}

// ofRole returns the trace for what only the role's account may read. To others a
// role that is missing looks like one that does not let them in.
func ofRole(ctx context.Context, account identitypool.AccountID) *explain.Trace {
	return explain.FromContext(ctx).Within(string(account), explain.Step{
		Check:    "role",
		Expected: "a role that exists and lets the caller in",
		Got:      "it is missing, or does not let the caller in",
		Fix: "correct the role's ARN, or ask account " + string(account) +
			", which can explain the request by the same ID if it has the role",
	})
}

// explainMissing records that there is no such role.
func explainMissing(ctx context.Context, role iam.RoleARN) {
	ofRole(ctx, role.Account).Fail("role", "a role that this server knows", role.String(),
		"create the role, or correct its ARN; name and path are compared exactly")
}

// ofCaller returns the trace for what only the caller's account may read.
func (e *entry) ofCaller(ctx context.Context) *explain.Trace {
	trace := explain.FromContext(ctx)
	if e.from == "" {
		return trace
	}

	return trace.Within(string(e.from), explain.Step{
		Check:    "caller",
		Expected: "a request that the caller's account allows",
		Got:      "the caller's token, policies or parameters refuse it",
		Fix:      askAccount(e.from),
	})
}
