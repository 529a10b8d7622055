package cognitoidentity

import (
	"slices"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// providerReason returns a reason of package provider.
func providerReason(t *testing.T, code explain.Code) *explain.Reason {
	t.Helper()
	n := slices.IndexFunc(provider.Refusals, func(r *explain.Reason) bool { return r.Code == code })
	if n < 0 {
		t.Fatalf("no reason %s", code)
	}
	return provider.Refusals[n]
}

// A refusal tells which checks of the operation were not reached.
func TestPlans(t *testing.T) {
	providers := provider.New(provider.Options{})
	google := map[string]string{"accounts.google.com": "x"}
	for name, test := range map[string]struct {
		plan    []explain.Code
		refused *explain.Reason
		next    explain.Code // the first that was not reached; "" is none
		never   explain.Code // one that the call would not have made
	}{
		"GetId, no such pool": {planGetID.of(providers, google), poolUnknown, "login-provider", "guest-access"},
		"GetId, guests off":   {planGetID.of(providers, nil), guestsOff, "", "token-form"},
		"GetId, unknown key": {planGetID.of(providers, google), providerReason(t, "login-provider"),
			"openid-connect-provider", "guest-access"},
		"GetId, issuer": {planGetID.of(providers, google), providerReason(t, "token-issuer-pool"),
			"token-times", "saml-issuer"},
		"token, classic flow": {planToken.of(providers, google), identitypool.ClassicFlowOff, "login-provider",
			"trust-policy"},
		"credentials, guest": {planCredentials.of(providers, nil), guestsOff, "default-role", "linked-logins"},
		"credentials, opaque": {planCredentials.of(providers, map[string]string{"www.amazon.com": "x"}),
			providerReason(t, "login-provider"), "credential-form", "token-form"},
		"credentials, Digits": {planCredentials.of(providers, map[string]string{"www.digits.com": "x"}),
			providerReason(t, "login-provider-ended"), "pool-application", "token-form"},
		"credentials, SAML": {planCredentials.of(providers,
			map[string]string{"arn:aws:iam::1:saml-provider/a": "x"}), providerReason(t, "saml-provider-registration"),
			"saml-response-size", "token-form"},
		"credentials, our own": {planCredentials.of(providers, map[string]string{identitypool.OwnProvider: "x"}),
			cognitoTokenExpired, "identity", "token-form"},
		"developer, alone": {developerTokenPlan(providers, map[string]string{"a": "b"}), developerMissing,
			"developer-user-identifier", "token-form"},
		"developer, and more": {developerTokenPlan(providers, map[string]string{"a": "b", "accounts.google.com": "x"}),
			developerMissing, "developer-user-identifier", "saml-issuer"},
		"unlink":        {planUnlink.of(providers, google), publicOnly, "login-provider", "link"},
		"lookup":        {planLookup, lookupEmpty, "identity", "link"},
		"merge":         {planMerge, developerOther, "developer-user-identifier", "identity"},
		"unlink a user": {planUnlinkUser, developerOther, "identity", "link"},
	} {
		trace := &explain.Trace{}
		trace.Plan(test.plan)
		trace.Refuse(test.refused.With())

		planned := trace.Planned()
		var next explain.Code
		if len(planned) > 0 {
			next = planned[0]
		}
		if next != test.next || slices.Contains(planned, test.never) {
			t.Errorf("%s: %v were not reached; want %q first, and no %q", name, planned, test.next, test.never)
		}
	}
}

// A login is planned with all checks of package login, in their order.
func TestPlansHaveTheChecksOfLogins(t *testing.T) {
	providers := provider.New(provider.Options{})
	for kind, name := range map[login.Kind]string{
		login.OIDC:     "accounts.google.com",
		login.SAML:     "arn:aws:iam::000000000000:saml-provider/a",
		login.Facebook: "graph.facebook.com",
		login.Amazon:   "www.amazon.com",
		login.Twitter:  "api.twitter.com",
	} {
		plan, checks := planGetID.of(providers, map[string]string{name: "x"}), login.Checks(kind)
		at := slices.Index(plan, checks[0])
		if at < 1 || len(plan) < at+len(checks) || !slices.Equal(plan[at:at+len(checks)], checks) {
			t.Errorf("%s: %q lacks %q", name, plan, checks)
		}
	}
}
