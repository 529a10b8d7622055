package poolhouse

import (
	"github.com/poolhouse-id/poolhouse/internal/adminapi"
	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
	"github.com/poolhouse-id/poolhouse/internal/devfault"
	"github.com/poolhouse-id/poolhouse/internal/devuserpool"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/forwardauth"
	"github.com/poolhouse-id/poolhouse/internal/gate"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iamapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/providercheck"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/session"
	"github.com/poolhouse-id/poolhouse/internal/signout"
	"github.com/poolhouse-id/poolhouse/internal/stsapi"
	"github.com/poolhouse-id/poolhouse/internal/userstatus"
)

// Refusals returns the reasons of all packages, in the order in which a call meets them. A new
// catalogue needs an entry here.
func Refusals() []explain.Chapter {
	return []explain.Chapter{
		{
			Title:   "Web pages",
			About:   "A web page of an origin that is not allowed calls the server.",
			Package: "internal/awsapi",
			Reasons: awsapi.OriginRefusals,
		},
		{
			Title:   "Control API",
			About:   "Another machine calls the control API of a development server.",
			Package: "internal/awsapi",
			Reasons: awsapi.ControlRefusals,
		},
		{
			Title:   "Injected faults",
			About:   "Somebody makes the database of a development server fail; see docs/control-api.md.",
			Package: "internal/devfault",
			Reasons: devfault.Refusals,
		},
		{
			Title:    "Requests",
			About:    "The request cannot be read, or its input breaks a rule of the API.",
			Package:  "internal/awsapi",
			Reasons:  awsapi.Refusals,
			Messages: awsapi.Messages,
		},
		{
			Title:    "Signatures and keys",
			About:    "The signature, the access key or the session token of a signed call is not accepted.",
			Package:  "internal/gate",
			Reasons:  gate.Refusals,
			Messages: gate.Messages,
		},
		{
			Title:   "Sessions",
			About:   "The session has ended, its token cannot be decrypted, or its tags break a rule of STS.",
			Package: "internal/session",
			Reasons: session.Refusals,
		},
		{
			Title:   "Policies",
			About:   "An IAM policy does not allow the call, or a policy or role cannot be used.",
			Package: "internal/iam",
			Reasons: iam.Refusals,
		},
		{
			Title:   "Rate limits",
			About:   "Too many calls came in a short time.",
			Package: "internal/ratelimit",
			Reasons: ratelimit.Refusals,
		},
		{
			Title:   "Login providers",
			About:   "A key in Logins names no provider of the pool, or the provider's logins cannot be verified.",
			Package: "internal/provider",
			Reasons: provider.Refusals,
			Outcome: "NotAuthorizedException",
		},
		{
			Title:   "Logins",
			About:   "A token of an OpenID Connect provider does not prove who the user is.",
			Package: "internal/idtoken",
			Reasons: idtoken.Refusals,
			Outcome: "NotAuthorizedException",
		},
		{
			Title:   "Logins of Facebook, Amazon and X",
			About:   "A credential that only the provider's own API can judge does not prove who the user is.",
			Package: "internal/login",
			Reasons: login.Refusals,
			Outcome: "NotAuthorizedException",
		},
		{
			Title:   "SAML logins",
			About:   "A SAML response does not prove who the user is.",
			Package: "internal/saml",
			Reasons: saml.Refusals,
			Outcome: "NotAuthorizedException",
		},
		{
			Title:   "Signed-out users",
			About:   "The user signed out after the sign-in that the token is from.",
			Package: "internal/signout",
			Reasons: signout.Refusals,
			Outcome: "NotAuthorizedException",
		},
		{
			Title:   "Users of user pools",
			About:   "A user pool no longer knows the user, or cannot be asked (ServerSideTokenCheck).",
			Package: "internal/userstatus",
			Reasons: userstatus.Refusals,
			Outcome: "NotAuthorizedException",
		},
		{
			Title:   "Identity pool settings",
			About:   "A pool's settings, or the logins or roles of a call, break a rule of identity pools.",
			Package: "internal/identitypool",
			Reasons: identitypool.Refusals,
		},
		{
			Title:    "Identity pools",
			About:    "An operation of Amazon Cognito identity pools refuses the call.",
			Package:  "internal/cognitoidentity",
			Reasons:  cognitoidentity.Refusals,
			Messages: cognitoidentity.Messages,
		},
		{
			Title:    "User pools of poolhouse dev",
			About:    "An operation of development user pools refuses the call.",
			Package:  "internal/devuserpool",
			Reasons:  devuserpool.Refusals,
			Messages: devuserpool.Messages,
		},
		{
			Title:   "Roles",
			About:   "The role does not exist, or its trust policy does not let the caller in.",
			Package: "internal/assume",
			Reasons: assume.Refusals,
		},
		{
			Title:    "STS",
			About:    "An operation of AWS STS refuses the call.",
			Package:  "internal/stsapi",
			Reasons:  stsapi.Refusals,
			Messages: stsapi.Messages,
		},
		{
			Title:   "Credential engines",
			About:   "The settings of a credential engine do not fit the role or the login.",
			Package: "internal/assume",
			Reasons: assume.EngineRefusals,
		},
		{
			Title:    "Checked requests",
			About:    "Forward auth, or a route with forward_to, refuses a request.",
			Package:  "internal/forwardauth",
			Reasons:  forwardauth.Refusals,
			Messages: forwardauth.Messages,
		},
		{
			Title:    "IAM",
			About:    "An operation of AWS IAM refuses the call.",
			Package:  "internal/iamapi",
			Reasons:  iamapi.Refusals,
			Messages: iamapi.Messages,
		},
		{
			Title:    "Administration",
			About:    "An operation of the admin API refuses the call.",
			Package:  "internal/adminapi",
			Reasons:  adminapi.Refusals,
			Messages: adminapi.Messages,
		},
		{
			Title:   "Tests of providers",
			About:   "TestProvider found why sign-ins by a provider cannot work. The call itself is answered.",
			Package: "internal/providercheck",
			Reasons: providercheck.Refusals,
		},
	}
}

// ReasonCodes returns the codes of all reasons for which calls are refused.
func ReasonCodes() []string {
	var codes []string
	for _, chapter := range Refusals() {
		for _, reason := range chapter.Reasons {
			codes = append(codes, string(reason.Code))
		}
	}

	return codes
}
