package awsapi

import "context"

// Limiter bounds how often an account may call an operation.
type Limiter interface {
	// Count counts a call for an account that exists. It returns an *Error of kind
	// Throttled, and records the check in the trace of ctx, when the account calls
	// the operation too often.
	Count(ctx context.Context, account, service, operation string) error
}

// Count counts the call of ctx for account, and refuses it when the account calls too
// often. Signed calls have been counted already. A public operation calls Count as
// soon as it knows the account, before anything expensive; never for an account that
// may not exist.
func Count(ctx context.Context, account string) error {
	x, ok := ctx.Value(recordKey{}).(*exchange)
	if !ok || x.call.Service == nil || x.call.limiter == nil || x.call.op == nil || account == "" {
		return nil
	}

	return x.call.limiter.Count(ctx, account, x.call.api.Name, x.call.op.name)
}
