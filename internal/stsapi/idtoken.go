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
	err = a.idTokenError(err, claims)
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
	unproven := login.Claims{All: claims}
	unproven.Subject, _ = claims["sub"].(string)
	unproven.Audience = claimedClient(claims)
	if !slices.Contains(trust.Audiences, unproven.Audience) {
		return nil // Verify refuses it, with another message
	}

	claimed := w.Attempt
	claimed.Keys, claimed.Claims = w.tokenConditions(trust.Provider, unproven)
	var err error
	if claimed.Tags, claimed.Transitive, err = tokenTags(claims); err == nil {
		claimed.SourceIdentity, err = tokenSourceIdentity(claims)
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

	registered, err := a.Providers.OIDCProvider(ctx, iam.OIDCProviderARN(w.Role.ARN.Partition, w.Role.Account, iss))
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
			), nil
		}
	}

	return providerMissing.With("account", string(role.Account), "issuer", shown(iss)), nil
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
