package cognitoidentity

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
)

// The checks of the operations in their order, for traces: a refusal tells which of them
// were not reached. Those of logins are made by packages login, signout and userstatus,
// those of roles by identitypool, sts and engine.

func codes(checks ...string) []explain.Code {
	list := make([]explain.Code, len(checks))
	for i, check := range checks {
		list[i] = explain.CodeOf(check)
	}

	return list
}

// credential is the kind of proof in a call's Logins.
type credential int

const (
	asGuest credential = iota
	byIDToken
	bySAML
	byFacebook
	byAmazon
	byTwitter
	byOwnToken
	credentialKinds
)

// loginChecks are the checks of one login: those of package login, and what comes before
// and after them.
var loginChecks = [credentialKinds][]explain.Code{
	asGuest:    codes("guest access"),
	byIDToken:  checksOf(login.OIDC, codes("OpenID Connect provider"), codes("sign-out")),
	bySAML:     checksOf(login.SAML, codes("provider partition", "SAML provider"), codes("sign-out")),
	byFacebook: checksOf(login.Facebook, nil, nil),
	byAmazon:   checksOf(login.Amazon, nil, nil),
	byTwitter:  checksOf(login.Twitter, nil, nil),
	byOwnToken: codes("logins", "own token", "identity", "identity of the token", "amr of the token",
		"provider of the token", "logins of the token", "sign-out"),
}

// checksOf are the checks of a login that its provider vouches for.
func checksOf(kind login.Kind, before, after []explain.Code) []explain.Code {
	return slices.Concat(codes("login provider"), before, login.Checks(kind), after)
}

// credentialOf returns what the first of the logins is, by its key.
func credentialOf(logins map[string]string) credential {
	first := ""
	for key := range logins {
		if first == "" || key < first {
			first = key
		}
	}

	switch {
	case first == "":
		return asGuest
	case identitypool.IsServiceName(first):
		return byOwnToken
	case strings.Contains(first, ":saml-provider/"):
		return bySAML
	case first == identitypool.Facebook:
		return byFacebook
	case first == identitypool.Amazon:
		return byAmazon
	case first == identitypool.Twitter, first == identitypool.Digits:
		return byTwitter
	default:
		return byIDToken
	}
}

// plans has the checks of an operation for each kind of credential.
type plans [credentialKinds][]explain.Code

// around puts those of a credential between the checks that come before it, those that
// are for logins of providers only, and those that come at the end.
func around(before, proven, after []explain.Code) (p plans) {
	for kind, checks := range loginChecks {
		p[kind] = slices.Concat(before, checks, proven, after)
	}
	for _, kind := range []credential{asGuest, byOwnToken} {
		p[kind] = slices.Concat(before, loginChecks[kind], after)
	}

	return p
}

// of returns the checks for the logins of a call.
func (p *plans) of(logins map[string]string) []explain.Code { return p[credentialOf(logins)] }

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
// hold nothing but the developer's user.
func developerTokenPlan(logins map[string]string) []explain.Code {
	if len(logins) < 2 {
		return planDeveloperAlone
	}

	return planDeveloperToken.of(logins)
}

var planDeveloperAlone = codes("identity pool", "developer provider", "developer user identifier",
	"principal tags", "linked logins", "link")
