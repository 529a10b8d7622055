package stsapi

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/assume"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// askedBy returns the attempt to assume the role as a federated principal.
func (w *webIdentity) askedBy(principal string) *assume.Attempt {
	attempt := w.Attempt
	attempt.Principal = policy.Principal{Federated: principal}
	return &attempt
}

// trustCovers reports whether any statement of the role's trust policy covers a federated
// principal.
func (w *webIdentity) trustCovers(principal string) bool { return w.askedBy(principal).Covered() }

// notCovered refuses a federated principal that no statement of the trust policy names.
func (w *webIdentity) notCovered(ctx context.Context, principal string) error {
	why := explain.FromContext(ctx).Refuse(w.askedBy(principal).Uncovered())
	return notAuthorized(w.Action, fmt.Errorf("%w: %w", assume.ErrDenied, why))
}

// applications returns the applications that the trust policy names for a provider that
// needs no registration, as far as narrow keeps them. key is the condition key that names
// them. Every application in the world can have tokens of such a provider, so a trust policy
// that names none lets nobody in.
func (w *webIdentity) applications(provider, key string, narrow func([]string) []string) ([]string, error) {
	named := w.askedBy(provider).Named(key)
	apps := narrow(slices.Clone(named))
	if len(apps) > 0 {
		return apps, nil
	}

	why := applicationUnnamed.With("key", key)
	if len(named) > 0 {
		why = applicationOther.With("key", key, "named", strings.Join(named, ", "))
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

// proveAccessToken proves an access token of the provider that its ProviderId names.
func (a *API) proveAccessToken(ctx context.Context, w *webIdentity, key string) (provenToken, error) {
	if !w.trustCovers(key) {
		return provenToken{}, w.notCovered(ctx, key)
	}

	row, _ := a.LoginProviders.Table().ByKey(key)
	client, user := key+":"+row.STS.Client, key+":"+row.STS.User
	apps, err := w.applications(key, client, func(apps []string) []string {
		return apps[:min(len(apps), maxApplications)]
	})
	if err != nil {
		return provenToken{}, err
	}

	proved, err := a.provedByAny(ctx, w, key, apps, client)
	err = accessTokenError(err)
	a.Addresses.Checked(ctx, w.token, err)
	if err != nil {
		return provenToken{}, err
	}
	explain.FromContext(ctx).Plan(provenTokenPlan)

	keys := policy.Keys{}
	keys.Set(client, proved.Audience)
	keys.Set(user, proved.Subject)
	kept := maps.Clone(keys)
	keys.Set("aws:FederatedProvider", key)

	return provenToken{
		subject:   proved.Subject,
		audience:  proved.Audience,
		provider:  key,
		principal: policy.Principal{Federated: key},
		keys:      keys,
		claims:    onlyClaims(key, "app_id", "id", "user_id"),
		session: session.Session{
			Provider:          key,
			FederatedProvider: key,
			Region:            a.Region,
			Claims:            kept,
		},
	}, nil
}

// provedByAny proves an access token as that of one of the applications. client is the
// condition key that names them in the trust policy.
func (a *API) provedByAny(
	ctx context.Context, w *webIdentity, key string, apps []string, client string,
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

		if proved, err = a.Logins.Verify(ctx, trust, w.token); err == nil {
			return proved, nil
		}
	}

	return login.Claims{}, err
}
