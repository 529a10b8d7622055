package auth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Principal is the caller who signed a request: a session of a role, usually that of an
// identity of an identity pool. The requests of one session share it: do not change it.
type Principal struct {
	AccountID      string            `json:"accountId"`
	ARN            string            `json:"arn"`     // arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION
	UserID         string            `json:"userId"`  // AROA…:SESSION
	RoleARN        string            `json:"roleArn"` // arn:aws:iam::ACCOUNT:role/…
	AccessKeyID    string            `json:"accessKeyId"`
	IdentityID     string            `json:"identityId,omitempty"` // "" for a session without an identity
	IdentityPoolID string            `json:"identityPoolId,omitempty"`
	AMR            []string          `json:"amr,omitempty"`      // authenticated and the login; or unauthenticated
	Provider       string            `json:"provider,omitempty"` // the login provider's name
	Tags           map[string]string `json:"tags,omitempty"`     // principal tags: the role's, below the session's
	SourceIdentity string            `json:"sourceIdentity,omitempty"`
	Issued         time.Time         `json:"issued"`
	Expires        time.Time         `json:"expires"`
}

const (
	authenticated   = "authenticated"
	unauthenticated = "unauthenticated"
)

// Authenticated reports whether the identity has proven a login; a guest has not.
func (p *Principal) Authenticated() bool {
	return slices.Contains(p.AMR, authenticated) && !slices.Contains(p.AMR, unauthenticated)
}

// RequestIdentity describes the caller as Amazon API Gateway does for the backend of a REST API,
// for methods with AWS_IAM authorization: requestContext.identity of the Lambda proxy event.
// Members without a value are null, as on AWS.
type RequestIdentity struct {
	AccessKey                     *string `json:"accessKey"`
	AccountID                     *string `json:"accountId"`
	Caller                        *string `json:"caller"`
	CognitoAuthenticationProvider *string `json:"cognitoAuthenticationProvider"`
	CognitoAuthenticationType     *string `json:"cognitoAuthenticationType"`
	CognitoIdentityID             *string `json:"cognitoIdentityId"`
	CognitoIdentityPoolID         *string `json:"cognitoIdentityPoolId"`
	User                          *string `json:"user"`
	UserARN                       *string `json:"userArn"`
}

// RequestIdentity returns p in API Gateway's form for REST APIs.
func (p *Principal) RequestIdentity() RequestIdentity {
	i := RequestIdentity{
		AccessKey:             some(p.AccessKeyID),
		AccountID:             some(p.AccountID),
		Caller:                some(p.UserID),
		User:                  some(p.UserID),
		UserARN:               some(p.ARN),
		CognitoIdentityID:     some(p.IdentityID),
		CognitoIdentityPoolID: some(p.IdentityPoolID),
	}

	switch {
	case p.IdentityID == "":
	case p.Authenticated():
		i.CognitoAuthenticationType = some(authenticated)
		i.CognitoAuthenticationProvider = some(strings.Join(p.logins(), ","))
	default:
		i.CognitoAuthenticationType = some(unauthenticated)
	}

	return i
}

// logins returns the entries of AMR that name a login.
func (p *Principal) logins() []string {
	return slices.DeleteFunc(slices.Clone(p.AMR), func(entry string) bool { return entry == authenticated })
}

// IAMAuthorizer describes the caller as Amazon API Gateway does for the backend of an HTTP API:
// requestContext.authorizer.iam of the event in format 2.0.
type IAMAuthorizer struct {
	AccessKey       string           `json:"accessKey"`
	AccountID       string           `json:"accountId"`
	CallerID        string           `json:"callerId"`
	CognitoIdentity *CognitoIdentity `json:"cognitoIdentity"`
	PrincipalOrgID  *string          `json:"principalOrgId"` // always null: there are no organisations
	UserARN         string           `json:"userArn"`
	UserID          string           `json:"userId"`
}

// CognitoIdentity describes the identity in an IAMAuthorizer.
type CognitoIdentity struct {
	AMR            []string `json:"amr"`
	IdentityID     string   `json:"identityId"`
	IdentityPoolID string   `json:"identityPoolId"`
}

// IAMAuthorizer returns p in API Gateway's form for HTTP APIs.
func (p *Principal) IAMAuthorizer() IAMAuthorizer {
	a := IAMAuthorizer{
		AccessKey: p.AccessKeyID,
		AccountID: p.AccountID,
		CallerID:  p.UserID,
		UserARN:   p.ARN,
		UserID:    p.UserID,
	}
	if p.IdentityID != "" {
		a.CognitoIdentity = &CognitoIdentity{
			AMR:            slices.Clone(p.AMR),
			IdentityID:     p.IdentityID,
			IdentityPoolID: p.IdentityPoolID,
		}
	}

	return a
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Headers of a Principal, in SetHeaders and in answers of the endpoint for forward auth.
// A header without a value is present and empty, to replace one that a client sends.
const (
	HeaderIdentityID     = "X-Amz-Cognito-Identity-Id"
	HeaderIdentityPoolID = "X-Amz-Cognito-Identity-Pool-Id"
	HeaderAMR            = "X-Poolhouse-Amr"            // entries, percent-encoded, joined by commas
	HeaderRoleARN        = "X-Poolhouse-Role-Arn"       //
	HeaderARN            = "X-Poolhouse-Arn"            // of the session
	HeaderAccount        = "X-Poolhouse-Account"        //
	HeaderAccessKeyID    = "X-Poolhouse-Access-Key-Id"  //
	HeaderTags           = "X-Poolhouse-Principal-Tags" // as a query string: key=value&key=value, sorted by key
)

// SetHeaders writes p into h and replaces headers of the same names. It percent-encodes
// values that headers cannot contain.
func (p *Principal) SetHeaders(h http.Header) {
	h[HeaderIdentityID] = []string{printable(p.IdentityID)}
	h[HeaderIdentityPoolID] = []string{printable(p.IdentityPoolID)}
	h[HeaderRoleARN] = []string{printable(p.RoleARN)}
	h[HeaderARN] = []string{printable(p.ARN)}
	h[HeaderAccount] = []string{printable(p.AccountID)}
	h[HeaderAccessKeyID] = []string{printable(p.AccessKeyID)}

	amr := ""
	for i, entry := range p.AMR {
		if i > 0 {
			amr += ","
		}
		amr += printable(entry)
	}
	h[HeaderAMR] = []string{amr}

	tags := ""
	if len(p.Tags) > 0 {
		values := make(url.Values, len(p.Tags))
		for key, value := range p.Tags {
			values.Set(key, value)
		}
		tags = values.Encode()
	}
	h[HeaderTags] = []string{tags}
}

// printable percent-encodes everything but visible ASCII, and commas, quotes
// and percent signs, which have a meaning in lists.
func printable(s string) string {
	const hex = "0123456789ABCDEF"
	plain := func(c byte) bool { return c > ' ' && c <= '~' && c != ',' && c != '%' && c != '"' && c != '\\' }
	for i := range len(s) {
		if plain(s[i]) {
			continue
		}

		b := make([]byte, i, len(s)+8)
		copy(b, s)

		for ; i < len(s); i++ {
			if c := s[i]; plain(c) {
				b = append(b, c)
			} else {
				b = append(b, '%', hex[c>>4], hex[c&15])
			}
		}

		return string(b)
	}

	return s
}

type contextKey struct{}

// NewContext returns ctx carrying p.
func NewContext(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext returns who signed the request that ctx belongs to; nil outside of
// Verifier.Middleware.
func FromContext(ctx context.Context) *Principal {
	p, _ := ctx.Value(contextKey{}).(*Principal)
	return p
}
