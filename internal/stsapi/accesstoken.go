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
	err = accessTokenError(err)
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
