package sigv4

import (
	"errors"
	"fmt"
	"strings"
)

// Code says why a request was refused. AWS spells each code differently per protocol; a service maps them so:
//
//	Code                                          Query (STS, IAM)            JSON 1.1
//	MissingAuthentication                         MissingAuthenticationToken  MissingAuthenticationTokenException
//	IncompleteSignature                           IncompleteSignature         IncompleteSignatureException
//	MalformedQuery                                MalformedQueryString        MalformedQueryString
//	WrongScope, Expired, NotYetCurrent,
//	BadSignature                                  SignatureDoesNotMatch       InvalidSignatureException
//	UnknownKey, InvalidToken                      InvalidClientTokenId        UnrecognizedClientException
//	ExpiredToken                                  ExpiredToken                ExpiredTokenException
type Code string

// The codes of [Error].
const (
	// MissingAuthentication: the request carries no AWS signature at all.
	MissingAuthentication Code = "MissingAuthentication"
	// IncompleteSignature: the signature's parameters are missing, malformed, repeated, contradictory or beyond a limit.
	IncompleteSignature Code = "IncompleteSignature"
	// MalformedQuery: the query string or the path cannot be read.
	MalformedQuery Code = "MalformedQuery"
	// WrongScope: the credential scope names another service or day, or no valid region or terminator.
	WrongScope Code = "WrongScope"
	// Expired: the request was signed too long ago, or its presigned lifetime is over.
	Expired Code = "Expired"
	// NotYetCurrent: the request was signed too far in the future.
	NotYetCurrent Code = "NotYetCurrent"
	// BadSignature: the signature is not the one of this request, or does not cover what it must cover.
	BadSignature Code = "BadSignature"
	// UnknownKey: the access key ID is unknown or disabled.
	UnknownKey Code = "UnknownKey"
	// InvalidToken: the session token does not belong to the access key ID, or is not genuine.
	InvalidToken Code = "InvalidToken"
	// ExpiredToken: the session token is genuine but its time is over.
	ExpiredToken Code = "ExpiredToken"
)

// Errors for [Verifier.Credentials] to return, alone or wrapped; an *Error is returned as it is. Verify answers them with an *Error that has the
// matching Code and unwraps to what Credentials returned.
var (
	// ErrUnknownKey: there is no such access key, or it may not be used.
	ErrUnknownKey = errors.New("sigv4: unknown access key")
	// ErrInvalidToken: the session token is missing, not genuine, or belongs to another access key.
	ErrInvalidToken = errors.New("sigv4: invalid session token")
	// ErrExpiredToken: the session is over.
	ErrExpiredToken = errors.New("sigv4: expired session token")
)

// Error is a refusal. Message is AWS's own text where AWS has one, and is safe to send and to log: it holds no
// secret, session token or signature, and what it quotes from the request is cut short and printable.
type Error struct {
	Code    Code
	Message string

	// CanonicalRequest and StringToSign are what the verifier computed; set only when the computed signature
	// differs from the one sent (Code BadSignature), so that a developer can compare them with the client's.
	// A session token in them is replaced by "REDACTED", but other signed headers and query parameters are as sent.
	CanonicalRequest string
	StringToSign     string

	cause error
}

func (e *Error) Error() string { return "sigv4: " + string(e.Code) + ": " + e.Message }

// Unwrap returns the error of [Verifier.Credentials] that led to this one, if any.
func (e *Error) Unwrap() error { return e.cause }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Texts that AWS sends, as reported by users of its services and by those who rebuilt them.
const (
	msgMissing      = "Request is missing Authentication Token"
	msgMismatch     = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	msgInvalidToken = "The security token included in the request is invalid."
	msgExpiredToken = "The security token included in the request is expired"
)

// credentialsError turns a sentinel of Verifier.Credentials, or an *Error, into a refusal; nil when err is something
// else.
func credentialsError(err error) *Error {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	switch {
	case errors.Is(err, ErrUnknownKey):
		return &Error{Code: UnknownKey, Message: msgInvalidToken, cause: err}
	case errors.Is(err, ErrInvalidToken):
		return &Error{Code: InvalidToken, Message: msgInvalidToken, cause: err}
	case errors.Is(err, ErrExpiredToken):
		return &Error{Code: ExpiredToken, Message: msgExpiredToken, cause: err}
	}
	return nil
}

// quoted makes a part of the request fit for a message: at most 100 bytes, all of them printable ASCII.
func quoted(s string) string {
	const limit = 100
	cut := ""
	if len(s) > limit {
		s, cut = s[:limit], "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s) + cut
}
