package stsapi

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// proveIDToken proves an ID token of a registered provider, or of Google.
func (a *API) proveIDToken(ctx context.Context, w *webIdentity) (provenToken, error) {
	audiences, ok := stringList(w.unproven["aud"])
	if ok && len(audiences) > 1 && w.unproven["azp"] == nil {
		why := audiencesSeveral.With("count", strconv.Itoa(len(audiences)))
		return provenToken{}, awsapi.Refused(invalidIdentityToken, why, messageAudiences)
	}

	principal, trust, err := a.idTokenTrust(ctx, w)
	if err != nil {
		return provenToken{}, err
	}
	if err := a.checkUnproven(ctx, w, principal, trust); err != nil {
		return provenToken{}, err
	}

	proved, err := a.Logins.Verify(ctx, trust, w.token)
	if err == nil && a.SignOuts != nil {
		err = a.SignOuts.Check(ctx, w.Role.Account, trust.Provider, proved)
	}
	err = a.idTokenError(err, w.unproven)
	a.Addresses.Checked(ctx, w.token, err)
	if err != nil {
		return provenToken{}, err
	}
	explain.FromContext(ctx).Plan(provenTokenPlan)

	for _, name := range []string{"iat", "sub"} {
		if proved.All[name] == nil {
			why := claimMissing.With("claim", name)
			return provenToken{}, awsapi.Refused(invalidIdentityToken, why, "Missing a required claim: %s.", name)
		}
	}

	keys := idTokenConditions(principal, trust.Provider, proved)
	proven := provenToken{
		subject:   proved.Subject,
		audience:  proved.Audience,
		provider:  proved.Issuer,
		principal: policy.Principal{Federated: principal},
		keys:      keys,
		claims:    tokenClaims(trust.Provider, proved.All),
		session: session.Session{
			Provider:          trust.Provider,
			FederatedProvider: principal,
			Region:            a.Region,
			Claims:            carried(keys, trust.Provider, "aud", "oaud", "sub", "amr"),
		},
	}

	if proven.tags, proven.transitive, err = tokenTags(proved.All); err == nil {
		proven.sourceIdentity, err = tokenSourceIdentity(proved.All)
	}
	if err != nil {
		why := sessionClaims.With("fault", err.Error())
		return provenToken{}, awsapi.Refused(invalidIdentityToken, why, "%s", err.Error())
	}

	return proven, nil
}

// checkUnproven refuses an ID token that the trust policy would not let in even if all its
// claims were true. Nothing is proven yet, so it lets nobody in. It saves a request to
// the provider, and STS, too, answers so before it checks the signature.
func (a *API) checkUnproven(ctx context.Context, w *webIdentity, principal string, trust login.Trust) error {
	unproven := login.Claims{All: w.unproven, Audience: claimedClient(w.unproven)}
	unproven.Subject, _ = w.unproven["sub"].(string)
	if !slices.Contains(trust.Audiences, unproven.Audience) {
		return nil // Verify refuses it, with another message
	}

	claimed := w.askedBy(principal)
	claimed.Keys = idTokenConditions(principal, trust.Provider, unproven)
	claimed.Claims = tokenClaims(trust.Provider, w.unproven)
	var err error
	if claimed.Tags, claimed.Transitive, err = tokenTags(w.unproven); err == nil {
		claimed.SourceIdentity, err = tokenSourceIdentity(w.unproven)
	}
	if err != nil {
		return nil //nolint:nilerr // refused once the token is proven
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

// idTokenConditions returns the condition keys of an ID token. prefix begins the keys of its
// claims.
func idTokenConditions(principal, prefix string, c login.Claims) policy.Keys {
	conditions := tokenConditions(prefix, c)
	conditions.Set("aws:FederatedProvider", principal)
	return conditions
}

// idTokenTrust returns the trust that proves the ID token, and the federated principal by which
// the trust policy names its provider. A provider that no statement of the trust policy covers
// is never contacted.
func (a *API) idTokenTrust(ctx context.Context, w *webIdentity) (principal string, trust login.Trust, err error) {
	iss, _ := w.unproven["iss"].(string)
	if row, known := a.byIssuer(iss); known && w.trustCovers(row.Key) {
		trust, err = a.rowTrust(w, row)
		return row.Key, trust, err
	}

	issuer, registered, err := a.registered(ctx, w.Role, iss)
	switch {
	case errors.Is(err, iam.ErrNotFound) || err == nil && registered.URL != issuer:
		why, failed := a.unregistered(ctx, w.Role, iss)
		if failed != nil {
			return "", login.Trust{}, failed
		}
		return "", login.Trust{}, awsapi.Refused(invalidIdentityToken, why, "%s%s", messageNoProvider, shown(iss))
	case err != nil:
		return "", login.Trust{}, err
	}
	if !w.trustCovers(registered.ARN) {
		return "", login.Trust{}, w.notCovered(ctx, registered.ARN)
	}

	trust, err = a.LoginProviders.Registered(registered, iss)
	if missing, ok := errors.AsType[*provider.Error](err); ok {
		return "", login.Trust{}, awsapi.Refused(invalidIdentityToken, missing.Why, messageKeys)
	} else if err != nil {
		return "", login.Trust{}, err
	}
	trust.MaxTokenBytes = maxWebToken
	if trust.Algorithms == nil {
		trust.Algorithms = tokenAlgorithms
	}

	return registered.ARN, trust, nil
}

// registered returns the registered provider of a token's issuer, in the role's account, and the
// issuer that it must have. A user pool of this server may be registered under its own issuer or
// under that of AWS, which trust policies name.
func (a *API) registered(
	ctx context.Context, role iam.Role, iss string,
) (issuer string, p iam.OIDCProvider, err error) {
	find := func(issuer string) (iam.OIDCProvider, error) {
		return a.Providers.OIDCProvider(ctx, iam.OIDCProviderARN(role.ARN.Partition, role.Account, issuer))
	}

	p, err = find(iss)
	atAWS := a.LoginProviders.RegisteredIssuer(iss)
	if atAWS == iss || !errors.Is(err, iam.ErrNotFound) {
		return iss, p, err
	}
	p, err = find(atAWS)

	return atAWS, p, err
}

// byIssuer returns the provider of an issuer that trust policies name by its Logins key.
func (a *API) byIssuer(iss string) (provider.Row, bool) {
	row, known := a.LoginProviders.Table().ByIssuer(iss)
	return row, known && row.STS.Client != ""
}

// rowTrust returns the trust in the ID tokens of a provider that the trust policy names by
// its Logins key, for the application that the token names.
func (a *API) rowTrust(w *webIdentity, row provider.Row) (login.Trust, error) {
	key, claimed := row.Key+":"+row.STS.Client, claimedClient(w.unproven)
	apps, err := w.applications(row.Key, key, func(apps []string) []string {
		return slices.DeleteFunc(apps, func(app string) bool { return app != claimed })
	})
	if err != nil {
		return login.Trust{}, err
	}

	trust, err := a.LoginProviders.AppTrust(row.Key, apps[0])
	trust.MaxTokenBytes = maxWebToken
	trust.ClientsAt, trust.Link = clientsOf(w.Role, key)

	return trust, err
}

// unregistered explains that no provider is registered for a token's issuer, or only one
// whose URL is written differently.
func (a *API) unregistered(ctx context.Context, role iam.Role, iss string) (*explain.Refusal, error) {
	if row, known := a.byIssuer(iss); known {
		why := trustUnnamed.With("name", row.Key, "account", string(role.Account), "issuer", iss)
		return assume.AboutTrust(role, why), nil
	}

	for _, spelling := range spellings(iss) {
		p, err := a.Providers.OIDCProvider(ctx, iam.OIDCProviderARN(role.ARN.Partition, role.Account, spelling))
		if errors.Is(err, iam.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}

		if cause := assume.Difference(p.URL, iss); cause != "" {
			return providerSpelling.With(
				"account", string(role.Account), "issuer", shown(iss), "registered", p.URL, "cause", cause,
			).At(toRegister(role, iss)), nil
		}
	}

	if issuer := a.LoginProviders.RegisteredIssuer(iss); issuer != iss {
		why := userPoolUnregistered.With("account", string(role.Account), "issuer", issuer)
		return why.At(toRegister(role, issuer)), nil
	}

	return providerMissing.With("account", string(role.Account), "issuer", shown(iss)).At(toRegister(role, iss)), nil
}

// toRegister links to the provider that CreateOpenIDConnectProvider would make for an
// issuer; to none if the API does not register it.
func toRegister(role iam.Role, iss string) explain.Link {
	if !strings.HasPrefix(iss, "https://") || shown(iss) != iss {
		return explain.Link{}
	}

	return explain.Link{
		Kind:   explain.LinkOIDCProvider,
		ID:     iam.OIDCProviderARN(role.ARN.Partition, role.Account, iss),
		Source: explain.SourceAPI,
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
