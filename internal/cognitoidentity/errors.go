package cognitoidentity

import (
	"context"
	"errors"
	"fmt"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/login"
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
	messageGuestsOff           = "Unauthenticated access is not supported for this identity pool."
	messageLoginsDontMatch     = "Logins don't match. Please include at least one valid login for this identity or identity pool."
	messageUnsupportedProvider = login.MessageUnsupportedProvider
	messageNextToken           = "Invalid NextToken."
	messagePublicProvider      = "Please provide a valid public provider"
	messageOwnToken            = "Invalid login token. Can't pass in a Cognito token."
	messageNotOwnToken         = "Invalid login token. Not a Cognito token."
	messageClassicFlowOff      = "Basic (classic) flow is not enabled, please use enhanced flow."
	messageClassicFlowMappings = "Basic (classic) flow is not supported with RoleMappings, please use enhanced flow."
	messageClassicFlowSAML     = "Basic (classic) flow is not supported with SAML, please use enhanced flow."
	messageConfiguration       = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
	messageUserPoolProvider    = "Invalid Cognito Identity Provider"
	messageDeveloperProvider   = "This identity pool does not support the specified developer provider"
	// Not observed anywhere: the API reference's sentence for the exception.
	messageDeveloperRegistered = "The provided developer user identifier is already registered with Cognito under a different identity ID."
)

// poolNotFound does not log the ID: clients mix up pool and identity IDs, and a
// guest's identity ID is a bearer secret.
func poolNotFound(id string) *awsapi.Error {
	const text = "IdentityPool '%s' not found."
	return awsapi.Errorf(notFound, text, id).LogAs(fmt.Sprintf(text, id[:min(len(id), maskedID)]+"…"))
}

// maskedID is how much of an ID that may be a secret the log shows: a region and
// a little.
const maskedID = 18

// identityNotFound has the exact text that old Amplify versions compare.
func identityNotFound(id string) *awsapi.Error {
	const text = "Identity '%s' not found."
	return awsapi.Errorf(notFound, text, id).LogAs(fmt.Sprintf(text, id[:min(len(id), maskedID)]+"…"))
}

// poolMissing and identityMissing record that a call names what is not there, or
// not the caller's.
func poolMissing(ctx context.Context) {
	explain.FromContext(ctx).Fail("identity pool", "a pool that exists, in the account and region of the call", "there is none with this ID",
		"check the pool's ID, and the keys and region that the call is signed with; ListIdentityPools lists what they reach")
}

func identityMissing(ctx context.Context) {
	explain.FromContext(ctx).Fail("identity", "an identity that exists, in the account, region and pool of the call", "there is none with this ID",
		"drop the identity ID that the client has kept and call GetId: the identity was deleted, its pool was, or the ID is another server's")
}

// identityForbidden has the prefix that the .NET SDK compares.
func identityForbidden(id string) *awsapi.Error {
	return awsapi.Errorf(notAuthorized, "Access to Identity '%s' is forbidden.", id)
}

func roleForbidden(arn string) *awsapi.Error {
	return awsapi.Errorf(notAuthorized, "Access to Role '%s' is forbidden.", arn)
}

// identityError turns a refusal of a resolution, a link or a look-up into the
// wire's words; id is the identity that the call named.
func identityError(err error, id string) error {
	if err == nil {
		return nil
	}
	var linked *identitypool.LoginConflict
	switch {
	case errors.Is(err, store.ErrNotFound):
		return identityNotFound(id)
	case errors.Is(err, identitypool.ErrForbidden):
		return identityForbidden(id).Because(err)
	case errors.Is(err, identitypool.ErrLoginsDontMatch):
		return awsapi.Errorf(notAuthorized, messageLoginsDontMatch)
	case errors.Is(err, identitypool.ErrDeveloperUserRegistered):
		return awsapi.Errorf(developerRegistered, messageDeveloperRegistered)
	case errors.As(err, &linked):
		return awsapi.Errorf(conflict, "Login of provider '%s' cannot be linked: %s.", linked.Provider, linked.Reason)
	default:
		return err
	}
}

// loginError turns a verifier's refusal into the wire's words.
func loginError(err error) error {
	var refused *login.Refused
	var unavailable *login.Unavailable
	switch {
	case errors.As(err, &refused):
		return awsapi.Errorf(notAuthorized, "%s", refused.Message).Because(err)
	case errors.As(err, &unavailable):
		return awsapi.Errorf(externalService, "The login provider %s is not responding.", unavailable.Provider).Because(err)
	default:
		return err
	}
}

// poolError turns a store's refusal of a pool operation into the wire's words.
func poolError(err error, id string) error {
	if errors.Is(err, store.ErrNotFound) {
		return poolNotFound(id)
	}
	return err
}

func invalid(format string, args ...any) *awsapi.Error {
	return awsapi.Errorf(invalidParameter, "%s", fmt.Sprintf(format, args...))
}
