package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Code is the reason why a request was refused. AWS spells codes differently in each protocol; a service maps them so:
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
	// IncompleteSignature: parameters of the signature are missing, malformed, repeated, contradictory or too long.
	IncompleteSignature Code = "IncompleteSignature"
	// MalformedQuery: the query string or the path cannot be read.
	MalformedQuery Code = "MalformedQuery"
	// WrongScope: the credential scope names another service or day, or no valid region or terminator.
	WrongScope Code = "WrongScope"
	// Expired: the request was signed too long ago, or its presigned lifetime is over.
	Expired Code = "Expired"
	// NotYetCurrent: the request was signed too far in the future.
	NotYetCurrent Code = "NotYetCurrent"
	// BadSignature: the signature is not that of this request, or does not cover all that it must cover.
	BadSignature Code = "BadSignature"
	// UnknownKey: the access key ID is unknown or disabled.
	UnknownKey Code = "UnknownKey"
	// InvalidToken: the session token does not belong to the access key ID, or is not genuine.
	InvalidToken Code = "InvalidToken"
	// ExpiredToken: the session token is genuine but its time is over.
	ExpiredToken Code = "ExpiredToken"
)

// Errors for [Verifier.Credentials] to return, alone or wrapped. Verify returns an *Error with the matching Code, which
// unwraps to the error of Credentials. If Credentials returns an *Error, Verify returns a copy that describes the
// request.
var (
	// ErrUnknownKey: there is no such access key, or it may not be used.
	ErrUnknownKey = errors.New("sigv4: unknown access key")
	// ErrInvalidToken: the session token is missing, not genuine, or belongs to another access key.
	ErrInvalidToken = errors.New("sigv4: invalid session token")
	// ErrExpiredToken: the session is over.
	ErrExpiredToken = errors.New("sigv4: expired session token")
)

// Part names the part of a signed request that is at fault.
type Part string

// The parts that can be at fault.
const (
	PartSignature     Part = "signature"      // well-formed, but not that of the request
	PartScheme        Part = "scheme"         // the Authorization header is missing, or of another scheme
	PartForm          Part = "form"           // parameters are missing, unknown, given twice or in two places
	PartAlgorithm     Part = "algorithm"      // not AWS4-HMAC-SHA256
	PartCredential    Part = "credential"     // not five elements
	PartAccessKey     Part = "access key"     // unknown, or not one
	PartToken         Part = "session token"  // not one, or too long
	PartDate          Part = "date"           // not in the form of ISO 8601
	PartClock         Part = "clock"          // too far in the past or future
	PartLifetime      Part = "lifetime"       // X-Amz-Expires is missing or no number of seconds
	PartPresigned     Part = "presigned"      // the service takes no presigned requests
	PartRegion        Part = "region"         // of the credential scope, like the next three
	PartService       Part = "service"        //
	PartDay           Part = "day"            //
	PartTerminator    Part = "terminator"     //
	PartSignedHeaders Part = "signed headers" // the list: its form, or names that the request lacks
	PartCoverage      Part = "coverage"       // a header that must be signed is not
	PartHeader        Part = "header"         // sent twice, or with a line break
	PartPayload       Part = "payload"        // the body is not the one whose hash was stated, or not bound
	PartQuery         Part = "query"          // the query or path cannot be read
)

// Error is a refusal. Message is AWS's text if AWS has one, and is safe to send: it contains no secret, session token
// or signature, and its quotations from the request are short and printable. But a client with wrong settings may send
// a secret in place of a name. Unquoted is Message without the quotations, for logs.
//
// The fields below Unquoted describe the request and what was expected of it. Verify sets those that it knows.
type Error struct {
	Code     Code
	Message  string
	Unquoted string
	Parts    []Part // the parts at fault; several only in a credential scope
	Name     string // the header at fault, if any; as sent, short and printable

	// AccessKeyID and Scope are as the request states them. The access key ID may be a secret in the wrong place: log
	// it only if it has the form of an access key ID.
	AccessKeyID   string
	Scope         Scope
	Service       string   // the service given to Verify
	Host          string   // the request's host, as the verifier saw it
	SignedHeaders []string // as the request states them
	Presigned     bool
	HasToken      bool // whether the request has a session token

	// SignedAt is the time of the signature, Now the time of the verifier's clock, and Window the longest time that
	// SignedAt may be before Now. SignedAt is zero if it cannot be read.
	SignedAt, Now time.Time
	Window        time.Duration

	// CanonicalRequest and StringToSign are the verifier's, for comparison with the client's. They are set only if the
	// computed signature differs from the one sent (Code BadSignature). "REDACTED" replaces a session token in them;
	// other signed headers and query parameters are as sent.
	CanonicalRequest string
	StringToSign     string

	cause error
}

func (e *Error) Error() string { return "sigv4: " + string(e.Code) + ": " + e.Message }

// Unwrap returns the error of [Verifier.Credentials] that led to this one, if any.
func (e *Error) Unwrap() error { return e.cause }

// quotation is text of the request in a message.
type quotation string

// refuse returns a refusal about a part of the request. Unquoted gets the length of each quotation in its place.
func refuse(code Code, part Part, format string, args ...any) *Error {
	e := &Error{Code: code, Message: fmt.Sprintf(format, args...)}
	if part != "" {
		e.Parts = []Part{part}
	}
	if len(args) == 0 {
		e.Unquoted = e.Message
		return e
	}

	plain := slices.Clone(args)
	for i, a := range plain {
		if q, ok := a.(quotation); ok {
			plain[i] = fmt.Sprintf("(%d bytes)", len(q))
		}
	}
	e.Unquoted = fmt.Sprintf(format, plain...)

	return e
}

// named sets the header at fault and returns e.
func (e *Error) named(header string) *Error {
	e.Name = string(quoted(header))
	return e
}

// describe returns a refusal with the fields that describe the request, and any other error as it is. c may be nil.
func (v *Verifier) describe(err error, r *http.Request, s *statedSignature, service string) error {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}

	d := *refusal // Credentials may return the same Error each time
	d.Service, d.Host, d.Now, d.Window = service, string(quoted(r.Host)), v.now(), v.skew()
	d.AccessKeyID, _ = UnverifiedKey(r)
	if s == nil {
		return &d
	}

	d.AccessKeyID, d.Scope, d.SignedAt = s.scope.AccessKeyID, s.scope, s.date
	d.Presigned, d.HasToken = s.presigned, s.token != ""
	d.SignedHeaders = slices.Clone(s.signedHeaders)

	if rules := v.Services[service]; s.presigned && rules.Presigned == PresignedExpires {
		if seconds, err := parseExpires(s.expires); err == nil {
			d.Window = seconds
		}
	}

	return &d
}

// Texts that AWS sends, as reported by users of its services and by those who rebuilt them.
const (
	msgMissing  = "Request is missing Authentication Token"
	msgMismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	msgInvalidToken = "The security token included in the request is invalid."
	msgExpiredToken = "The security token included in the request is expired"
)

// credentialsError returns the refusal for an error of Verifier.Credentials, nil if it is not about the client.
func credentialsError(err error) *Error {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}

	switch {
	case errors.Is(err, ErrUnknownKey):
		return credentials(UnknownKey, PartAccessKey, msgInvalidToken, err)
	case errors.Is(err, ErrInvalidToken):
		return credentials(InvalidToken, PartToken, msgInvalidToken, err)
	case errors.Is(err, ErrExpiredToken):
		return credentials(ExpiredToken, PartToken, msgExpiredToken, err)
	}

	return nil
}

func credentials(code Code, part Part, message string, cause error) *Error {
	return &Error{
		Code:     code,
		Message:  message,
		Unquoted: message,
		Parts:    []Part{part},
		cause:    cause,
	}
}

// quoted makes a part of the request fit for a message: at most 100 bytes, all of them printable ASCII.
func quoted(s string) quotation {
	const limit = 100
	cut := ""
	if len(s) > limit {
		s, cut = s[:limit], "..."
	}

	return quotation(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s) + cut)
}
