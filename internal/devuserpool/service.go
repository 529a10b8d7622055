// Package devuserpool simulates Amazon Cognito user pools (cognito-idp, version 2016-04-18) on a
// development server: pools, app clients, users, groups, sign-up and sign-in, and the tokens that identity
// pools take as logins. Each operation is a method with AWS's name; files group them by what they are
// about. What is not simulated is refused by name, and nothing is done by halves.
//
// Start reading at Operations. A production server has nothing of this package.
//
// API reference: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/
package devuserpool

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/testkeys"
)

// Options are the parts and settings of a Service. All fields without "may be nil" are required.
type Options struct {
	State *State
	// Issuer is the URL of this server. The issuer of a pool's tokens is this, a slash, and the pool's ID.
	Issuer string
	Now    func() time.Time
	Logger *slog.Logger
	// Codes shows a code to the developer, in place of an e-mail or a text message; may be nil.
	Codes func(context.Context, SentCode)
	// MayChooseIDs reports whether an account may choose the IDs of its pools and clients; nil = none may.
	// A pool keeps its ID, which identity pools trust, so a caller who chooses could take a trusted one.
	MayChooseIDs func(account string) bool
	// FixedCode is every code; "" = codes are random.
	FixedCode string
	// Keys makes RSA keys; nil = generate them.
	Keys testkeys.Maker
}

// SentCode is a code or a temporary password that a user would get by e-mail or text message.
type SentCode struct {
	Pool        string    `json:"user_pool_id"`
	PoolName    string    `json:"user_pool_name"`
	Username    string    `json:"username"`
	Purpose     string    `json:"purpose"`     // in words: "confirm the sign-up"
	Destination string    `json:"destination"` // address or number; "" = none
	Code        string    `json:"code"`
	Time        time.Time `json:"time"`
}

// Service implements the operations of the API. It is safe for concurrent use.
type Service struct {
	Options
	challenges *challenges
	lockouts   lockouts
	wrongCodes wrongCodes
}

// New returns a Service.
func New(o Options) *Service {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))

	return &Service{
		Options:    o,
		challenges: newChallenges(o.Now),
		lockouts:   newLockouts(o.Now),
		wrongCodes: newWrongCodes(o.Now),
	}
}

// Names by which requests call the API.
const (
	Name         = apiSigningName  // in the credential scope
	TargetPrefix = apiTargetPrefix // of X-Amz-Target, before the last dot
)

// API returns the API for awsapi.
func (s *Service) API() awsapi.API {
	return awsapi.API{
		Name:         Name,
		Target:       TargetPrefix,
		InternalCode: "InternalErrorException",
		InvalidCode:  invalidParameter, // not ValidationException, as other JSON APIs have
		Operations:   s.Operations(),
		Exceptions:   Exceptions,
	}
}

// Exceptions returns the error types that an operation may answer, as AWS's model of the API has them.
func Exceptions(operation string) []string {
	for _, o := range apiOperations {
		if o.name == operation {
			return o.errors
		}
	}
	return nil
}
