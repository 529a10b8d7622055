package adminapi

import "github.com/poolhouse-id/poolhouse/internal/ratelimit"

// Rates returns the rates at which an account may call this API's operations, by
// SERVICE:OPERATION, unless the setting rate_limits.operations has others. An operation has
// one if it tells a caller what it could find out by trying, contacts other servers, or costs
// much more than a sign-in.
func Rates() map[string]ratelimit.Rate {
	return map[string]ratelimit.Rate{
		Name + ":ListRefusals": {PerSecond: 10, Burst: 50},
	}
}
