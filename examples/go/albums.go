// Package albums is the code under test: an app that keeps a folder for each of its users.
package albums

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
)

// ErrBusy means that the user should try again later.
var ErrBusy = errors.New("too many people sign in: try again")

// App is the app.
type App struct {
	Config aws.Config
	PoolID string
}

// SignIn returns the folder of a user, and the user's credentials.
func (a App) SignIn(ctx context.Context, logins map[string]string) (folder string, keys *types.Credentials, err error) {
	pools := cognitoidentity.NewFromConfig(a.Config, func(o *cognitoidentity.Options) { o.RetryMaxAttempts = 1 })
	identity, err := pools.GetId(ctx, &cognitoidentity.GetIdInput{IdentityPoolId: &a.PoolID, Logins: logins})
	if busy := (*types.TooManyRequestsException)(nil); errors.As(err, &busy) {
		return "", nil, ErrBusy
	}
	if err != nil {
		return "", nil, err
	}

	got, err := pools.GetCredentialsForIdentity(ctx, &cognitoidentity.GetCredentialsForIdentityInput{
		IdentityId: identity.IdentityId,
		Logins:     logins,
	})
	if err != nil {
		return "", nil, err
	}

	return "albums/" + *identity.IdentityId + "/", got.Credentials, nil
}
