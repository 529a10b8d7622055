package devuserpool

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Reasons about app clients.
var (
	clientTaken = Refusals.Add(explain.Reason{
		Code:     "user-pool-client-taken",
		Check:    "user pool client",
		Expected: "an ID that no client of any pool has",
		Got:      "an ID that is taken",
		Fix:      "choose another ID, or let the server choose",
	})
	clientSetting = Refusals.Add(explain.Reason{
		Code:     "user-pool-client-setting",
		Check:    "user pool client",
		Expected: "settings that fit to each other and to the pool",
		Got:      "others",
		Fix:      "correct the setting that the message names",
	})
	appClientUnknown = Refusals.Add(explain.Reason{
		Code:     "user-pool-client",
		Check:    "user pool client",
		Expected: "the ID of an app client of a user pool of this server",
		Got:      "{client}",
		Fix: "list the clients with aws cognito-idp list-user-pool-clients, and correct the client ID or the " +
			"endpoint in the application",
	})
	secretHashMissing = Refusals.Add(explain.Reason{
		Code:     "secret-hash-missing",
		Check:    "secret hash",
		Expected: "SECRET_HASH, because the app client has a secret",
		Got:      "none",
		Fix:      "send it, or use an app client without a secret: browsers and phones cannot keep one",
	})
	secretHashUnexpected = Refusals.Add(explain.Reason{
		Code:     "secret-hash-unexpected",
		Check:    "secret hash",
		Expected: "no SECRET_HASH, because the app client has no secret",
		Got:      "one",
		Fix:      "leave it out, or correct the client ID",
	})
	secretHashWrong = Refusals.Add(explain.Reason{
		Code:  "secret-hash",
		Check: "secret hash",
		Expected: "the Base64 of HMAC-SHA256, with the client secret as key, over the user name as sent and the " +
			"client ID",
		Got: "another value",
		Fix: "compare the client secret, and hash the user name that the same call sends",
	})
	refreshHashWrong = Refusals.Add(explain.Reason{
		Code:     "secret-hash-of-the-refresh",
		Check:    "secret hash of the refresh",
		Expected: "the Base64 of HMAC-SHA256, with the client secret as key, over the user name and the client ID",
		Got:      "another value",
		Fix:      "hash the claim cognito:username of the ID token, also if the user signed in with an address",
	})
	clientSecretWrong = Refusals.Add(explain.Reason{
		Code:     "client-secret",
		Check:    "client secret",
		Expected: "the secret of the app client, or none if it has none",
		Got:      "something else",
		Fix:      "send ClientSecret as DescribeUserPoolClient shows it",
	})
	revokeClient = Refusals.Add(explain.Reason{
		Code:     "revoking-client",
		Check:    "revoking client",
		Expected: "an app client of this server, with its secret if it has one",
		Got:      "something else",
		Fix:      "correct ClientId and ClientSecret",
	})
	revokeSetting = Refusals.Add(explain.Reason{
		Code:     "token-revocation",
		Check:    "token revocation",
		Expected: "EnableTokenRevocation of the app client",
		Got:      "the setting is off",
		Fix:      "switch it on with UpdateUserPoolClient",
	})
	authFlow = Refusals.Add(explain.Reason{
		Code:     "auth-flow",
		Check:    "auth flow",
		Expected: "a flow that ExplicitAuthFlows of the app client allows",
		Got:      "{flow}",
		Fix:      "add ALLOW_{flow} to ExplicitAuthFlows of the app client",
	})
	authFlowOperation = Refusals.Add(explain.Reason{
		Code:     "auth-flow-operation",
		Check:    "auth flow",
		Expected: "a flow of this operation",
		Got:      "{flow}",
		Fix:      "use USER_PASSWORD_AUTH with InitiateAuth, and ADMIN_USER_PASSWORD_AUTH with AdminInitiateAuth",
	})
)

// clientMessages lists the texts of refused calls about app clients.
var clientMessages = []explain.Message{
	{
		Code:    "InvalidParameterException",
		Text:    "Invalid range for token validity.",
		Reasons: []explain.Code{"user-pool-client-setting"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "The client ID is taken.",
		Reasons: []explain.Code{"user-pool-client-taken"},
	},
	{
		Code:    "ResourceNotFoundException",
		Text:    "User pool client {id} does not exist.",
		Reasons: []explain.Code{"user-pool-client"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "App client {client} is not configured for secret but secret hash was received",
		Reasons: []explain.Code{"secret-hash-unexpected"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Client {client} is configured with secret but SECRET_HASH was not received",
		Reasons: []explain.Code{"secret-hash-missing"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Unable to verify secret hash for client {client}",
		Reasons: []explain.Code{"secret-hash"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "SecretHash does not match for the client: {client}",
		Reasons: []explain.Code{"secret-hash-of-the-refresh"},
	},
	{
		Code:    "NotAuthorizedException",
		Text:    "Unable to verify secret for client {client}",
		Reasons: []explain.Code{"client-secret"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "{flow} is not enabled for the client.",
		Reasons: []explain.Code{"auth-flow"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "{flow} flow not enabled for this client",
		Reasons: []explain.Code{"auth-flow"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Auth flow not enabled for this client",
		Reasons: []explain.Code{"auth-flow"},
	},
	{
		Code:    "InvalidParameterException",
		Text:    "Initiate Auth method not supported.",
		Reasons: []explain.Code{"auth-flow-operation"},
	},
	{
		Code:    "UnauthorizedException",
		Text:    "Invalid client.",
		Reasons: []explain.Code{"revoking-client"},
	},
	{
		Code:    "UnsupportedOperationException",
		Text:    "Token revocation is not enabled for this client.",
		Reasons: []explain.Code{"token-revocation"},
	},
}
