package cognitoidentity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// ExplainTokenInput is a credential to explain. AWS has no such operation.
type ExplainTokenInput struct {
	Token           *string // a value of Logins that is no SAML response
	SamlResponse    *string
	ProviderName    *string // the Logins key; absent = that of the credential's issuer
	IdentityPoolIds []string
	NextToken       *string
}

// ExplainedPools is the number of pools in one answer. A pool of which several SAML providers know the issuer has a
// result for each. After so many results an answer has no further pool: to verify a response takes milliseconds.
const ExplainedPools = 20

// maxScanned bounds the pools that one call reads to find those that know the issuer.
const maxScanned = 2000

var poolIDs = awsapi.List{Max: ExplainedPools, Element: &shapeIdentityPoolId}

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

// examineIn adds the results of a pool.
func (e *examination) examineIn(ctx context.Context, pool identitypool.Pool) error {
	keys, _, err := e.keysIn(ctx, pool)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		t, _ := e.newTrial(ctx, pool, "")
		_, _ = t.refused(e.noKey(pool))
		e.Results = append(e.Results, t.result())
		return nil
	}

	for _, key := range keys {
		t, ctx := e.newTrial(ctx, pool, "")
		if err := t.examine(ctx, e.deadline, key, e.credential); err != nil {
			return err
		}
		e.Results = append(e.Results, t.result())
	}

	return nil
}

// examineNamed adds the results of a page of the pools that the call names. The page's token has the place of the
// first pool of the next page.
func (e *examination) examineNamed(ctx context.Context, in *ExplainTokenInput) error {
	scope := e.scope() + "/named/" + strings.Join(in.IdentityPoolIds, "/")
	start, err := e.pageStart(scope, in.NextToken)
	if err != nil {
		return err
	}
	first, _ := strconv.Atoi(start) // the first page has no start

	for n := first; n < len(in.IdentityPoolIds); n++ {
		if len(e.Results) >= ExplainedPools {
			e.Next = e.pageToken(scope, strconv.Itoa(n))
			return nil
		}
		pool, err := e.callerPool(ctx, e.caller, in.IdentityPoolIds[n])
		if err != nil {
			return err
		}
		if err := e.examineIn(ctx, pool); err != nil {
			return err
		}
	}

	return nil
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

// examinePage adds the results of a page of pools: first of those that know the issuer, then of
// the others. The page's token has the turn and the last pool.
func (e *examination) examinePage(ctx context.Context, token *string) error {
	start, err := e.pageStart(e.scope(), token)
	if err != nil {
		return err
	}
	turn, after, _ := strings.Cut(start, "/")
	others := turn == "others"

	for scanned := 0; ; {
		const size = 200
		account := identitypool.AccountID(e.caller.Account)
		pools, err := e.Store.ListPools(ctx, account, e.caller.Region, identitypool.PoolID(after), size)
		if err != nil {
			return err
		}

		for i, pool := range pools {
			if len(e.Results) >= ExplainedPools || scanned >= maxScanned {
				e.Next = e.pageToken(e.scope(), turnName(others)+"/"+after)
				return nil
			}
			if err := e.examineInTurn(ctx, pool, others); err != nil {
				return err
			}
			scanned, after = scanned+1, string(pools[i].ID)
		}
		if len(pools) == size {
			continue
		}
		if others {
			return nil
		}
		others, after = true, ""
	}
}

func turnName(others bool) string {
	if others {
		return "others"
	}
	return "knowing"
}

// examineInTurn adds the results of a pool if it belongs to the turn.
func (e *examination) examineInTurn(ctx context.Context, pool identitypool.Pool, others bool) error {
	_, known, err := e.keysIn(ctx, pool)
	if err != nil || known == others {
		return err
	}

	err = e.examineIn(ctx, pool)
	if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
		return nil
	}

	return err
}

// scope binds page tokens to the account, the region and the credential.
func (e *examination) scope() string {
	sum := sha256.Sum256([]byte(e.provider + "\x00" + e.credential))
	return strings.Join([]string{"explain-token", e.caller.Account, e.caller.Region, hex.EncodeToString(sum[:])}, "/")
}

// Accepted reports whether the login leads to credentials.
func (t *Trial) Accepted() bool { return t.Refused == nil }
