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

// What the IAM API reads and changes. Reads go to the store each time. What the
// settings define comes first, hides what the store has under the same name,
// and cannot be changed: ErrSettings. Other errors: ErrNotFound, ErrConflict,
// and the store's.

// Quotas of an account (IAM User Guide, "IAM and AWS STS quotas").
const (
	MaxRoles         = 1000
	MaxPolicies      = 1500
	MaxOIDCProviders = maxOIDCProviders
	MaxSAMLProviders = maxSAMLProviders
)

// NamedRole returns a role by its name, in any case.
func (d *Directory) NamedRole(ctx context.Context, account identitypool.AccountID, name string) (store.Role, error) {
	if r, ok := d.settingsRoles[roleKey(account, name)]; ok {
		return r, nil
	}
	r, err := d.store.Role(ctx, account, name)
	return r, fromStore(err)
}

// NamedRoles lists at most limit roles of an account whose path begins with
// pathPrefix, by lower-case name, from the first after the name after.
func (d *Directory) NamedRoles(ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int) ([]store.Role, error) {
	var settings []store.Role
	for _, r := range d.settingsRoles {
		if r.Account == account {
			settings = append(settings, r)
		}
	}
	// Rows that the settings hide do not count.
	stored, err := d.store.Roles(ctx, account, pathPrefix, after, limit+len(settings))
	if err != nil {
		return nil, err
	}
	key := func(r store.Role) string { return strings.ToLower(r.Name) }
	stored = slices.DeleteFunc(stored, func(r store.Role) bool {
		return slices.ContainsFunc(settings, func(s store.Role) bool { return key(s) == key(r) })
	})
	settings = slices.DeleteFunc(slices.Clone(settings), func(r store.Role) bool {
		return !strings.HasPrefix(r.Path, pathPrefix) || key(r) <= strings.ToLower(after)
	})
	return merge(settings, stored, key, limit), nil
}

// CreateRole adds a role and gives it an ID.
func (d *Directory) CreateRole(ctx context.Context, r store.Role) (store.Role, error) {
	if _, ok := d.settingsRoles[roleKey(r.Account, r.Name)]; ok {
		return store.Role{}, ErrConflict
	}
	defer d.changed()
	r.ID = newUniqueID(roleIDPrefix)
	made, err := d.store.CreateRole(ctx, r, MaxRoles)
	return made, fromStore(err)
}

// UpdateRole changes a role; change's error is returned as is.
func (d *Directory) UpdateRole(ctx context.Context, account identitypool.AccountID, name string, change func(*store.Role) error) (store.Role, error) {
	if _, ok := d.settingsRoles[roleKey(account, name)]; ok {
		return store.Role{}, ErrSettings
	}
	defer d.changed()
	r, err := d.store.UpdateRole(ctx, account, name, change)
	return r, fromStore(err)
}

// DeleteRole removes a role that may says may go.
func (d *Directory) DeleteRole(ctx context.Context, account identitypool.AccountID, name string, may func(store.Role) error) error {
	if _, ok := d.settingsRoles[roleKey(account, name)]; ok {
		return ErrSettings
	}
	defer d.changed()
	return fromStore(d.store.DeleteRole(ctx, account, name, may))
}

// PolicyNamed returns the managed policy with exactly that ARN; own is false
// for one of AWS that this server knows.
func (d *Directory) PolicyNamed(ctx context.Context, account identitypool.AccountID, arn string) (p store.ManagedPolicy, own bool, err error) {
	if p, ok := d.awsManagedPolicy(arn); ok {
		return p, false, nil
	}
	owner, resource, ok := d.parseARN(arn, "policy/")
	if !ok || owner != account {
		return p, false, fmt.Errorf("policy %s: %w", arn, ErrNotFound)
	}
	p, err = d.store.Policy(ctx, account, resource[strings.LastIndexByte(resource, '/')+1:])
	if err == nil && d.PolicyARN(p) != arn { // another case or path
		err = store.ErrNotFound
	}
	return p, true, fromStore(err)
}

// Policies lists at most limit managed policies of an account as NamedRoles
// lists roles.
func (d *Directory) Policies(ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int) ([]store.ManagedPolicy, error) {
	return d.store.Policies(ctx, account, pathPrefix, after, limit)
}

// PolicyUsers lists the roles of an account that use a managed policy.
func (d *Directory) PolicyUsers(ctx context.Context, account identitypool.AccountID, arn string) ([]store.PolicyUser, error) {
	return d.store.PolicyUsers(ctx, account, arn)
}

// PolicyUses counts how often an account's roles use each managed policy, by ARN.
func (d *Directory) PolicyUses(ctx context.Context, account identitypool.AccountID) (map[string]map[store.PolicyUsage]int, error) {
	return d.store.PolicyUses(ctx, account)
}

// CreatePolicy adds a managed policy and gives it an ID.
func (d *Directory) CreatePolicy(ctx context.Context, p store.ManagedPolicy) (store.ManagedPolicy, error) {
	defer d.changed()
	p.ID = newUniqueID(policyIDPrefix)
	made, err := d.store.CreatePolicy(ctx, p, MaxPolicies)
	return made, fromStore(err)
}

// UpdatePolicy changes a managed policy; change's error is returned as is.
func (d *Directory) UpdatePolicy(ctx context.Context, account identitypool.AccountID, name string, change func(*store.ManagedPolicy) error) (store.ManagedPolicy, error) {
	defer d.changed()
	p, err := d.store.UpdatePolicy(ctx, account, name, change)
	return p, fromStore(err)
}

// DeletePolicy removes a managed policy that no role uses (ErrConflict) and
// that may says may go.
func (d *Directory) DeletePolicy(ctx context.Context, account identitypool.AccountID, name string, may func(store.ManagedPolicy) error) error {
	defer d.changed()
	return fromStore(d.store.DeletePolicy(ctx, account, name, may))
}

// RegisteredOIDCProvider returns the provider with exactly that ARN.
func (d *Directory) RegisteredOIDCProvider(ctx context.Context, account identitypool.AccountID, arn string) (store.OIDCProvider, error) {
	owner, key, ok := d.parseARN(arn, "oidc-provider/")
	if !ok || owner != account {
		return store.OIDCProvider{}, ErrNotFound
	}
	if p, ok := d.settingsOIDC[arn]; ok {
		return p, nil
	}
	p, err := d.store.OIDCProvider(ctx, account, key)
	return p, fromStore(err)
}

// RegisteredOIDCProviders lists an account's providers by ARN.
func (d *Directory) RegisteredOIDCProviders(ctx context.Context, account identitypool.AccountID) ([]store.OIDCProvider, error) {
	stored, err := d.store.OIDCProviders(ctx, account)
	if err != nil {
		return nil, err
	}
	return merge(ofAccount(d.settingsOIDC, account, func(p store.OIDCProvider) identitypool.AccountID { return p.Account }), stored,
		store.OIDCProvider.Key, len(stored)+len(d.settingsOIDC)), nil
}

// CreateOIDCProvider adds a provider.
func (d *Directory) CreateOIDCProvider(ctx context.Context, p store.OIDCProvider) (store.OIDCProvider, error) {
	if _, ok := d.settingsOIDC[d.OIDCProviderARN(p)]; ok {
		return store.OIDCProvider{}, ErrConflict
	}
	defer d.changed()
	made, err := d.store.CreateOIDCProvider(ctx, p, MaxOIDCProviders)
	return made, fromStore(err)
}

// UpdateOIDCProvider changes a provider; change's error is returned as is.
func (d *Directory) UpdateOIDCProvider(ctx context.Context, account identitypool.AccountID, arn string, change func(*store.OIDCProvider) error) (store.OIDCProvider, error) {
	if _, ok := d.settingsOIDC[arn]; ok {
		return store.OIDCProvider{}, ErrSettings
	}
	owner, key, ok := d.parseARN(arn, "oidc-provider/")
	if !ok || owner != account {
		return store.OIDCProvider{}, ErrNotFound
	}
	defer d.changed()
	p, err := d.store.UpdateOIDCProvider(ctx, account, key, change)
	return p, fromStore(err)
}

// DeleteOIDCProvider removes a provider.
func (d *Directory) DeleteOIDCProvider(ctx context.Context, account identitypool.AccountID, arn string) error {
	if _, ok := d.settingsOIDC[arn]; ok {
		return ErrSettings
	}
	owner, key, ok := d.parseARN(arn, "oidc-provider/")
	if !ok || owner != account {
		return ErrNotFound
	}
	defer d.changed()
	return fromStore(d.store.DeleteOIDCProvider(ctx, account, key))
}

// RegisteredSAMLProvider returns the provider with exactly that ARN.
func (d *Directory) RegisteredSAMLProvider(ctx context.Context, account identitypool.AccountID, arn string) (store.SAMLProvider, error) {
	owner, name, ok := d.parseARN(arn, "saml-provider/")
	if !ok || owner != account {
		return store.SAMLProvider{}, ErrNotFound
	}
	if p, ok := d.settingsSAML[arn]; ok {
		return p, nil
	}
	p, err := d.store.SAMLProvider(ctx, account, name)
	return p, fromStore(err)
}

// RegisteredSAMLProviders lists an account's providers by name.
func (d *Directory) RegisteredSAMLProviders(ctx context.Context, account identitypool.AccountID) ([]store.SAMLProvider, error) {
	stored, err := d.store.SAMLProviders(ctx, account)
	if err != nil {
		return nil, err
	}
	return merge(ofAccount(d.settingsSAML, account, func(p store.SAMLProvider) identitypool.AccountID { return p.Account }), stored,
		func(p store.SAMLProvider) string { return p.Name }, len(stored)+len(d.settingsSAML)), nil
}

// CreateSAMLProvider adds a provider and gives it an ID. Its metadata must be
// fit for CheckSAMLMetadata.
func (d *Directory) CreateSAMLProvider(ctx context.Context, p store.SAMLProvider) (store.SAMLProvider, error) {
	if _, ok := d.settingsSAML[d.SAMLProviderARN(p)]; ok {
		return store.SAMLProvider{}, ErrConflict
	}
	defer d.changed()
	p.ID = newUniqueID(samlIDPrefix)
	made, err := d.store.CreateSAMLProvider(ctx, p, MaxSAMLProviders)
	return made, fromStore(err)
}

// UpdateSAMLProvider changes a provider; change's error is returned as is.
func (d *Directory) UpdateSAMLProvider(ctx context.Context, account identitypool.AccountID, arn string, change func(*store.SAMLProvider) error) (store.SAMLProvider, error) {
	if _, ok := d.settingsSAML[arn]; ok {
		return store.SAMLProvider{}, ErrSettings
	}
	owner, name, ok := d.parseARN(arn, "saml-provider/")
	if !ok || owner != account {
		return store.SAMLProvider{}, ErrNotFound
	}
	defer d.changed()
	p, err := d.store.UpdateSAMLProvider(ctx, account, name, change)
	return p, fromStore(err)
}

// DeleteSAMLProvider removes a provider.
func (d *Directory) DeleteSAMLProvider(ctx context.Context, account identitypool.AccountID, arn string) error {
	if _, ok := d.settingsSAML[arn]; ok {
		return ErrSettings
	}
	owner, name, ok := d.parseARN(arn, "saml-provider/")
	if !ok || owner != account {
		return ErrNotFound
	}
	defer d.changed()
	return fromStore(d.store.DeleteSAMLProvider(ctx, account, name))
}

func ofAccount[T any](all map[string]T, account identitypool.AccountID, accountOf func(T) identitypool.AccountID) (list []T) {
	for _, v := range all {
		if accountOf(v) == account {
			list = append(list, v)
		}
	}
	return list
}

// What is checked before it is stored, with the same rules as for the settings.

// CheckTrustPolicy refuses what cannot be a role's trust policy, and what would
// let strangers assume it: the Cognito principal without a pool, and a shared
// issuer without its customer. asksForAMR is false when guests of a pool can
// take the role through the classic flow.
func CheckTrustPolicy(text string) (asksForAMR bool, err error) {
	d, err := policy.Parse([]byte(text))
	if err == nil {
		err = checkTrust(d)
	}
	if err != nil {
		return false, err
	}
	return policy.CognitoTrustNamesAMR(d), nil
}

func checkTrust(d *policy.Document) error {
	for _, check := range []func(*policy.Document) error{(*policy.Document).CheckTrust, policy.CognitoTrustLocal, policy.CognitoTrustScoped, policy.SharedIssuersScoped} {
		if err := check(d); err != nil {
			return err
		}
	}
	return nil
}

// CheckIdentityPolicy refuses what cannot be a policy of a role.
func CheckIdentityPolicy(text string) error {
	d, err := policy.Parse([]byte(text))
	if err == nil {
		err = d.CheckIdentity()
	}
	return err
}

// CheckSAMLMetadata refuses a metadata document that cannot be used.
func CheckSAMLMetadata(document string) (saml.Metadata, error) {
	return saml.ParseMetadata([]byte(document))
}

// CheckOIDCURL returns what is wrong with a provider's URL; "" for nothing.
// Without TLS only a development server takes it.
func (d *Directory) CheckOIDCURL(url string) (problem string) {
	problem, _ = checkURL(url, d.local)
	return problem
}
