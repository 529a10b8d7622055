package adminapi

import "github.com/poolhouse-id/poolhouse/internal/ratelimit"

// Rates returns the rates at which an account may call this API's operations, by
// SERVICE:OPERATION, unless the setting rate_limits.operations has others. An operation has
// one if it tells a caller what it could find out by trying, contacts other servers, or costs
// much more than a sign-in.
func Rates() map[string]ratelimit.Rate {
	return map[string]ratelimit.Rate{
		"poolhouse:ExplainToken":      {PerSecond: 2, Burst: 20},
		"poolhouse:TryRoles":          {PerSecond: 5, Burst: 50},
		"poolhouse:CheckAccess":       {PerSecond: 10, Burst: 50},  // makes up to 100 decisions
		"poolhouse:RotateSigningKeys": {PerSecond: 0.05, Burst: 5}, // makes RSA keys
		"poolhouse:TestProvider":      {PerSecond: 0.2, Burst: 10}, // sends requests wherever its caller wants
		"poolhouse:GetServerStatus":   {PerSecond: 5, Burst: 20},
		// Each reads all pools of the account, or many rows.
		"poolhouse:ListPoolSummaries":    {PerSecond: 20, Burst: 60},
		"poolhouse:SearchIdentities":     {PerSecond: 50, Burst: 100},
		"poolhouse:GetStatistics":        {PerSecond: 10, Burst: 60},
		"poolhouse:PreviewDeletion":      {PerSecond: 10, Burst: 60},
		"poolhouse:ListRefusals":         {PerSecond: 10, Burst: 50},
		"poolhouse:ExportPool":           {PerSecond: 10, Burst: 60}, // a call for each provider of the pool
		"poolhouse:ListPrincipalTagMaps": {PerSecond: 20, Burst: 60}, // copies and sorts a pool's settings
	}
}
