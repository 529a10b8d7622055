package stsapi

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// Codes and messages of AssumeRoleWithWebIdentity (observed).
const (
	invalidIdentityToken = "InvalidIdentityToken"

	messageNotJWT = "The ID Token provided is not a valid JWT. " +
		"(You may see this error if you sent an Access Token)"
	messageNotValidated = "The web identity token provided could not be validated. " +
		"See the AssumeRoleWithWebIdentity documentation for requirements."
	messageNoProvider = "No OpenIDConnect provider found in your account for "
	messageAudience   = "Incorrect token audience"
	messageAudiences  = "Token audience contains more than one audience while authorized party is not present"
	messageKeys       = "Couldn't retrieve verification key from your identity provider,  " +
		"please reference AssumeRoleWithWebIdentity documentation for requirements"
	messageRejected    = "The identity provider rejected the claim."
	messageUnreachable = "The identity provider could not be reached. Try again."
)

// tokenAlgorithms has the algorithms that STS accepts (STS API reference, WebIdentityToken).
var tokenAlgorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// Claims by which a token sets session tags and the source identity (IAM User
// Guide, "Pass session tags"; "Monitor and control actions taken with assumed roles").
const (
	tagsClaim           = "https://aws.amazon.com/tags"
	principalTagClaim   = tagsClaim + "/principal_tags/"
	transitiveTagsClaim = tagsClaim + "/transitive_tag_keys"
	sourceIdentityClaim = "https://aws.amazon.com/source_identity"
)

type webIdentityResult struct {
	SubjectFromWebIdentityToken string
	Audience                    string
	AssumedRoleUser             assumedRoleUser
	Credentials                 credentialsResult
	Provider                    string
	SourceIdentity              string `xml:",omitempty"`
	sizes
}

// tokenKind is the kind of token that a request of AssumeRoleWithWebIdentity shows.
type tokenKind int

const (
	idToken      tokenKind = iota // of an OpenID Connect provider
	accessToken                   // of the provider in ProviderId
	cognitoToken                  // of GetOpenIdToken or GetOpenIdTokenForDeveloperIdentity
)

// webIdentity is a request of AssumeRoleWithWebIdentity.
type webIdentity struct {
	entry

	token    string
	kind     tokenKind
	unproven map[string]any // claims of an ID token
	cognito  verifiedCognitoToken
	missing  bool // the role is of another account than the Cognito token, and does not exist
}

// provenToken has the facts that a token proves.
type provenToken struct {
	subject, audience string
	provider          string // as the answer names it

	principal      policy.Principal // as the trust policy names the provider
	keys           policy.Keys
	claims         policy.Claims
	tags           map[string]string
	transitive     []string
	sourceIdentity string
	session        session.Session

	// Only a Cognito token has an identity and a pool.
	identity identitypool.Identity
	pool     identitypool.Pool
	guest    bool
}

// assumeRoleWithWebIdentity checks in the order of STS:
//
//  1. the limit for refused logins of the client's address
//  2. the ProviderId of an access token; the form of any other token (classify)
//  3. only for a Cognito token: the partition of the role's ARN
//  4. the role (findWebIdentityRole)
//  5. the rate limit of the account (count)
//  6. the duration
//  7. the token, see below (proveToken)
//  8. the session tags that the token sets
//  9. the trust policy, with the facts that the token proves (checkTokenTrust)
//  10. the session policies, and the size of the session token (grant)
//
// The checks of the token depend on its kind:
//
//   - An ID token (proveIDToken): its audiences; that its provider is registered and the trust
//     policy names it; the trust policy with the unproven claims; signature, age and
//     audience; sign-outs; the claims that STS requires.
//   - An access token (proveAccessToken): that the trust policy names its provider and an
//     application; the provider's own answer.
//   - A Cognito token (proveCognitoToken): signature and age, which are found out before step 3
//     and judged here; its identity and pool; that the pool offers the classic flow; that
//     the identity could still get it.
//
// The response for a role that does not exist is that for one whose trust policy does not
// name the token's provider.
func (a *API) assumeRoleWithWebIdentity(ctx context.Context, in *webIdentityInput) (*webIdentityResult, error) {
	explain.FromContext(ctx).Plan(tokenPlan)
	if err := a.Addresses.MayLogin(ctx, map[string]string{"": *in.WebIdentityToken}); err != nil {
		return nil, err
	}
	kind, unproven, err := a.classify(ctx, in)
	if err != nil {
		return nil, err
	}
	explain.FromContext(ctx).Plan(planOf(kind))

	w := webIdentity{
		entry: newEntry(ctx, assume.WebIdentityAction, a.Region, sessionInput{
			role:     in.RoleArn,
			policy:   in.Policy,
			policies: in.PolicyArns,
			seconds:  in.DurationSeconds,
			minBytes: in.MinimumSessionTokenSize,
		}),
		token:    *in.WebIdentityToken,
		kind:     kind,
		unproven: unproven,
	}
	w.SessionName = *in.RoleSessionName

	if kind == cognitoToken {
		a.readCognitoToken(ctx, &w)
		if err := a.checkRolePartition(ctx, &w.entry); err != nil {
			return nil, err
		}
	}
	if err := a.findWebIdentityRole(ctx, &w); err != nil {
		return nil, err
	}
	if err := w.count(ctx); err != nil {
		return nil, err
	}
	if err := w.checkDuration(ctx); err != nil {
		return nil, err
	}

	proven, err := a.proveToken(ctx, &w, awsapi.Text(in.ProviderId))
	if err != nil {
		return nil, err
	}
	w.add(proven)
	if err := w.checkTags(ctx); err != nil {
		return nil, err
	}
	if err := w.checkTokenTrust(ctx, proven.pool, a.Now()); err != nil {
		return nil, notAuthorized(w.Action, err)
	}

	g, err := a.grant(ctx, &w.entry, proven.session)
	if err != nil {
		return nil, err
	}

	return &webIdentityResult{
		SubjectFromWebIdentityToken: proven.subject,
		Audience:                    proven.audience,
		Provider:                    proven.provider,
		SourceIdentity:              w.SourceIdentity,
		AssumedRoleUser:             g.user(),
		Credentials:                 g.credentials(),
		sizes:                       g.sizes(),
	}, nil
}

// classify returns the kind of a request's token, and the claims of an ID token. It reads the
// token without proving it, to find its issuer. The access tokens that come with a ProviderId
// have no form to check.
func (a *API) classify(
	ctx context.Context, in *webIdentityInput,
) (kind tokenKind, unproven map[string]any, err error) {
	if id := awsapi.Text(in.ProviderId); id != "" {
		if known := a.LoginProviders.Table().AtSTS(); !slices.Contains(known, id) {
			names := strings.Join(known, " or ")
			return 0, nil, awsapi.Refused("ValidationError", providerIDUnknown.With("names", names),
				"The ProviderId is not supported: use %s, and leave it out for OpenID Connect providers.", names)
		}
		return accessToken, nil, nil
	}

	unproven, err = idtoken.Peek(*in.WebIdentityToken, maxWebToken)
	if err != nil {
		var why *explain.Refusal
		if refused, ok := errors.AsType[*login.Refused](err); ok {
			why = refused.Refusal
		}
		err = awsapi.Refused(invalidIdentityToken, why, messageNotJWT).Because(err)
		a.Addresses.Checked(ctx, *in.WebIdentityToken, err)
		return 0, nil, err
	}

	if iss, _ := unproven["iss"].(string); iss == a.IssuerURL {
		return cognitoToken, nil, nil
	}

	return idToken, unproven, nil
}

// findWebIdentityRole finds the role. It must have a valid trust policy; for a Cognito token,
// checkTokenTrust checks that.
func (a *API) findWebIdentityRole(ctx context.Context, w *webIdentity) error {
	if w.kind == cognitoToken {
		return a.findCognitoRole(ctx, w)
	}

	if err := a.findRole(ctx, &w.entry); err != nil {
		return err
	}
	if w.Role.Trust == nil {
		shown := assume.RoleIn(w.Role, w.Partition)
		return notAuthorized(w.Action, assume.NoTrust(ofRole(ctx, w.Role.Account), shown))
	}

	return nil
}

// count counts the call for the account of the Cognito token's pool, or else for the
// role's account. An undefined role may name an account that does not exist.
func (w *webIdentity) count(ctx context.Context) error {
	account := w.askerAccount
	if account == "" && !w.undefinedRole {
		account = w.Role.Account
	}
	return awsapi.Count(ctx, string(account))
}

// proveToken proves the token by its kind.
func (a *API) proveToken(ctx context.Context, w *webIdentity, providerID string) (provenToken, error) {
	switch w.kind {
	case cognitoToken:
		return a.proveCognitoToken(ctx, w)
	case accessToken:
		return a.proveAccessToken(ctx, w, providerID)
	default:
		return a.proveIDToken(ctx, w)
	}
}

// add adds the facts that the token proves to the request.
func (w *webIdentity) add(p provenToken) {
	w.Principal, w.Keys, w.Claims = p.principal, p.keys, p.claims
	w.Tags, w.Transitive, w.SourceIdentity = p.tags, p.transitive, p.sourceIdentity

	w.predecessor = p.identity.Predecessor
	w.Who.Pool, w.Who.Identity, w.Who.Guest = p.pool.ID, p.identity.ID, p.guest
}

// checkTokenTrust checks the trust policy. pool is that of a Cognito token.
func (w *webIdentity) checkTokenTrust(ctx context.Context, pool identitypool.Pool, now time.Time) error {
	if w.missing {
		return explainMissing(ctx, w.arn, w.askerAccount, tokensAccount)
	}
	if err := w.checkTrust(ctx, now); err != nil {
		return err
	}
	return w.checkPoolAge(ctx, pool)
}

func (a *API) expired(at time.Time, why *explain.Refusal) *awsapi.Error {
	return awsapi.Refused(
		"ExpiredTokenException", why,
		"Token expired: current date/time %d must be before the expiration date/time %d", a.Now().Unix(), at.Unix(),
	)
}

// idTokenError words the error of an ID token as STS does. claims are the token's, unproven.
// The trace already has the refusal. A nil error stays nil.
func (a *API) idTokenError(err error, claims map[string]any) error {
	if unavailable, ok := errors.AsType[*login.Unavailable](err); ok {
		why, _ := errors.AsType[*explain.Refusal](err)
		return awsapi.Refused(invalidIdentityToken, why, messageKeys).Because(unavailable)
	}

	refused, ok := errors.AsType[*login.Refused](err)
	if !ok {
		return err
	}

	if refused.Expired() {
		number, _ := claims["exp"].(json.Number)
		if exp, err := number.Float64(); err == nil {
			return a.expired(time.Unix(int64(exp), 0), refused.Refusal)
		}
	}
	if worded := claimError(refused); worded != nil {
		return worded
	}
	if refused.ByProvider() || refused.SignedOut() {
		return rejected(refused)
	}

	return awsapi.Refused(invalidIdentityToken, refused.Refusal, messageNotValidated).Because(refused)
}

// accessTokenError words the error of an access token as STS does. Its provider judges it, so
// STS blames the provider for every fault that it does not see itself.
func accessTokenError(err error) error {
	if unavailable, ok := errors.AsType[*login.Unavailable](err); ok {
		why, _ := errors.AsType[*explain.Refusal](err)
		return awsapi.Refused("IDPCommunicationError", why, messageUnreachable).Because(unavailable)
	}

	refused, ok := errors.AsType[*login.Refused](err)
	if !ok {
		return err
	}
	if worded := claimError(refused); worded != nil {
		return worded
	}

	return rejected(refused)
}

// claimError words the refusals because of a claim that STS tells apart for all tokens; nil =
// it is another refusal.
func claimError(refused *login.Refused) error {
	switch {
	case refused.Expired():
		return awsapi.Refused("ExpiredTokenException", refused.Refusal, "Token expired").Because(refused)
	case refused.MissingClaim() != "":
		return awsapi.Refused(
			invalidIdentityToken, refused.Refusal, "Missing a required claim: %s.", refused.MissingClaim(),
		).Because(refused)
	case refused.Message == login.MessageWrongAudience, refused.Message == login.MessageUnsupportedProvider:
		return awsapi.Refused(invalidIdentityToken, refused.Refusal, messageAudience).Because(refused)
	}

	return nil
}

// rejected words a refusal by the provider, or because of a sign-out.
func rejected(refused *login.Refused) error {
	return awsapi.Refused("IDPRejectedClaim", refused.Refusal, messageRejected).Because(refused)
}
