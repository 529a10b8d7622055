package cognitoidentity

import (
	"slices"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// A refusal tells which checks of the operation were not reached.
func TestPlans(t *testing.T) {
	google := map[string]string{identitypool.Google: "x"}
	for name, test := range map[string]struct {
		plan    []explain.Code
		refused *explain.Reason
		next    explain.Code // the first that was not reached; "" is none
		never   explain.Code // one that the call would not have made
	}{
		"GetId, no such pool":  {planGetID.of(google), poolUnknown, "login-provider", "guest-access"},
		"GetId, guests off":    {planGetID.of(nil), guestsOff, "", "token-form"},
		"GetId, unknown key":   {planGetID.of(google), providerUnknown, "openid-connect-provider", "guest-access"},
		"GetId, issuer":        {planGetID.of(google), issuerElsewhere, "token-times", "saml-issuer"},
		"token, classic flow":  {planToken.of(google), identitypool.ClassicFlowOff, "login-provider", "trust-policy"},
		"credentials, guest":   {planCredentials.of(nil), guestsOff, "default-role", "linked-logins"},
		"credentials, opaque":  {planCredentials.of(map[string]string{identitypool.Amazon: "x"}), providerUnknown, "credential-form", "token-form"},
		"credentials, Digits":  {planCredentials.of(map[string]string{identitypool.Digits: "x"}), providerEnded, "pool-application", "token-form"},
		"credentials, SAML":    {planCredentials.of(map[string]string{"arn:aws:iam::1:saml-provider/a": "x"}), samlUnregistered, "saml-response-size", "token-form"},
		"credentials, our own": {planCredentials.of(map[string]string{identitypool.OwnProvider: "x"}), ownTokenExpired, "identity", "token-form"},
		"developer, alone":     {developerTokenPlan(map[string]string{"a": "b"}), developerMissing, "developer-user-identifier", "token-form"},
		"developer, and more":  {developerTokenPlan(map[string]string{"a": "b", identitypool.Google: "x"}), developerMissing, "developer-user-identifier", "saml-issuer"},
		"unlink":               {planUnlink.of(google), publicOnly, "login-provider", "link"},
		"lookup":               {planLookup, lookupEmpty, "identity", "link"},
		"merge":                {planMerge, developerOther, "developer-user-identifier", "identity"},
		"unlink a user":        {planUnlinkUser, developerOther, "identity", "link"},
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
	for kind, name := range map[login.Kind]string{
		login.OIDC:     identitypool.Google,
		login.SAML:     "arn:aws:iam::000000000000:saml-provider/a",
		login.Facebook: identitypool.Facebook,
		login.Amazon:   identitypool.Amazon,
		login.Twitter:  identitypool.Twitter,
	} {
		plan, checks := planGetID.of(map[string]string{name: "x"}), login.Checks(kind)
		at := slices.Index(plan, checks[0])
		if at < 1 || len(plan) < at+len(checks) || !slices.Equal(plan[at:at+len(checks)], checks) {
			t.Errorf("%s: %q lacks %q", name, plan, checks)
		}
	}
}
