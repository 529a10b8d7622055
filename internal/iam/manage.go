package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// The methods of the IAM API. They read the store each time, without a cache.
// Resources of the settings come first and hide those of the store with the same
// name; to change them is ErrSettings. Other errors are ErrNotFound, ErrConflict, and
// the store's.

// Quotas of an account (IAM User Guide, "IAM and AWS STS quotas").
const (
	MaxRoles         = 1000
	MaxPolicies      = 1500
	MaxOIDCProviders = maxOIDCProviders
	MaxSAMLProviders = maxSAMLProviders
)

// NamedRole returns the role of that name, regardless of case.
func (d *Directory) NamedRole(ctx context.Context, account identitypool.AccountID, name string) (store.Role, error) {
	if r, ok := d.settingsRoles[resourceKey(account, name)]; ok {
		return r, nil
	}
	r, err := d.store.Role(ctx, account, name)
	return r, fromStore(err)
}

// NamedRoles returns at most limit roles of an account whose path begins with
// pathPrefix, in the order of their lower-case names, and only those after the name
// after.
func (d *Directory) NamedRoles(
	ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int,
) ([]store.Role, error) {
	settings := ofAccount(d.settingsRoles, account, func(r store.Role) identitypool.AccountID { return r.Account })
	stored, err := d.store.Roles(ctx, account, pathPrefix, after, limit+len(settings))
	if err != nil {
		return nil, err
	}

	return listed(settings, stored, func(r store.Role) (name, path string) { return r.Name, r.Path },
		pathPrefix, after, limit), nil
}

// listed merges the settings' resources with the store's into a page. stored must
// have as many more than limit as there are in settings, which may hide some.
func listed[T any](settings, stored []T, named func(T) (name, path string), pathPrefix, after string, limit int) []T {
	key := func(v T) string { name, _ := named(v); return strings.ToLower(name) }
	stored = slices.DeleteFunc(stored, func(v T) bool {
		return slices.ContainsFunc(settings, func(s T) bool { return key(s) == key(v) })
	})
	settings = slices.DeleteFunc(slices.Clone(settings), func(v T) bool {
		_, path := named(v)
		return !strings.HasPrefix(path, pathPrefix) || key(v) <= strings.ToLower(after)
	})

	return merge(settings, stored, key, limit)
}

// CreateRole adds a role and gives it an ID.
func (d *Directory) CreateRole(ctx context.Context, r store.Role) (store.Role, error) {
	if _, ok := d.settingsRoles[resourceKey(r.Account, r.Name)]; ok {
		return store.Role{}, ErrConflict
	}
	defer d.changed(r.Account)

	r.ID = newUniqueID(roleIDPrefix)
	made, err := d.store.CreateRole(ctx, r, MaxRoles)
	return made, fromStore(err)
}

// UpdateRole changes a role. It returns change's error unchanged.
func (d *Directory) UpdateRole(
	ctx context.Context, account identitypool.AccountID, name string, change func(*store.Role) error,
) (store.Role, error) {
	if _, ok := d.settingsRoles[resourceKey(account, name)]; ok {
		return store.Role{}, ErrSettings
	}
	defer d.changed(account)

	r, err := d.store.UpdateRole(ctx, account, name, change)
	return r, fromStore(err)
}

// DeleteRole removes a role if may returns nil for it, and returns may's error if not.
func (d *Directory) DeleteRole(
	ctx context.Context, account identitypool.AccountID, name string, may func(store.Role) error,
) error {
	if _, ok := d.settingsRoles[resourceKey(account, name)]; ok {
		return ErrSettings
	}
	defer d.changed(account)

	return fromStore(d.store.DeleteRole(ctx, account, name, may))
}

// PolicyNamed returns the managed policy with exactly that ARN. own is false for
// AWS's policies that this server knows; it is true for those of the settings.
func (d *Directory) PolicyNamed(
	ctx context.Context, account identitypool.AccountID, arn string,
) (p store.ManagedPolicy, own bool, err error) {
	if p, ok := d.awsManagedPolicy(arn); ok {
		return p, false, nil
	}
	owner, resource, ok := d.parseARN(arn, "policy/")
	if !ok || owner != account {
		return p, false, fmt.Errorf("policy %s: %w", arn, ErrNotFound)
	}

	name := resource[strings.LastIndexByte(resource, '/')+1:]
	p, ok = d.settingsPolicies[resourceKey(account, name)]
	if !ok {
		p, err = d.store.Policy(ctx, account, name)
	}
	if err == nil && d.PolicyARN(p) != arn { // another case or path
		err = store.ErrNotFound
	}

	return p, true, fromStore(err)
}

// Policies returns managed policies of an account, as NamedRoles returns roles.
func (d *Directory) Policies(
	ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int,
) ([]store.ManagedPolicy, error) {
	settings := ofAccount(d.settingsPolicies, account, func(p store.ManagedPolicy) identitypool.AccountID {
		return p.Account
	})
	stored, err := d.store.Policies(ctx, account, pathPrefix, after, limit+len(settings))
	if err != nil {
		return nil, err
	}

	return listed(settings, stored, func(p store.ManagedPolicy) (name, path string) { return p.Name, p.Path },
		pathPrefix, after, limit), nil
}

// PolicyUsers returns the roles of an account that use a managed policy, in the order
// of their lower-case names.
func (d *Directory) PolicyUsers(
	ctx context.Context, account identitypool.AccountID, arn string,
) ([]store.PolicyUser, error) {
	users, err := d.store.PolicyUsers(ctx, account, arn)
	if err != nil {
		return nil, err
	}

	for _, r := range d.settingsRoles {
		if r.Account == account && r.Boundary == arn {
			users = append(users, store.PolicyUser{Usage: store.BoundaryUsage, Role: r})
		}
	}

	slices.SortStableFunc(users, func(a, b store.PolicyUser) int {
		return strings.Compare(strings.ToLower(a.Role.Name), strings.ToLower(b.Role.Name))
	})

	return users, nil
}

// PolicyUses counts how often an account's roles use each managed policy, by the
// policy's ARN.
func (d *Directory) PolicyUses(
	ctx context.Context, account identitypool.AccountID,
) (map[string]map[store.PolicyUsage]int, error) {
	uses, err := d.store.PolicyUses(ctx, account)
	if err != nil {
		return nil, err
	}

	for _, r := range d.settingsRoles {
		if r.Account != account || r.Boundary == "" {
			continue
		}
		if uses[r.Boundary] == nil {
			uses[r.Boundary] = map[store.PolicyUsage]int{}
		}
		uses[r.Boundary][store.BoundaryUsage]++
	}

	return uses, nil
}

// InSettings reports whether the settings define the managed policy.
func (d *Directory) InSettings(p store.ManagedPolicy) bool {
	_, ok := d.settingsPolicies[resourceKey(p.Account, p.Name)]
	return ok
}

// CreatePolicy adds a managed policy and gives it an ID.
func (d *Directory) CreatePolicy(ctx context.Context, p store.ManagedPolicy) (store.ManagedPolicy, error) {
	if d.InSettings(p) {
		return store.ManagedPolicy{}, ErrConflict
	}
	defer d.changed(p.Account)

	p.ID = newUniqueID(policyIDPrefix)
	made, err := d.store.CreatePolicy(ctx, p, MaxPolicies)
	return made, fromStore(err)
}

// UpdatePolicy changes a managed policy. It returns change's error unchanged.
func (d *Directory) UpdatePolicy(
	ctx context.Context, account identitypool.AccountID, name string, change func(*store.ManagedPolicy) error,
) (store.ManagedPolicy, error) {
	if d.InSettings(store.ManagedPolicy{Account: account, Name: name}) {
		return store.ManagedPolicy{}, ErrSettings
	}
	defer d.changed(account)

	p, err := d.store.UpdatePolicy(ctx, account, name, change)
	return p, fromStore(err)
}

// DeletePolicy removes a managed policy. It returns ErrConflict if a role uses it,
// and may's error if there is one.
func (d *Directory) DeletePolicy(
	ctx context.Context, account identitypool.AccountID, name string, may func(store.ManagedPolicy) error,
) error {
	if d.InSettings(store.ManagedPolicy{Account: account, Name: name}) {
		return ErrSettings
	}
	defer d.changed(account)

	return fromStore(d.store.DeletePolicy(ctx, account, name, may))
}

// ResourceTags returns the tags of an account's managed policy or provider with
// exactly that ARN. The error wraps ErrNotFound.
func (d *Directory) ResourceTags(ctx context.Context, account identitypool.AccountID, arn string) (
	map[string]string, error,
) {
	switch _, resource, _ := strings.Cut(arn, ":"+string(account)+":"); {
	case strings.HasPrefix(resource, "policy/"):
		p, _, err := d.PolicyNamed(ctx, account, arn)
		return p.Tags, err
	case strings.HasPrefix(resource, oidcKind):
		p, err := d.For("").OIDCProviders().Find(ctx, account, arn)
		return p.Tags, err
	case strings.HasPrefix(resource, samlKind):
		p, err := d.For("").SAMLProviders().Find(ctx, account, arn)
		return p.Tags, err
	default:
		return nil, ErrNotFound
	}
}

// Setting is a setting of a provider that the IAM API does not have.
type Setting struct {
	Name  string // as in the settings file
	Value string // "" = do not show it
}

// ProviderSettings returns, by ARN, the settings of an account's providers in which
// these differ from providers that the IAM API makes.
func (d *Directory) ProviderSettings(account identitypool.AccountID) map[string][]Setting {
	all := map[string][]Setting{}
	add := func(arn string, differs bool, name, value string) {
		if differs {
			all[arn] = append(all[arn], Setting{Name: name, Value: value})
		}
	}

	for arn, p := range d.providers {
		if p.Account != account {
			continue
		}
		algorithms := p.Algorithms
		if algorithms == nil {
			algorithms = []string{"RS256"}
		}

		add(arn,
			!slices.Equal(slices.Sorted(slices.Values(algorithms)), slices.Sorted(slices.Values(awsAlgorithms))),
			"allowed_algs", strings.Join(algorithms, ", "))
		add(arn, p.DiscoveryURL != "", "discovery_url", p.DiscoveryURL)
		add(arn, p.JWKSURL != "", "jwks_url", p.JWKSURL)
		add(arn, p.CABundle != nil, "ca_bundle", "")
		add(arn, p.EnforceThumbprints, "enforce_thumbprints", "true")
		add(arn, p.AllowPrivate, "allow_private", "true")
		add(arn, p.AllowHTTP, "allow_http", "true")
	}

	for arn, p := range d.samlProviders {
		if p.Account != account {
			continue
		}

		isOurs := func(name string) bool { return slices.Contains(d.samlNames, name) }
		audiences, recipients := slices.DeleteFunc(slices.Clone(p.Provider.Audiences), isOurs),
			slices.DeleteFunc(slices.Clone(p.Provider.Recipients), isOurs)
		add(arn, len(audiences) > 0, "audiences", strings.Join(audiences, ", "))
		add(arn, len(recipients) > 0, "recipients", strings.Join(recipients, ", "))
		add(arn, p.Provider.AnyCertificateDate, "enforce_certificate_dates", "false")
	}

	return all
}

func ofAccount[T any](
	all map[string]T, account identitypool.AccountID, accountOf func(T) identitypool.AccountID,
) (list []T) {
	for _, v := range all {
		if accountOf(v) == account {
			list = append(list, v)
		}
	}
	return list
}

// Checks before something is stored. The settings have the same rules.

// CheckManagedPolicy refuses a document that cannot be a managed policy. Policies that
// were stored under older rules stay in force. Errors are *policy.ParseError and
// *PolicyFault.
func CheckManagedPolicy(text string) error { return policy.CheckWritten([]byte(text), true) }

// CheckInlinePolicy is like CheckManagedPolicy, for a role's inline policies, which
// may have the older version of the policy language.
func CheckInlinePolicy(text string) error { return policy.CheckWritten([]byte(text), false) }

// CheckSAMLMetadata refuses a metadata document that cannot be used.
func CheckSAMLMetadata(document string) (saml.Metadata, error) {
	return saml.ParseMetadata([]byte(document))
}

// CheckOIDCURL returns the problem of a provider's URL; "" if it has none. Only a
// development server accepts a URL without TLS.
func (d *Directory) CheckOIDCURL(url string) (problem string) {
	problem, _ = checkURL(url, d.local)
	return problem
}
