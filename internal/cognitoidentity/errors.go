package cognitoidentity

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Exceptions of the API model.
const (
	invalidParameter     = "InvalidParameterException"
	notAuthorized        = "NotAuthorizedException"
	notFound             = "ResourceNotFoundException"
	conflict             = "ResourceConflictException"
	limitExceeded        = "LimitExceededException"
	externalService      = "ExternalServiceException"
	invalidConfiguration = "InvalidIdentityPoolConfigurationException"
	developerRegistered  = "DeveloperUserAlreadyRegisteredException"
)

// Messages that clients compare or people search for; observed at AWS.
const (
	messageGuestsOff       = "Unauthenticated access is not supported for this identity pool."
	messageLoginsDontMatch = "Logins don't match. Please include at least one valid login for this identity " +
		"or identity pool."
	messageUnsupportedProvider = login.MessageUnsupportedProvider
	messageNextToken           = "Invalid NextToken."
	messagePublicProvider      = "Please provide a valid public provider"
	messageCognitoToken        = "Invalid login token. Can't pass in a Cognito token."
	messageMissingIssuer       = "Invalid login token. Missing a required claim: iss"
	messageNotCognitoToken     = "Invalid login token. Not a Cognito token."
	messageClassicFlowOff      = "Basic (classic) flow is not enabled, please use enhanced flow."
	messageClassicFlowMappings = "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."
	messageClassicFlowSAML     = "Basic (classic) flow is not supported with SAML, please use enhanced flow."
	messageConfiguration       = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
	messageUserPoolProvider    = "Invalid Cognito Identity Provider"
	messageDeveloperProvider   = "This identity pool does not support the specified developer provider"
	// Not observed at AWS: the API reference's sentence for the exception.
	messageDeveloperRegistered = "The provided developer user identifier is already registered with Cognito under " +
		"a different identity ID."
)

// poolNotFound does not log the ID: clients mix up pool and identity IDs, and a
// guest's identity ID is a bearer secret.
func poolNotFound(id string, why *explain.Refusal) *awsapi.Error {
	const text = "IdentityPool '%s' not found."
	return awsapi.Refused(notFound, why, text, id).LogAs(fmt.Sprintf(text, masked(id)))
}

// askedPoolNotFound is poolNotFound for a call that named the pool.
func askedPoolNotFound(ctx context.Context, id string, why *explain.Refusal) *awsapi.Error {
	awsapi.RecordFrom(ctx).AskedPool = masked(id)
	return poolNotFound(id, why)
}

// whyNoPool explains that a caller has no such pool. It compares the call with itself:
// region is the ID's, signed is the signature's.
func whyNoPool(region, signed string) *explain.Refusal {
	if region != signed {
		return poolRegion.With("region", region, "signed", signed)
	}
	return poolUnknown.With()
}

// whyNoIdentity is whyNoPool for an identity.
func whyNoIdentity(id, signed string) *explain.Refusal {
	if region := identitypool.RegionOf(id); region != signed {
		return identityRegion.With("region", region, "signed", signed)
	}
	return identityUnknownSigned.With()
}

// maskedID is the number of bytes that the log shows of an ID that may be a secret:
// the region and a few more.
const maskedID = 18

func masked(id string) string { return id[:min(len(id), maskedID)] + "…" }

// identityNotFound has the exact text that old Amplify versions compare.
func identityNotFound(id string, why *explain.Refusal) *awsapi.Error {
	const text = "Identity '%s' not found."
	return awsapi.Refused(notFound, why, text, id).LogAs(fmt.Sprintf(text, masked(id)))
}

// identityForbidden has the prefix that the .NET SDK compares.
func identityForbidden(id string, cause error) error {
	return awsapi.Refused(notAuthorized, reasonOf(cause), "Access to Identity '%s' is forbidden.", id).Because(cause)
}

// identityError turns a refusal of a resolution, a link or a look-up into the API's
// error. id is the identity that the call named. Signed calls use callerError.
func identityError(err error, id string) error {
	if err == nil {
		return nil
	}

	why := reasonOf(err)
	var linked *identitypool.LoginConflict

	switch {
	case errors.Is(err, store.ErrNotFound):
		return identityNotFound(id, identityUnknown.With())
	case errors.Is(err, identitypool.ErrForbidden):
		return identityForbidden(id, err)
	case errors.Is(err, identitypool.ErrLoginsDontMatch):
		return loginsDontMatch(why)
	case errors.Is(err, identitypool.ErrDeveloperUserRegistered):
		return awsapi.Refused(developerRegistered, why, messageDeveloperRegistered)
	case errors.Is(err, identitypool.ErrUnknownDeveloperUser):
		return awsapi.Refused(notFound, why, "The developer user identifier is not registered in the identity pool.")
	case errors.As(err, &linked):
		return awsapi.Refused(conflict, why,
			"Login of provider '%s' cannot be linked: %s.", linked.Provider, linked.Reason)
	default:
		return err
	}
}

// callerError is identityError for a call that is signed for the region signed.
func callerError(err error, id, signed string) error {
	if errors.Is(err, store.ErrNotFound) {
		return identityNotFound(id, whyNoIdentity(id, signed))
	}
	return identityError(err, id)
}

func loginsDontMatch(why *explain.Refusal) error {
	return awsapi.Refused(notAuthorized, why, messageLoginsDontMatch)
}

// loginError turns a verifier's refusal into the API's error.
func loginError(err error) error {
	var refused *login.Refused
	var unavailable *login.Unavailable

	switch {
	case errors.As(err, &refused):
		return awsapi.Refused(notAuthorized, reasonOf(err), "%s", refused.Message).Because(err)
	case errors.As(err, &unavailable):
		const text = "The login provider %s is not responding."
		return awsapi.Refused(externalService, reasonOf(err), text, unavailable.Provider).Because(err)
	default:
		return err
	}
}

// providerError turns the refusal of a login because of its provider into the API's error.
func providerError(err error, pool identitypool.Pool) error {
	if wrong, ok := errors.AsType[*provider.PartitionError](err); ok {
		return partitionError(wrong)
	}
	refused, ok := errors.AsType[*provider.Error](err)
	if !ok {
		return err
	}

	switch refused.Fault {
	case provider.NoProviders:
		const text = "Identity pool - %s does not have identity providers configured."
		return awsapi.Refused(notAuthorized, refused.Why, text, pool.ID)
	case provider.SameProvider:
		const text = "The logins %s and %s are of the same provider."
		return awsapi.Refused(invalidParameter, refused.Why, text, refused.Key, refused.Other)
	case provider.DeveloperName:
		return awsapi.Refused(invalidParameter, refused.Why, messagePublicProvider)
	case provider.CognitoToken:
		return awsapi.Refused(notAuthorized, refused.Why, messageCognitoToken)
	case provider.NotIDToken:
		return awsapi.Refused(notAuthorized, refused.Why, login.MessageNotOIDC)
	case provider.NoIssuer:
		return awsapi.Refused(notAuthorized, refused.Why, messageMissingIssuer)
	case provider.OtherIssuer:
		return awsapi.Refused(notAuthorized, refused.Why, login.MessageIssuerMismatch)
	default:
		return awsapi.Refused(notAuthorized, refused.Why, messageUnsupportedProvider).Because(refused.Cause)
	}
}

func partitionError(e *provider.PartitionError) error {
	if e.SAML {
		return awsapi.Refused(notAuthorized, e.Why,
			"Identity provider %s is not valid for account %s. In the partition %s it is %s.",
			e.ARN, e.Account, e.Partition, e.Right)
	}

	return awsapi.Refused(invalidParameter, e.Why,
		"The provider %s is not of the partition %s, as the identity pool is: "+
			"write %s.", e.ARN, e.Partition, e.Right)
}

// poolError turns the store's refusal of a pool operation into the API's error. The pool
// existed when the call began.
func poolError(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return poolNotFound(id, poolDeleted.With())
	}
	return err
}
