package stsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/issuer"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// Codes and messages of AssumeRoleWithWebIdentity (observed).
const (
	invalidIdentityToken = "InvalidIdentityToken"

	messageNotJWT       = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
	messageNotValidated = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	messageNoProvider   = "No OpenIDConnect provider found in your account for "
	messageAudience     = "Incorrect token audience"
	messageAudiences    = "Token audience contains more than one audience while authorized party is not present"
	messageKeys         = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	messageRejected     = "The identity provider rejected the claim."
	messageUnreachable  = "The identity provider could not be reached. Try again."
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

// webIdentity is a request of AssumeRoleWithWebIdentity, with what its token proves.
type webIdentity struct {
	entry
	subject, audience string
	provider          string // as the answer names it
	session           session.Session

	// For a Cognito token:
	pool     identitypool.Pool
	own      issuer.Claims
	ownFault error       // why own is not proven
	missing  iam.RoleARN // the role of another account that does not exist; the zero ARN = it does
}

// assumeRoleWithWebIdentity checks, in this order: the token's form; the role; the
// duration; the trust policy with the token's unproven claims; the token; the trust
// policy again with the proven claims. Its answer does not tell a fault of the role
// from one of the trust policy's principals.
func (a *API) assumeRoleWithWebIdentity(ctx context.Context, in *webIdentityInput) (*webIdentityResult, error) {
	token := *in.WebIdentityToken
	explain.FromContext(ctx).Plan(tokenPlan)
	if err := a.Addresses.MayLogin(ctx, map[string]string{"": token}); err != nil {
		return nil, err
	}
	claims, own, err := a.tokenForm(ctx, in)
	if err != nil {
		return nil, err
	}
	explain.FromContext(ctx).Plan(planOf(in, own))

	w := webIdentity{entry: entry{
		Attempt:  attempt(ctx, assume.WebIdentityAction),
		duration: seconds(in.DurationSeconds, assume.DefaultDuration),
		inline:   in.Policy,
		managed:  in.PolicyArns,
		minBytes: number(in.MinimumSessionTokenSize),
	}}
	w.Region, w.SessionName = a.Region, *in.RoleSessionName
	w.Partition = identitypool.PartitionOf(*in.RoleArn) // an unsigned call has no region

	if own {
		a.readCognitoToken(ctx, &w, token)
		if err := a.checkRolePartition(ctx, *in.RoleArn, w.Partition); err != nil {
			return nil, err
		}
	}

	if err := a.webRole(ctx, &w, *in.RoleArn, own); err != nil {
		return nil, err
	}
	if err := w.count(ctx); err != nil {
		return nil, err
	}
	if err := w.checkDuration(ctx); err != nil {
		return nil, err
	}

	switch {
	case own:
		err = a.cognitoToken(ctx, &w, token)
	case text(in.ProviderId) != "":
		err = a.accessToken(ctx, &w, *in.ProviderId, token)
	default:
		err = a.idToken(ctx, &w, claims, token)
	}
	if err != nil {
		return nil, err
	}

	if err := w.checkTags(ctx); err != nil {
		return nil, err
	}

	if w.missing != (iam.RoleARN{}) {
		return nil, notAuthorized(assume.WebIdentityAction, explainMissing(ctx, w.missing, w.from, tokensAccount))
	}

	if err := w.trusted(ctx, a.Now()); err != nil {
		return nil, notAuthorized(assume.WebIdentityAction, err)
	}
	if err := w.meantPool(ctx); err != nil {
		return nil, notAuthorized(assume.WebIdentityAction, err)
	}

	g, err := a.grant(ctx, &w.entry, w.session)
	if err != nil {
		return nil, err
	}

	return &webIdentityResult{
		SubjectFromWebIdentityToken: w.subject,
		Audience:                    w.audience,
		Provider:                    w.provider,
		SourceIdentity:              w.SourceIdentity,
		AssumedRoleUser:             g.user(),
		Credentials:                 g.credentials(),
		sizes:                       g.sizes(),
	}, nil
}

// count counts the call for the account of the Cognito token's pool, or else for the
// role's account. A role that nobody defined may name an account that does not exist.
func (w *webIdentity) count(ctx context.Context) error {
	account := w.from
	if account == "" && !w.unknown {
		account = w.Role.Account
	}
	return awsapi.Count(ctx, string(account))
}

// tokenForm reads an ID token without proving it, to find its issuer. The access tokens
// that come with a ProviderId have no form to check.
func (a *API) tokenForm(ctx context.Context, in *webIdentityInput) (claims map[string]any, own bool, err error) {
	if id := text(in.ProviderId); id != "" {
		if known := a.LoginProviders.Table().AtSTS(); !slices.Contains(known, id) {
			names := strings.Join(known, " or ")
			return nil, false, awsapi.Refused("ValidationError", providerIDUnknown.With("names", names),
				"The ProviderId is not supported: use %s, and leave it out for OpenID Connect providers.", names)
		}
		return nil, false, nil
	}

	claims, err = idtoken.Peek(*in.WebIdentityToken, maxWebToken)

	var why *explain.Refusal
	if refused, ok := errors.AsType[*login.Refused](err); ok {
		why = refused.Refusal
	}
	if err != nil {
		err = awsapi.Refused(invalidIdentityToken, why, messageNotJWT).Because(err)
		a.Addresses.Checked(ctx, *in.WebIdentityToken, err)
		return nil, false, err
	}
	iss, _ := claims["iss"].(string)

	return claims, iss == a.IssuerURL, nil
}

// webRole finds the role, which must have a valid trust policy; for a Cognito token that
// is checked later. In development any role that a Cognito token asks for is accepted.
func (a *API) webRole(ctx context.Context, w *webIdentity, arn string, own bool) error {
	if err := a.findWebRole(ctx, w, arn, own); err != nil {
		return err
	}
	if w.Role.Trust == nil && !own {
		shown := assume.RoleIn(w.Role, w.Partition)
		return notAuthorized(assume.WebIdentityAction, assume.NoTrust(ofRole(ctx, w.Role.Account), shown))
	}
	return nil
}

func (a *API) findWebRole(ctx context.Context, w *webIdentity, arn string, own bool) error {
	if own && a.AcceptUnknown != nil {
		if parsed, err := iam.ParseRoleARN(arn); err == nil {
			trace := ofRole(ctx, parsed.Account)
			role, known, err := a.AcceptUnknown.FindRole(ctx, parsed, trace)
			w.Role, w.unknown = role, !known
			if err == nil && known {
				trace.Pass("role", arn)
				reached(ctx, role)
			}
			return err
		}
	}

	if missing, err := a.foreignAndMissing(ctx, w, arn); missing || err != nil {
		return err
	}

	var err error
	w.Role, err = a.lookUp(ctx, arn, assume.WebIdentityAction, w.from)

	return err
}

// foreignAndMissing reports that arn names a role that does not exist, of another account
// than the Cognito token's. Such a request is refused where a role would not trust the
// token: otherwise the token's other faults would reveal whether the role exists.
func (a *API) foreignAndMissing(ctx context.Context, w *webIdentity, arn string) (bool, error) {
	parsed, err := iam.ParseRoleARN(arn)
	if err != nil || w.from == "" || w.from == parsed.Account {
		return false, nil //nolint:nilerr // lookUp refuses it
	}

	_, err = a.Roles.Role(ctx, arn)
	switch {
	case err == nil:
		return false, nil
	case !errors.Is(err, iam.ErrNotFound):
		return false, fmt.Errorf("sts: %w", err)
	}
	w.missing = parsed
	w.Role = iam.Role{ARN: arn, Account: parsed.Account, MaxSession: w.duration}

	return true, nil
}

// readCognitoToken reads a Cognito token and notes its account before anything can refuse
// the request, so that the pool's account can explain the refusal. It checks the
// signature, so it also counts a refused token; cognitoToken judges the rest.
func (a *API) readCognitoToken(ctx context.Context, w *webIdentity, token string) {
	w.own, w.ownFault = a.CognitoTokens.Verify(ctx, token)
	a.Addresses.Checked(ctx, token, a.cognitoTokenError(w.ownFault, w.own))
	if w.ownFault != nil && !errors.Is(w.ownFault, issuer.ErrExpired) {
		return
	}

	region, account, pool, ok := identitypool.ParsePoolARN(w.own.PoolARN)
	if !ok {
		return
	}

	w.from, w.Partition = account, identitypool.Partition(region)
	record := awsapi.RecordFrom(ctx)
	record.Account, record.Region, record.Pool = string(account), region, string(pool)
}

// cognitoToken proves a token of GetOpenIdToken or GetOpenIdTokenForDeveloperIdentity.
func (a *API) cognitoToken(ctx context.Context, w *webIdentity, token string) error {
	trace := w.ofCaller(ctx)
	ctx = explain.NewContext(ctx, trace)
	rejected := func(why *explain.Refusal) error {
		err := awsapi.Refused("IDPRejectedClaim", trace.Refuse(why), messageRejected)
		a.Addresses.Checked(ctx, token, err)
		return err
	}

	c, err := w.own, w.ownFault
	if err != nil {
		failed := a.cognitoTokenError(err, c)
		if refused, ok := errors.AsType[*awsapi.Error](failed); ok {
			trace.Refuse(refused.Why)
		}
		return failed
	}

	region, account, pool, ok := identitypool.ParsePoolARN(c.PoolARN)
	if !ok || string(pool) != c.Audience {
		return fmt.Errorf("sts: our token names the pool %q as %q", c.Audience, c.PoolARN)
	}

	identity, err := a.Identities.Identity(ctx, identitypool.IdentityID(c.Subject))
	if err != nil && !a.IsNotFound(err) {
		return err
	}
	if err != nil || identity.Disabled || identity.PoolID != pool {
		return rejected(identitypool.TokenIdentityGone.With())
	}
	if identity.Predecessor.Had(c.IssuedAt) {
		return rejected(ownIdentityReplaced.With())
	}

	settings, err := a.Identities.Pool(ctx, pool)
	switch {
	case err != nil && a.IsNotFound(err):
		return rejected(ownPoolGone.With())
	case err != nil:
		return err
	case settings.Account != account:
		return rejected(ownPoolOfOther.With("account", string(account)))

	case !settings.ClassicFlow():
		// A token may be older than the setting, or issued for a developer identity,
		// where it is meant as a login of the enhanced flow.
		why := trace.Refuse(identitypool.ClassicFlowOff.With().At(pool.Link("AllowClassicFlow")))
		return notAuthorized(assume.WebIdentityAction, fmt.Errorf("%w: pool %s: %w", assume.ErrDenied, pool, why))
	case settings.MapsRoles():
		// The pool's mappings choose the role; here the caller would choose.
		why := trace.Refuse(identitypool.ClassicFlowMapped.With().At(pool.Link("RoleMappings")))
		return notAuthorized(assume.WebIdentityAction, fmt.Errorf("%w: pool %s: %w", assume.ErrDenied, pool, why))
	}

	err = a.stillProven(ctx, w.Role.Account, settings, identity, c)
	if refused, ok := errors.AsType[*explain.Refusal](err); ok {
		trace.Refuse(refused)
	}
	a.Addresses.Checked(ctx, token, err)
	if err != nil {
		return err
	}

	trace.Pass("token", "of pool "+c.Audience)
	w.pool, w.predecessor = settings, identity.Predecessor
	w.subject, w.audience, w.provider = c.Subject, c.Audience, identitypool.ServiceName(region)

	w.Principal = policy.Principal{Federated: w.provider}
	w.Keys = policy.Keys{}
	c.AMR = settings.StoredNames(c.AMR)
	session.SetIdentity(w.Keys, pool, identity.ID, c.AMR)

	w.Tags = c.PrincipalTags
	w.Who = assume.Asker{
		Action:   assume.WebIdentityAction,
		Pool:     pool,
		Identity: identity.ID,
		Guest:    slices.Contains(c.AMR, identitypool.Unauthenticated),
	}
	w.session = session.Session{
		IdentityID: identity.ID,
		PoolID:     pool,
		AMR:        c.AMR,
		Region:     region,
	}
	if len(c.AMR) > 1 {
		w.session.Provider = c.AMR[1]
	}

	return nil
}

// cognitoTokenError words the error of CognitoTokens as STS does.
func (a *API) cognitoTokenError(err error, c issuer.Claims) error {
	switch {
	case errors.Is(err, issuer.ErrExpired):
		why := cognitoTokenExpired.With("time", c.Expires.UTC().Format(time.RFC3339))
		return a.expired(c.Expires, why)
	case errors.Is(err, issuer.ErrKeyRetired):
		why := cognitoTokenRetired.With("fault", err.Error())
		return awsapi.Refused(invalidIdentityToken, why, messageNotValidated).Because(err)
	case errors.Is(err, issuer.ErrNotOurs):
		return awsapi.Refused(invalidIdentityToken, cognitoTokenForged.With(), messageNotValidated).Because(err)
	}

	return err
}

// meantPool refuses a pool of another account that is younger than the trust policy.
func (w *webIdentity) meantPool(ctx context.Context) error {
	if w.pool.ID == "" || w.unknown {
		return nil
	}
	why := assume.TooYoung(w.Role, w.pool)
	if why == nil {
		return nil
	}

	return fmt.Errorf("%w: %w", assume.ErrDenied, ofRole(ctx, w.Role.Account).Refuse(why))
}

func (a *API) expired(at time.Time, why *explain.Refusal) *awsapi.Error {
	return awsapi.Refused(
		"ExpiredTokenException", why,
		"Token expired: current date/time %d must be before the expiration date/time %d", a.Now().Unix(), at.Unix(),
	)
}

// idToken proves an ID token of a registered provider, or of Google.
func (a *API) idToken(ctx context.Context, w *webIdentity, claims map[string]any, token string) error {
	iss, _ := claims["iss"].(string)
	if audiences, ok := stringList(claims["aud"]); ok && len(audiences) > 1 && claims["azp"] == nil {
		why := audiencesSeveral.With("count", strconv.Itoa(len(audiences)))
		return awsapi.Refused(invalidIdentityToken, why, messageAudiences)
	}

	trust, err := a.idTokenTrust(ctx, w, iss, claims)
	if err != nil {
		return err
	}
	if err := a.claimed(ctx, w, trust, claims); err != nil {
		return err
	}

	proved, err := a.Logins.Verify(ctx, trust, token)
	if err == nil && a.SignOuts != nil {
		err = a.SignOuts.Check(ctx, w.Role.Account, trust.Provider, proved)
	}
	err = a.loginError(err, claims)
	a.Addresses.Checked(ctx, token, err)
	if err != nil {
		return err
	}
	explain.FromContext(ctx).Plan(provenTokenPlan)

	for _, name := range []string{"iat", "sub"} {
		if proved.All[name] == nil {
			why := claimMissing.With("claim", name)
			return awsapi.Refused(invalidIdentityToken, why, "Missing a required claim: %s.", name)
		}
	}

	w.subject, w.audience, w.provider = proved.Subject, proved.Audience, proved.Issuer
	w.Keys, w.Claims = w.tokenConditions(trust.Provider, proved)
	w.session = session.Session{
		Provider:          trust.Provider,
		FederatedProvider: w.Principal.Federated,
		Region:            a.Region,
		Claims:            carried(w.Keys, trust.Provider, "aud", "oaud", "sub", "amr"),
	}

	if w.Tags, w.Transitive, err = tokenTags(proved.All); err == nil {
		w.SourceIdentity, err = tokenSourceIdentity(proved.All)
	}
	if err != nil {
		return awsapi.Refused(invalidIdentityToken, sessionClaims.With("fault", err.Error()), "%s", err.Error())
	}

	return nil
}

// claimed refuses an ID token that the trust policy would not let in even if all its
// claims were true. Nothing is proven yet, so it lets nobody in. It saves a request to
// the provider, and STS, too, answers so before it checks the signature.
func (a *API) claimed(ctx context.Context, w *webIdentity, trust login.Trust, claims map[string]any) error {
	said := login.Claims{All: claims}
	said.Subject, _ = claims["sub"].(string)
	said.Audience = claimedClient(claims)
	if !slices.Contains(trust.Audiences, said.Audience) {
		return nil // Verify refuses it, with another message
	}

	claimed := w.Attempt
	claimed.Keys, claimed.Claims = w.tokenConditions(trust.Provider, said)
	var err error
	if claimed.Tags, claimed.Transitive, err = tokenTags(claims); err == nil {
		claimed.SourceIdentity, err = tokenSourceIdentity(claims)
	}
	if err != nil {
		return nil //nolint:nilerr // said once the token is proven
	}

	denied, err := claimed.TrustedToAsk(explain.FromContext(ctx), a.Now())
	switch {
	case err == nil:
		return nil
	case denied:
		return notAuthorized(w.Action, err)
	}
	why, _ := errors.AsType[*explain.Refusal](err)

	return awsapi.Refused(invalidIdentityToken, why, messageNotValidated).Because(err)
}

// tokenConditions returns the condition keys of the ID token of w.
func (w *webIdentity) tokenConditions(name string, c login.Claims) (policy.Keys, policy.Claims) {
	conditions := tokenConditions(name, c)
	conditions.Set("aws:FederatedProvider", w.Principal.Federated)
	return conditions, tokenClaims(name, c.All)
}

// idTokenTrust returns the trust that proves a token of iss, and sets the principal as
// whom the trust policy knows its user. A provider that the trust policy does not mean
// is never contacted.
func (a *API) idTokenTrust(
	ctx context.Context, w *webIdentity, iss string, claims map[string]any,
) (login.Trust, error) {
	if row, known := a.byIssuer(iss); known && a.means(w, row.Key) {
		return a.rowTrust(w, row, claims)
	}

	arn, _ := iam.ParseRoleARN(w.Role.ARN)
	registered, err := a.Providers.OIDCProvider(ctx, iam.OIDCProviderARN(arn.Partition, w.Role.Account, iss))
	switch {
	case errors.Is(err, iam.ErrNotFound) || err == nil && registered.URL != iss:
		why, failed := a.unregistered(ctx, w.Role, iss)
		if failed != nil {
			return login.Trust{}, failed
		}
		return login.Trust{}, awsapi.Refused(invalidIdentityToken, why, "%s%s", messageNoProvider, shown(iss))
	case err != nil:
		return login.Trust{}, err
	}
	if !a.means(w, registered.ARN) {
		w.Principal = policy.Principal{Federated: registered.ARN}
		return login.Trust{}, a.unmeant(ctx, w)
	}

	trust := provider.Registered(registered)
	trust.MaxTokenBytes = maxWebToken
	if trust.Algorithms == nil {
		trust.Algorithms = tokenAlgorithms
	}

	return trust, nil
}

// byIssuer returns the provider of an issuer that trust policies name by its Logins key.
func (a *API) byIssuer(iss string) (provider.Row, bool) {
	row, known := a.LoginProviders.Table().ByIssuer(iss)
	return row, known && row.STS.Client != ""
}

// rowTrust returns the trust in the ID tokens of a provider that the trust policy names by
// its Logins key, for the application that the token names.
func (a *API) rowTrust(w *webIdentity, row provider.Row, claims map[string]any) (login.Trust, error) {
	apps, err := a.application(w, row.Key, row.STS.Client, func(apps []string) []string {
		said := claimedClient(claims)
		return slices.DeleteFunc(apps, func(app string) bool { return app != said })
	})
	if err != nil {
		return login.Trust{}, err
	}

	trust, err := a.LoginProviders.AppTrust(row.Key, apps[0])
	trust.MaxTokenBytes = maxWebToken
	trust.ClientsAt, trust.Link = clientsOf(w.Role, row.Key+":"+row.STS.Client)

	return trust, err
}

// unregistered explains that no provider is registered for a token's issuer, or only one
// whose URL is written differently.
func (a *API) unregistered(ctx context.Context, role iam.Role, iss string) (*explain.Refusal, error) {
	if row, known := a.byIssuer(iss); known {
		return trustUnnamed.With("name", row.Key, "account", string(role.Account), "issuer", iss), nil
	}

	arn, _ := iam.ParseRoleARN(role.ARN)
	for _, spelling := range spellings(iss) {
		p, err := a.Providers.OIDCProvider(ctx, iam.OIDCProviderARN(arn.Partition, role.Account, spelling))
		if errors.Is(err, iam.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}

		if cause := assume.Difference(p.URL, iss); cause != "" {
			return providerSpelling.With(
				"account", string(role.Account), "issuer", shown(iss), "registered", p.URL, "cause", cause,
			), nil
		}
	}

	return providerMissing.With("account", string(role.Account), "issuer", shown(iss)), nil
}

// means reports whether any statement of the role's trust policy covers the federated
// principal, and makes that principal the one that asks.
func (a *API) means(w *webIdentity, principal string) bool {
	asking := w.Attempt
	asking.Principal = policy.Principal{Federated: principal}
	if !asking.Covered() {
		return false
	}
	w.Principal = asking.Principal
	return true
}

// unmeant refuses a principal that no statement of the trust policy names.
func (a *API) unmeant(ctx context.Context, w *webIdentity) error {
	why := explain.FromContext(ctx).Refuse(w.Uncovered())
	return notAuthorized(w.Action, fmt.Errorf("%w: %w", assume.ErrDenied, why))
}

// application returns the applications that the trust policy names for a provider that
// needs no registration. Every application in the world can have tokens of such a
// provider, so a trust policy that names none lets nobody in.
func (a *API) application(w *webIdentity, name, key string, narrow func([]string) []string) ([]string, error) {
	named := w.Named(name + ":" + key)
	apps := narrow(slices.Clone(named))
	if len(apps) > 0 {
		return apps, nil
	}

	why := applicationUnnamed.With("key", name+":"+key)
	if len(named) > 0 {
		why = applicationOther.With("key", name+":"+key, "named", strings.Join(named, ", "))
	}

	return nil, awsapi.Refused(invalidIdentityToken, assume.AboutTrust(w.Role, why), messageAudience)
}

// clientsOf returns the place where a role names the applications of a provider that
// needs no registration.
func clientsOf(role iam.Role, key string) (where string, link explain.Link) {
	return "to the condition of " + key + " in the role's trust policy",
		assume.LinkTo(role, "AssumeRolePolicyDocument", "trust_policy")
}

// maxApplications bounds how many applications a token is tried for.
const maxApplications = 10

// accessToken proves an access token of a provider that comes with its ProviderId.
func (a *API) accessToken(ctx context.Context, w *webIdentity, key, token string) error {
	if !a.means(w, key) {
		w.Principal = policy.Principal{Federated: key}
		return a.unmeant(ctx, w)
	}

	row, _ := a.LoginProviders.Table().ByKey(key)
	client, user := key+":"+row.STS.Client, key+":"+row.STS.User
	apps, err := a.application(w, key, row.STS.Client, func(apps []string) []string {
		return apps[:min(len(apps), maxApplications)]
	})
	if err != nil {
		return err
	}

	proved, err := a.provedByAny(ctx, w, key, apps, client, token)
	err = a.loginError(err, nil)
	a.Addresses.Checked(ctx, token, err)
	if err != nil {
		return err
	}
	explain.FromContext(ctx).Plan(provenTokenPlan)

	w.subject, w.audience, w.provider = proved.Subject, proved.Audience, key
	w.Keys = policy.Keys{}
	w.Keys.Set(client, proved.Audience)
	w.Keys.Set(user, proved.Subject)
	w.Claims = onlyClaims(key, "app_id", "id", "user_id")
	w.session = session.Session{
		Provider:          key,
		FederatedProvider: key,
		Region:            a.Region,
		Claims:            maps.Clone(w.Keys),
	}
	w.Keys.Set("aws:FederatedProvider", key)

	return nil
}

// provedByAny proves an access token as that of one of the applications. client is the
// condition key that names them in the trust policy.
func (a *API) provedByAny(
	ctx context.Context, w *webIdentity, key string, apps []string, client, token string,
) (proved login.Claims, err error) {
	for _, app := range apps {
		trust, failed := a.LoginProviders.AppTrust(key, app)
		if failed != nil {
			return login.Claims{}, failed
		}

		for _, t := range []*idtoken.Rule{&trust.Rule, trust.IDTokens} {
			if t != nil {
				t.MaxTokenBytes = maxWebToken
				t.ClientsAt, t.Link = clientsOf(w.Role, client)
			}
		}

		if proved, err = a.Logins.Verify(ctx, trust, token); err == nil {
			return proved, nil
		}
	}

	return login.Claims{}, err
}

// loginError words a refused token as STS does. The trace already has the refusal.
func (a *API) loginError(err error, claims map[string]any) error {
	why, _ := errors.AsType[*explain.Refusal](err)
	if unavailable, ok := errors.AsType[*login.Unavailable](err); ok {
		if claims == nil {
			return awsapi.Refused("IDPCommunicationError", why, messageUnreachable).Because(unavailable)
		}
		return awsapi.Refused(invalidIdentityToken, why, messageKeys).Because(unavailable)
	}

	refused, ok := errors.AsType[*login.Refused](err)
	switch {
	case !ok:
		return err
	case refused.Expired():
		number, _ := claims["exp"].(json.Number)
		if exp, bad := number.Float64(); bad == nil {
			return a.expired(time.Unix(int64(exp), 0), why)
		}
		return awsapi.Refused("ExpiredTokenException", why, "Token expired").Because(refused)
	case refused.MissingClaim() != "":
		return awsapi.Refused(
			invalidIdentityToken, why, "Missing a required claim: %s.", refused.MissingClaim(),
		).Because(refused)
	case refused.Message == login.MessageWrongAudience, refused.Message == login.MessageUnsupportedProvider:
		return awsapi.Refused(invalidIdentityToken, why, messageAudience).Because(refused)
	case refused.ByProvider(), claims == nil, strings.HasPrefix(refused.Reason.Check, "sign-out"):
		return awsapi.Refused("IDPRejectedClaim", why, messageRejected).Because(refused)
	default:
		return awsapi.Refused(invalidIdentityToken, why, messageNotValidated).Because(refused)
	}
}

// shown returns an issuer from an unproven token in a form that answers and traces may repeat.
func shown(iss string) string {
	const longest = 255
	if iss == "" || len(iss) > longest || strings.ContainsFunc(iss, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "(no issuer, or an unusual one)"
	}
	return iss
}

// spellings returns an issuer and the other spellings that people register most often.
func spellings(iss string) []string {
	if shown(iss) != iss {
		return nil
	}

	other := iss + "/"
	if strings.HasSuffix(iss, "/") {
		other = strings.TrimSuffix(iss, "/")
	}

	list := []string{iss, other}
	for _, pair := range [][2]string{{"://localhost", "://127.0.0.1"}, {"://127.0.0.1", "://localhost"}} {
		if strings.Contains(iss, pair[0]) {
			list = append(list, strings.Replace(iss, pair[0], pair[1], 1))
		}
	}
	if lower := strings.ToLower(iss); lower != iss {
		list = append(list, lower)
	}

	return list
}
