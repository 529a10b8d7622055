package cognitoidentity

import (
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// The checks of the operations in their order, for traces: a refusal shows which of them
// were not reached. Packages login, signout and userstatus check logins; packages
// identitypool, assume and session check roles.

func codes(checks ...string) []explain.Code {
	list := make([]explain.Code, len(checks))
	for i, check := range checks {
		list[i] = explain.CodeOf(check)
	}
	return list
}

// loginChecks returns the checks of one login of a provider: those of package login, and
// those before and after them.
func loginChecks(kind login.Kind) []explain.Code {
	var before, after []explain.Code

	switch kind {
	case login.OIDC:
		before, after = codes("OpenID Connect provider"), codes("sign-out")
	case login.SAML:
		before, after = codes("provider partition", "SAML provider"), codes("sign-out")
	}

	return slices.Concat(codes("login provider"), before, login.Checks(kind), after)
}

var (
	guestChecks        = codes("guest access")
	cognitoTokenChecks = codes("logins", "own token", "identity", "identity of the token", "amr of the token",
		"provider of the token", "logins of the token", "sign-out")
)

// plans has the checks of an operation for each kind of credential.
type plans struct {
	asGuest        []explain.Code
	byCognitoToken []explain.Code
	byKind         map[login.Kind][]explain.Code
}

// around makes plans: the checks before, those of the credential, proven (for logins of
// providers only), and after.
func around(before, proven, after []explain.Code) plans {
	p := plans{
		asGuest:        slices.Concat(before, guestChecks, after),
		byCognitoToken: slices.Concat(before, cognitoTokenChecks, after),
		byKind:         map[login.Kind][]explain.Code{},
	}

	for _, kind := range login.Kinds() {
		p.byKind[kind] = slices.Concat(before, loginChecks(kind), proven, after)
	}

	return p
}

// of returns the checks for the logins of a call, by the first of their keys.
func (p *plans) of(providers *provider.Registry, logins map[string]string) []explain.Code {
	first := ""
	for key := range logins {
		if first == "" || key < first {
			first = key
		}
	}

	switch {
	case first == "":
		return p.asGuest
	case identitypool.IsServiceName(first):
		return p.byCognitoToken
	default:
		return p.byKind[providers.KindOf(first)]
	}
}

var (
	planGetID = around(codes("identity pool"), codes("link"), nil)

	planToken = around(codes("identity", "classic flow"),
		codes("ServerSideTokenCheck", "linked logins", "link", "principal tag"), nil)

	planCredentials = around(codes("identity", "role partition"),
		codes("ServerSideTokenCheck", "linked logins", "link", "principal tag", "role claims", "SAML roles"),
		codes("default role", "CustomRoleArn", "role mapping", "role", "role account", "session tags",
			"session duration", "trust policy", "session token size"))

	planUnlink = around(codes("identity", "logins to remove"), codes("linked logins"), nil)

	planDeveloperToken = around(
		codes("identity pool", "developer provider", "developer user identifier", "principal tags"),
		codes("ServerSideTokenCheck"), codes("linked logins", "link"))

	planIdentity   = codes("identity")
	planIdentities = codes("identity pool", "page token")
	planLookup     = codes("identity pool", "lookup key", "identity", "developer user identifier", "page token")
	planMerge      = codes("identity pool", "developer provider", "developer user identifier", "link")
	planUnlinkUser = codes("identity pool", "developer provider", "identity", "developer user identifier")
)

// developerTokenPlan is the plan of GetOpenIdTokenForDeveloperIdentity, whose Logins may
// contain only the developer's user.
func developerTokenPlan(providers *provider.Registry, logins map[string]string) []explain.Code {
	if len(logins) < 2 {
		return planDeveloperAlone
	}
	return planDeveloperToken.of(providers, logins)
}

var planDeveloperAlone = codes("identity pool", "developer provider", "developer user identifier",
	"principal tags", "linked logins", "link")
