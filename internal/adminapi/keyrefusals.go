package adminapi

import "github.com/poolhouse-id/poolhouse/internal/explain"

// The reasons of the operations on access keys.
var (
	keyMissing = Refusals.Add(explain.Reason{
		Code:     "access-key-lookup",
		Check:    "access key",
		Expected: "an access key of account {account}",
		Got:      "none with this ID",
		Fix:      "look the ID up with ListAccessKeys, and sign with a key of its account",
	})
	keyBounded = Refusals.Add(explain.Reason{
		Code:     "access-key-bounded",
		Check:    "access key",
		Expected: "a caller that may do everything in its account",
		Got:      "{caller}, which policies limit",
		Fix: "sign with a key without a policy, or with a session of a role that allows everything and has no " +
			"boundary: a key outlives sessions, and could do more than a caller that is limited",
	})
	keyWithoutPolicy = Refusals.Add(explain.Reason{
		Code:     "access-key-policy",
		Check:    "access key",
		Expected: "a policy document",
		Got:      "none",
		Fix: "give a policy that allows what the key is for; a key without one is made beside the database, " +
			"with poolhouse keys create",
	})
	keyOwn = Refusals.Add(explain.Reason{
		Code:     "access-key-own",
		Check:    "access key",
		Expected: "another key than the one that signs the call, or AllowOwn",
		Got:      "the caller's own key",
		Fix:      "sign with another key, or give AllowOwn: you cannot sign with this key afterwards",
	})
	keyLast = Refusals.Add(explain.Reason{
		Code:     "access-key-last",
		Check:    "access key",
		Expected: "another enabled key of account {account} without a policy",
		Got:      "none",
		Fix: "make and try another one first, with poolhouse keys create; poolhouse keys delete removes even " +
			"the last one",
	})
	keyLimit = Refusals.Add(explain.Reason{
		Code:     "access-key-limit",
		Check:    "access key",
		Expected: "fewer than {limit}",
		Got:      "{limit}",
		Fix:      "delete keys that are not used",
	})
	keyForm = Refusals.Add(explain.Reason{
		Code:     "access-key-form",
		Check:    "access key",
		Expected: "a policy document and a description that are valid",
		Got:      "{fault}",
		Fix:      "correct it",
	})
)

// The reasons of the operations on signing keys, and of those for the operator.
var (
	homeAccountOnly = Refusals.Add(explain.Reason{
		Code:     "home-account-only",
		Check:    "home account",
		Expected: "the home account, account_id in the settings",
		Got:      "account {account} calls {operation}",
		Fix:      "sign with a key of the home account: what this is about belongs to the operator of the server",
	})
	signingKeysNone = Refusals.Add(explain.Reason{
		Code:     "signing-keys-none",
		Check:    "signing keys",
		Expected: "an account with web identity tokens",
		Got:      "account {account} has none",
		Fix:      "call EnableOutboundWebIdentityFederation first; the first call makes the keys",
	})
	signingKeysMany = Refusals.Add(explain.Reason{
		Code:     "signing-keys-many",
		Check:    "signing keys",
		Expected: "room for a new key of each algorithm",
		Got:      "{fault}",
		Fix:      "wait, or retire keys that leaked with RetireSigningKey",
	})
	signingKeyMissing = Refusals.Add(explain.Reason{
		Code:     "signing-key-lookup",
		Check:    "signing key",
		Expected: "a key of identity pools (home account only) or of account {account}",
		Got:      "none with this ID",
		Fix:      "look the ID up with ListSigningKeys; the home account names other accounts with Account",
	})
	signingKeySigns = Refusals.Add(explain.Reason{
		Code:     "signing-key-in-use",
		Check:    "signing key",
		Expected: "a key that does not sign now",
		Got:      "the one that signs",
		Fix:      "call RotateSigningKeys with Now first, then retire the key",
	})
)

// The reasons of TestProvider. Those of its steps are in package providercheck.
var (
	testedMissing = Refusals.Add(explain.Reason{
		Code:     "tested-provider",
		Check:    "tested provider",
		Expected: "the ARN of a provider of account {account}",
		Got:      "none with this ARN",
		Fix: "look the ARN up with ListOpenIDConnectProviders or ListSAMLProviders, or give Issuer or " +
			"SamlMetadata",
	})
	testsBusy = Refusals.Add(explain.Reason{
		Code:     "tested-provider-rate",
		Check:    "tested provider",
		Expected: "a few a second, of all accounts together",
		Got:      "more",
		Fix:      "wait a few seconds",
	})
)
