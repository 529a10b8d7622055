package cognitoidentity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/saml"
)

// ExplainTokenInput is a credential to explain. AWS has no such operation.
type ExplainTokenInput struct {
	Token           *string // a value of Logins that is no SAML response
	SamlResponse    *string
	ProviderName    *string // the Logins key; absent = that of the credential's issuer
	IdentityPoolIds []string
	NextToken       *string
}

// ExplainedResults is the number of results in one answer, and of pools that a call may name. A pool of which several
// SAML providers know the issuer has a result for each, and to verify a response takes milliseconds.
const ExplainedResults = 20

// maxScanned bounds the pools that one call reads to find those that know the issuer.
const maxScanned = 2000

var poolIDs = awsapi.List{Max: ExplainedResults, Element: &shapeIdentityPoolId}

// Validate returns what the model of Logins forbids about in. It never shows the credential.
func (in *ExplainTokenInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("token", in.Token, &shapeIdentityProviderToken, false)
	v.String("samlResponse", in.SamlResponse, &shapeIdentityProviderToken, false)
	v.String("providerName", in.ProviderName, &shapeIdentityProviderName, false)
	v.List("identityPoolIds", in.IdentityPoolIds, &poolIDs, false)
	v.String("nextToken", in.NextToken, &shapePaginationKey, false)

	return v.Violations()
}

// Kinds of credentials.
const (
	KindIDToken       = "OpenIDConnectToken"
	KindCognitoToken  = "CognitoToken"     // of this server
	KindWebIdentity   = "WebIdentityToken" // of this server, for services outside
	KindOtherJWT      = "OtherJWT"         // for example an access token or a logout token
	KindSAML          = "SAMLResponse"
	KindOpaque        = "OpaqueToken"
	KindUnknownFormat = "Unknown"
)

// Explained has the claims of a credential, which nobody has proved, and the checks of each pool.
type Explained struct {
	Kind    string
	Issuer  string
	Subject string    // masked
	Expires time.Time // zero = unknown
	Results []Trial
	Next    *string
}

// ExplainToken makes every check of a sign-in with a credential, at every pool of the caller's
// account and region, or at some. Nobody is signed in. Pools that know the issuer come first.
func (s *Service) ExplainToken(
	ctx context.Context, c awsapi.Caller, in *ExplainTokenInput, webIssuer string,
) (*Explained, error) {
	e := s.identify(ctx, in, webIssuer)
	e.caller, e.deadline = c, providerDeadline(ctx)

	if len(in.IdentityPoolIds) > 0 {
		return &e.Explained, e.examineNamed(ctx, in)
	}

	return &e.Explained, e.examinePage(ctx, in.NextToken)
}

// examination is an Explained that is under way.
type examination struct {
	*Service
	Explained
	credential string
	provider   string // ProviderName of the call, or ""
	pool       string // a Cognito token's
	caller     awsapi.Caller
	deadline   time.Time
}

// identify finds out what a credential is, and proves nothing.
func (s *Service) identify(ctx context.Context, in *ExplainTokenInput, webIssuer string) *examination {
	e := &examination{Service: s}
	e.Results = []Trial{}
	if in.ProviderName != nil {
		e.provider = *in.ProviderName
	}

	if in.SamlResponse != nil {
		e.Kind, e.credential = KindSAML, *in.SamlResponse
		e.Issuer, _ = saml.PeekIssuer(e.credential)
		return e
	}

	e.credential = *in.Token
	claims, err := idtoken.Peek(e.credential, 0)
	stated := idtoken.Stated(claims)
	e.Issuer, e.Expires = stated.Issuer, stated.Expires
	if stated.Subject != "" {
		e.Subject = explain.Masked(stated.Subject)
	}

	switch {
	case s.isOwnToken(ctx, e.credential):
		e.Kind, e.pool, e.provider = KindCognitoToken, stated.Audience, identitypool.OwnProvider
	case err != nil && strings.Count(e.credential, ".") == 2 && strings.HasPrefix(e.credential, "eyJ"):
		e.Kind = KindOtherJWT
	case err != nil && strings.ContainsAny(e.credential, " \t\r\n<>{}"):
		e.Kind = KindUnknownFormat
	case err != nil:
		e.Kind = KindOpaque
	case webIssuer != "" && e.Issuer == webIssuer:
		e.Kind = KindWebIdentity
	case claims["events"] != nil:
		e.Kind = KindOtherJWT
	default:
		e.Kind = KindIDToken
	}

	return e
}

// isOwnToken reports whether this server has signed a Cognito token.
func (s *Service) isOwnToken(ctx context.Context, token string) bool {
	_, err := s.Issuer.Verify(ctx, token)
	return err == nil || errors.Is(err, issuer.ErrExpired) || errors.Is(err, issuer.ErrKeyRetired)
}

// cognitoSubject returns the identity that a Cognito token names, which is not proved; "" = none.
func cognitoSubject(token string) string {
	claims, err := idtoken.Peek(token, 0)
	if err != nil {
		return ""
	}

	subject := idtoken.Stated(claims).Subject
	if !identitypool.ValidID(subject) {
		return ""
	}

	return subject
}

// keysIn returns the Logins keys under which the credential would be sent to a pool. known is
// false if the pool has no provider for it.
func (e *examination) keysIn(ctx context.Context, pool identitypool.Pool) (keys []string, known bool, err error) {
	switch {
	case e.Kind == KindCognitoToken:
		return []string{e.provider}, e.pool == string(pool.ID), nil
	case e.provider != "":
		config, err := e.Providers.In(pool, e.provider)
		return []string{e.provider}, err == nil && config.Kind != identitypool.UnknownProvider, nil
	case e.Kind == KindSAML:
		keys, err := e.samlProviders(ctx, pool)
		return keys, len(keys) > 0, err
	case e.Issuer == "":
		return nil, false, nil
	}

	if keys := e.Providers.OfIssuer(pool, e.Issuer); len(keys) > 0 {
		return keys, true, nil
	}
	key := e.Providers.KeyOf(e.Issuer)
	if len(key) > shapeIdentityProviderName.Max {
		return nil, false, nil
	}

	return []string{key}, false, nil
}

// samlProviders returns the SAML providers of a pool that have the issuer as entity ID.
func (e *examination) samlProviders(ctx context.Context, pool identitypool.Pool) ([]string, error) {
	var keys []string
	for _, arn := range pool.SAMLProviderARNs {
		p, err := e.Directory.SAMLProvider(ctx, arn)
		if err != nil && !errors.Is(err, iam.ErrNotFound) {
			return nil, err
		}
		if err == nil && p.Provider.Is(e.Issuer) {
			keys = append(keys, arn)
		}
	}

	return keys, nil
}

// noKey explains that nobody could send the credential to a pool.
func (e *examination) noKey(pool identitypool.Pool) error {
	why := examinedOpaque.With()
	if e.Kind == KindSAML {
		link := pool.Link("SamlProviderARNs")
		why = examinedProvider.With("issuer", explain.ShownText(e.Issuer)).At(link)
	}

	return awsapi.Refused(notAuthorized, why, messageUnsupportedProvider)
}

// Accepted reports whether the login leads to credentials.
func (t *Trial) Accepted() bool { return t.Refused == nil }
