package iamapi

import (
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// Refusals has the reasons for which this package refuses, with AWS's texts.
var Refusals explain.Catalogue

// Reasons about the resource that a call names.
var (
	resourceInSettings = Refusals.Add(explain.Reason{
		Code:     "resource-in-settings",
		Check:    "resource",
		Expected: "a resource that was created through the IAM API (kind: {what})",
		Got:      "a resource of the settings file, under {section}",
		Fix:      "change it in the settings file, and restart the server",
		Message: "This {what} is defined in the settings file of this server, under {section}, and cannot be changed " +
			"through the API: change it there.",
	})
	resourceMissing = Refusals.Add(explain.Reason{
		Code:     "resource-missing",
		Check:    "resource",
		Expected: "a resource of the caller's account with this name or ARN (kind: {what})",
		Got:      "none: {message}",
		Fix: "list the account's resources, compare the name and the account in the ARN, and check which " +
			"account's key signs",
		Message: "{message}",
	})
	resourceExists = Refusals.Add(explain.Reason{
		Code:     "resource-exists",
		Check:    "resource",
		Expected: "a resource that does not exist yet (kind: {what})",
		Got:      "a resource that exists: {message}",
		Fix: "choose another name, or change the resource that exists; names must differ in more than letter " +
			"case",
		Message: "{message}",
	})
	resourceQuota = Refusals.Add(explain.Reason{
		Code:     "resource-quota",
		Check:    "resource quota",
		Expected: "room for one more {what} in the account",
		Got:      "none: {message}",
		Fix:      "delete resources that are no longer used",
		Message:  "{message}",
	})
	userMissing = Refusals.Add(explain.Reason{
		Code:     "user-missing",
		Check:    "user",
		Expected: "the user of the signing key; this server has no other users",
		Got:      "{name}",
		Fix:      "leave UserName out",
		Message:  "The user with name {name} cannot be found.",
	})
	userUnnamed = Refusals.Add(explain.Reason{
		Code:     "user-of-session",
		Check:    "user",
		Expected: "a call signed with an access key",
		Got:      "one signed with the credentials of a role",
		Fix:      "call sts:GetCallerIdentity to learn who signs, or sign with an access key",
		Message:  "Must specify userName when calling with non-User credentials",
	})
	profileMissing = Refusals.Add(explain.Reason{
		Code:     "instance-profile-missing",
		Check:    "instance profile",
		Expected: "nothing: this server has no instances, and no profiles for them",
		Got:      "{name}",
		Fix:      "assume the role itself",
		Message:  "Instance Profile {name} cannot be found.",
	})
	passwordPolicyMissing = Refusals.Add(explain.Reason{
		Code:     "password-policy-missing",
		Check:    "password policy",
		Expected: "nothing: this server has no users with passwords",
		Got:      "a request for the password policy of account {account}",
		Fix:      "treat the answer as AWS's for an account without a password policy",
		Message:  "The Password Policy with domain name {account} cannot be found.",
	})
	markerForeign = Refusals.Add(explain.Reason{
		Code:     "marker",
		Check:    "marker",
		Expected: "the Marker of the previous response",
		Got:      "another text",
		Fix:      "pass the Marker on unchanged, or start again without it",
		Message:  "The marker is not one that this API returned.",
	})
)

// Reasons about policies.
var (
	documentFault = Refusals.Add(explain.Reason{
		Code:     "policy-document",
		Check:    "policy document",
		Expected: "{expected}",
		Got:      "{where}: {got}",
		Fix:      "{fix}",
		Message:  "{text}",
	})
	documentUnreadable = Refusals.Add(explain.Reason{
		Code:     "policy-document-unreadable",
		Check:    "policy document",
		Expected: "a document that this server can evaluate",
		Got:      "{problem}",
		Fix:      "rewrite the named part of the document; docs/iam.md lists what policies may contain",
		Message:  "{problem}",
	})
	documentSize = Refusals.Add(explain.Reason{
		Code:     "policy-document-size",
		Check:    "policy document",
		Expected: "up to {limit} characters, not counting white space",
		Got:      "{size}",
		Fix:      "shorten the document, or split it into several policies",
		Message:  "Cannot exceed quota for PolicySize: {limit}",
	})
	trustSize = Refusals.Add(explain.Reason{
		Code:     "trust-policy-size",
		Check:    "trust policy",
		Expected: "up to {limit} characters, not counting white space",
		Got:      "{size}",
		Fix:      "shorten the trust policy",
		Message:  "Cannot exceed quota for ACLSizePerRole: {limit}",
	})
	inlineSize = Refusals.Add(explain.Reason{
		Code:     "inline-policies-size",
		Check:    "inline policies",
		Expected: "up to {limit} characters in all inline policies of the role together",
		Got:      "{size}",
		Fix:      "shorten them, or attach managed policies, which do not count",
		Message:  "Maximum policy size of {limit} bytes exceeded for role {role}",
	})
	principalMissing = Refusals.Add(explain.Reason{
		Code:     "principals-of-the-trust-policy",
		Check:    "principals of the trust policy",
		Expected: "roles that exist, by their whole ARN",
		Got:      "{principal}",
		Fix: "create that role first, or correct its ARN; path and name are compared exactly. " +
			"A role can name itself once it exists",
		Message: `Invalid principal in policy: "AWS":"{principal}"`,
	})
	policyOfAWS = Refusals.Add(explain.Reason{
		Code:     "policy-owner",
		Check:    "policy owner",
		Expected: "a managed policy of the caller's account",
		Got:      "one of AWS",
		Fix:      "create your own policy with the document that you want",
		Message:  "Policy {arn} belongs to AWS and cannot be changed.",
	})
	policyVersionsLeft = Refusals.Add(explain.Reason{
		Code:     "policy-in-use-versions",
		Check:    "policy in use",
		Expected: "a policy with only its default version",
		Got:      "{count} versions",
		Fix:      "delete the other versions first: DeletePolicyVersion",
		Message: "This policy has more than one version. " +
			"Before you delete a policy, you must delete the policy's versions. " +
			"The default version is deleted with the policy.",
	})
	policyAttached = Refusals.Add(explain.Reason{
		Code:     "policy-in-use-attached",
		Check:    "policy in use",
		Expected: "a policy that no role has",
		Got:      "one that is attached, or a permissions boundary",
		Fix:      "remove it from the roles first: ListEntitiesForPolicy lists them",
		Message:  "Cannot delete a policy attached to entities.",
	})
	policyVersionDefault = Refusals.Add(explain.Reason{
		Code:     "policy-version-default",
		Check:    "policy version",
		Expected: "a version that is not the default one",
		Got:      "the default version",
		Fix:      "make another version the default first: SetDefaultPolicyVersion",
		Message:  "Cannot delete the default version of a policy.",
	})
	policyVersionMissing = Refusals.Add(explain.Reason{
		Code:     "policy-version-missing",
		Check:    "policy version",
		Expected: "a version of the policy",
		Got:      "{version}, which it does not have",
		Fix:      "ListPolicyVersions lists its versions",
		Message:  "Policy {arn} version {version} does not exist.",
	})
	policyVersionQuota = Refusals.Add(explain.Reason{
		Code:     "policy-version-quota",
		Check:    "policy version",
		Expected: "fewer than {limit} versions before a new one",
		Got:      "{limit}",
		Fix:      "delete a version first: DeletePolicyVersion",
		Message: "A managed policy can have up to {limit} versions. Before you create a new version, you must delete " +
			"an existing version.",
	})
	rolePolicyMissing = Refusals.Add(explain.Reason{
		Code:     "inline-policies-missing",
		Check:    "inline policies",
		Expected: "a policy of the role with this name",
		Got:      "{name}, which it does not have",
		Fix:      "ListRolePolicies lists the role's policies",
		Message:  "The role policy with name {name} cannot be found.",
	})
	attachmentMissing = Refusals.Add(explain.Reason{
		Code:     "attached-policy-missing",
		Check:    "attached policy",
		Expected: "a managed policy of the caller's account, or an AWS managed policy that this server knows",
		Got:      "{arn}",
		Fix:      "create the policy, or correct its ARN; docs/iam.md lists the known AWS managed policies",
		Message:  "Policy {arn} does not exist or is not attachable.",
	})
	boundaryMissing = Refusals.Add(explain.Reason{
		Code:     "permissions-boundary",
		Check:    "permissions boundary",
		Expected: "a managed policy of the caller's account, or an AWS managed policy that this server knows",
		Got:      "{arn}",
		Fix:      "create the policy, or correct its ARN; docs/iam.md lists the known AWS managed policies",
		Message:  "Scope ARN: {arn} does not exist or is not attachable.",
	})
	attachmentARN = Refusals.Add(explain.Reason{
		Code:     "attached-policy-arn",
		Check:    "attached policy",
		Expected: "the ARN of a managed policy: arn:PARTITION:iam::ACCOUNT:policy/NAME",
		Got:      "{arn}",
		Fix:      "pass the whole ARN, as ListPolicies shows it",
		Message:  "ARN {arn} is not valid.",
	})
	attachmentQuota = Refusals.Add(explain.Reason{
		Code:     "attached-policy-quota",
		Check:    "attached policy",
		Expected: "fewer than {limit} attached policies before a new one",
		Got:      "{limit}",
		Fix:      "detach a policy first, or merge several into one",
		Message:  "Cannot exceed quota for PoliciesPerRole: {limit}",
	})
	attachmentAbsent = Refusals.Add(explain.Reason{
		Code:     "attached-policy-absent",
		Check:    "attached policy",
		Expected: "a policy that the role has",
		Got:      "{arn}, which it does not have",
		Fix:      "ListAttachedRolePolicies lists the role's policies",
		Message:  "Policy {arn} was not found.",
	})
	roleWithAttached = Refusals.Add(explain.Reason{
		Code:     "role-in-use-attached",
		Check:    "role in use",
		Expected: "a role without policies",
		Got:      "attached policies: {policies}",
		Fix:      "detach them first: DetachRolePolicy",
		Message:  "Cannot delete entity, must detach all policies first.",
	})
	roleWithInline = Refusals.Add(explain.Reason{
		Code:     "role-in-use-inline",
		Check:    "role in use",
		Expected: "a role without policies",
		Got:      "inline policies: {policies}",
		Fix:      "delete them first: DeleteRolePolicy",
		Message:  "Cannot delete entity, must delete policies first.",
	})
)

// Reasons about providers and tags.
var (
	thumbprintCount = Refusals.Add(explain.Reason{
		Code:     "thumbprints-count",
		Check:    "thumbprints",
		Expected: "up to {limit}",
		Got:      "{count}",
		Fix:      "remove some",
		Message:  "Thumbprint list must contain at most {limit} entries.",
	})
	thumbprintDigits = Refusals.Add(explain.Reason{
		Code:     "thumbprints-digits",
		Check:    "thumbprints",
		Expected: "40 hexadecimal digits each",
		Got:      "{thumbprint}",
		Fix:      "write the SHA-1 of the certificate without colons, or leave ThumbprintList out",
		Message:  "Thumbprint {thumbprint} is not made of hexadecimal digits.",
	})
	clientIDQuota = Refusals.Add(explain.Reason{
		Code:     "client-ids",
		Check:    "client IDs",
		Expected: "up to {limit} of one provider",
		Got:      "{count}",
		Fix:      "remove those that are no longer used: RemoveClientIDFromOpenIDConnectProvider",
		Message:  "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {limit}",
	})
	providerURLScheme = Refusals.Add(explain.Reason{
		Code:     "provider-url-scheme",
		Check:    "provider URL",
		Expected: "a URL that begins with https://",
		Got:      "another scheme, or none",
		Fix: "write the issuer exactly as in its tokens; http:// is for `poolhouse dev` and for allow_http in the " +
			"settings",
		Message: "Invalid Open ID Connect Provider URL. The URL must begin with https://.",
	})
	providerURLForm = Refusals.Add(explain.Reason{
		Code:     "provider-url-form",
		Check:    "provider URL",
		Expected: "an issuer exactly as in its tokens: only scheme, host and path",
		Got:      "one that {problem}",
		Fix:      "correct the URL",
		Message:  "Invalid Open ID Connect Provider URL. It {problem}.",
	})
	samlEncrypted = Refusals.Add(explain.Reason{
		Code:     "saml-metadata-encryption",
		Check:    "SAML metadata",
		Expected: "signed assertions that are not encrypted",
		Got:      "AssertionEncryptionMode Required, or a private key",
		Fix: "leave AssertionEncryptionMode and AddPrivateKey out, and turn off encryption at the identity " +
			"provider",
		Message: "Encrypted SAML assertions are not supported by this server.",
	})
	samlUnreadable = Refusals.Add(explain.Reason{
		Code:     "saml-metadata-unreadable",
		Check:    "SAML metadata",
		Expected: "the metadata document of an identity provider with a certificate to verify its signatures",
		Got:      "{problem}",
		Fix:      "download the metadata from the identity provider again, and send it unchanged",
		Message:  "Could not parse metadata: {problem}",
	})
	tagTwice = Refusals.Add(explain.Reason{
		Code:     "tags-twice",
		Check:    "tags",
		Expected: "each key once, ignoring letter case",
		Got:      "one twice",
		Fix:      "remove one of the two",
		Message:  "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
	})
	tagReserved = Refusals.Add(explain.Reason{
		Code:     "tags-reserved",
		Check:    "tags",
		Expected: "keys that do not begin with aws:",
		Got:      "one that does",
		Fix:      "choose another key",
		Message:  "Tag keys that begin with aws: are reserved.",
	})
	tagQuota = Refusals.Add(explain.Reason{
		Code:     "tags-quota",
		Check:    "tags",
		Expected: "up to {limit} of one resource",
		Got:      "{count}",
		Fix:      "remove tags that are no longer used",
		Message:  "The number of tags has reached the maximum limit of {limit}.",
	})
)

// Reasons about ARNs whose partition is not the call's.
var (
	arnPartition = Refusals.Add(explain.Reason{
		Code:     "arn-partition",
		Check:    "ARN partition",
		Expected: "an ARN in {partition}, the partition of the call's region",
		Got:      "{arn}",
		Fix:      "write {right}, or sign the call for a region of the ARN's partition",
		Message:  "ARN {arn} is not valid. In the partition {partition} it is {right}.",
	})
	principalPartition = Refusals.Add(explain.Reason{
		Code:     "principal-partition",
		Check:    "principal partition",
		Expected: "principals in {partition}, the partition of the call's region",
		Got:      "{arn}",
		Fix:      "write {right} in the trust policy, or sign the call for a region of the ARN's partition",
		Message:  `Invalid principal in policy: "{kind}":"{arn}". In the partition {partition} it is {right}.`,
	})
)

// refuse returns the client error with this code and the text of why.
func refuse(code string, why *explain.Refusal) error {
	return awsapi.Refused(code, why, "%s", why.Message)
}

func isPartition(err error) bool {
	_, ok := errors.AsType[*iam.PartitionError](err)
	return ok
}

// wrongPartition turns a *iam.PartitionError into IAM's error for invalid input,
// with the right ARN.
func wrongPartition(err error) error {
	wrong, ok := errors.AsType[*iam.PartitionError](err)
	if !ok {
		return err
	}

	why := arnPartition.With("partition", wrong.Partition, "arn", wrong.ARN, "right", wrong.Right).Of(wrong.ARN)
	return refuse(invalidInput, why)
}

// wrongPrincipal is like wrongPartition, for a principal of a trust policy.
func wrongPrincipal(err error) error {
	wrong, ok := errors.AsType[*iam.PartitionError](err)
	if !ok {
		return err
	}

	kind := "AWS"
	if _, _, _, isProvider := identitypool.ParseProviderARN(wrong.ARN); isProvider {
		kind = "Federated"
	}
	why := principalPartition.With("kind", kind, "partition", wrong.Partition, "arn", wrong.ARN, "right", wrong.Right)

	return refuse(malformedDocument, why.Of(wrong.ARN))
}
