package ratelimit

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which this package refuses.
var Refusals explain.Catalogue

var (
	accountRefused = Refusals.Add(explain.Reason{
		Code:     "account-call-rate",
		Check:    "account call rate",
		Expected: "at most {rate} ({setting}, or rate_limits.preset)",
		Got:      "account {account} calls {calls} more often",
		Fix: "retry with increasing pauses, as AWS SDKs do, and cache results that do not change; or raise " +
			"{setting}",
	})
	guestsRefused = Refusals.Add(explain.Reason{
		Code:     "guest-rate",
		Check:    "guest rate",
		Expected: "at most {rate} (address_limits.guest_rate, address_limits.guest_burst)",
		Got:      "clients at {address} make more",
		Fix: "keep a guest's identity ID in the client instead of calling GetId each time; or raise the limit; " +
			"if the address is a proxy's, set behind_proxy",
	})
	loginsRefused = Refusals.Add(explain.Reason{
		Code:     "refused-login-rate",
		Check:    "refused login rate",
		Expected: "at most {rate} (address_limits.refused_login_rate, address_limits.refused_login_burst)",
		Got:      "more refused logins from {address}; this login was not checked",
		Fix: "find the client that keeps sending bad logins: see the refusals before this one; or raise the limit; " +
			"if the address is a proxy's, set behind_proxy",
	})
)
