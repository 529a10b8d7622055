// Package iam decides who may do what: it has roles, login providers, access keys,
// and the authorisation of signed calls. Rules and limits follow the IAM API
// reference (2010-05-08) and the IAM User Guide.
//
// A Directory has the roles and providers of the settings, which are checked as a
// whole before the server starts, and those of the store, which the IAM API made.
// AccessKeys are in the store, too. An Authorizer uses both.
// Start reading at NewDirectory and Authorizer.Authorize.
package iam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Errors that callers distinguish with errors.Is.
var (
	// ErrNotFound means that the resource does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that another resource has the name, or that the resource is in use.
	ErrConflict = errors.New("already exists")
	// ErrDisabled means that the access key exists and was disabled.
	ErrDisabled = errors.New("the access key is disabled")
	// ErrDenied means that the caller may not have the access: see DeniedError.
	ErrDenied = errors.New("access denied")
)

// Config is the content of a Directory: the resources of the settings, and the store
// with those of the IAM API.
type Config struct {
	Account       identitypool.AccountID // account of providers that name none
	Partition     string                 // partition of stored ARNs; "" = aws
	Roles         []RoleConfig
	OIDCProviders []OIDCProviderConfig
	SAMLProviders []SAMLProviderConfig
	// PreviousEntityIDs are the previous entity IDs of SAML providers that the IAM API
	// made, by ARN; see SAMLProviderConfig.PreviousEntityIDs.
	PreviousEntityIDs map[string][]string

	// AWSPolicies is the text of a file for ReadAWSPolicies; "" = none.
	AWSPolicies string

	Store *store.Store     // nil = the settings only
	Now   func() time.Time // the clock of the caches; nil = time.Now
	// SAMLNames are the audiences and recipients that SAML providers of the IAM API
	// accept, besides AWS's sign-in endpoints.
	SAMLNames []string
	// Local lets OIDC providers of the IAM API do without TLS, and have loopback and
	// private addresses. For development only.
	Local bool
}

// Directory has the roles, the OIDC and the SAML providers of the settings and of the
// store. It is safe for concurrent use.
//
// Role, OIDCProvider and SAMLProvider, which trust decisions use, are cached. They
// return a change made through this Directory at once, and one made by another node
// after resourceLifetime, one second, at the latest.
type Directory struct {
	roles         map[string]Role // the settings' roles, like the next two by ARN in partition
	providers     map[string]OIDCProvider
	samlProviders map[string]SAMLProvider
	warnings      []string

	// The settings' entries as the IAM API shows them: roles by resourceKey, providers
	// by ARN.
	settingsRoles    map[string]store.Role
	settingsPolicies map[string]store.ManagedPolicy // the roles' boundaries, by resourceKey
	settingsOIDC     map[string]store.OIDCProvider
	settingsSAML     map[string]store.SAMLProvider

	aws       AWSPolicies
	partition string
	store     *store.Store
	cache     caches
	samlNames []string
	local     bool

	previousEntityIDs map[string][]string
}

// Validate reports what NewDirectory refuses: faults of the settings' roles and providers.
func (c Config) Validate() error {
	_, err := NewDirectory(c)
	return err
}

// NewDirectory checks c completely. Its error joins one *SettingError for each
// fault, naming the entry, the value and the fix.
func NewDirectory(c Config) (*Directory, error) {
	c.Partition = cmp.Or(c.Partition, "aws")
	if c.Now == nil {
		c.Now = time.Now
	}

	d := &Directory{
		roles:            map[string]Role{},
		providers:        map[string]OIDCProvider{},
		samlProviders:    map[string]SAMLProvider{},
		settingsRoles:    map[string]store.Role{},
		settingsPolicies: map[string]store.ManagedPolicy{},
		settingsOIDC:     map[string]store.OIDCProvider{},
		settingsSAML:     map[string]store.SAMLProvider{},
		partition:        c.Partition,
		store:            c.Store,
		cache:            newCaches(c.Now),
		samlNames:        c.SAMLNames,
		local:            c.Local,
	}
	var all faults

	known, err := ReadAWSPolicies(c.AWSPolicies)
	if err != nil {
		all.list = append(all.list, err)
	}
	d.aws = known

	for _, name := range known.replaced() {
		d.warnings = append(d.warnings, awsPoliciesSetting+": its "+name+" takes the place of the built-in policy")
	}

	d.addRoles(c, &all)
	d.addOIDCProviders(c, &all)
	d.addSAMLProviders(c, &all)
	d.addPreviousEntityIDs(c, &all)
	if err := all.err(); err != nil {
		return nil, err
	}

	return d, nil
}

// addRoles checks the roles of c and adds them to d.
func (d *Directory) addRoles(c Config, all *faults) {
	names := map[string]string{} // resourceKey to the entry that has it
	for i, rc := range c.Roles {
		f := faults{setting: entry("roles", i)}
		r := newRole(rc, &f)
		r.Setting = f.setting

		// Role names are unique regardless of case and path (IAM API reference,
		// CreateRole).
		key := resourceKey(r.Account, r.Name)
		if first, taken := names[key]; !taken {
			names[key] = f.setting
		} else if r.Name != "" {
			f.add(".arn", rc.ARN, "names the same role as "+first,
				"role names are unique in an account, whatever their case and path")
		}

		d.roles[r.ARN.In(d.partition).String()] = r
		d.settingsRoles[key] = store.Role{
			Account:    r.Account,
			Name:       r.Name,
			Path:       r.Path,
			ID:         r.ID,
			Trust:      rc.TrustPolicy,
			MaxSession: int(r.MaxSession / time.Second),
			Policies:   rc.Policies,
			Boundary:   d.addSettingsBoundary(r, rc.PermissionsBoundary),
		}
		d.warnRole(r, f.setting)
		all.list = append(all.list, f.list...)
	}
}

// registered checks the providers of one kind in the settings.
type registered struct {
	first  map[string]string // the first entry of each ARN
	counts map[identitypool.AccountID]int
	most   int    // in an account
	what   string // the kind, in the plural
}

func newRegistered(most int, what string) registered {
	return registered{
		first:  map[string]string{},
		counts: map[identitypool.AccountID]int{},
		most:   most,
		what:   what,
	}
}

// add adds to f that another entry has the ARN, and that the account has too many
// providers.
func (r registered) add(arn string, account identitypool.AccountID, member, value, fix string, f *faults) {
	if first, taken := r.first[arn]; taken {
		f.add(member, value, "is the same provider as "+first, fix)
	} else {
		r.first[arn] = f.setting
	}
	if r.counts[account]++; r.counts[account] == r.most+1 {
		f.add("", "", fmt.Sprintf("account %s has more than %d %s", account, r.most, r.what), "remove some")
	}
}

// addOIDCProviders checks the OpenID Connect providers of c and adds them to d.
func (d *Directory) addOIDCProviders(c Config, all *faults) {
	others := newRegistered(maxOIDCProviders, "OIDC providers")
	for i, pc := range c.OIDCProviders {
		f := faults{setting: entry("oidc_providers", i)}
		pc.Account = cmp.Or(pc.Account, c.Account)
		p := newOIDCProvider(pc, c.Partition, &f)
		if !p.Development { // no settings file has that one
			p.Setting = f.setting
		}
		others.add(p.ARN, p.Account, ".url", pc.URL, "an account has one registration per host and path", &f)

		d.providers[p.ARN] = p
		d.settingsOIDC[p.ARN] = store.OIDCProvider{
			Account:     p.Account,
			URL:         p.URL,
			ClientIDs:   p.ClientIDs,
			Thumbprints: p.Thumbprints,
		}

		if _, key, _ := strings.Cut(p.URL, "://"); len(key) > maxLoginsKey {
			d.warnings = append(d.warnings, fmt.Sprintf("%s (%s): it cannot stand in Logins, "+
				"whose keys have %d characters at most; its tokens are good for STS only",
				f.setting, pc.URL, maxLoginsKey))
		}
		if pc.AllowHTTP {
			d.warnings = append(d.warnings,
				f.setting+" ("+pc.URL+"): allow_http lets whoever is on the network forge this provider's keys")
		}
		all.list = append(all.list, f.list...)
	}
}

func (d *Directory) warnRole(r Role, setting string) {
	if r.Trust != nil && !policy.CognitoTrustNamesAMR(r.Trust) {
		d.warnings = append(d.warnings, setting+" ("+r.ARN.String()+"): the trust policy does not ask for "+
			policy.CognitoAMR+", so a guest of the pool can assume the role through the classic flow")
	}
}

// SettleTrust looks up in the store when the trust policies of the settings were
// written. Until then they count as older than every pool. Call it before anybody
// uses the Directory.
func (d *Directory) SettleTrust(ctx context.Context) error {
	documents := make(map[string]string, len(d.roles))
	for _, r := range d.roles {
		documents[r.ARN.String()] = r.Trust.String()
	}

	written, err := d.store.SettleTrust(ctx, documents)
	if err != nil {
		return fmt.Errorf("the trust policies of the settings: %w", err)
	}

	for key, r := range d.roles {
		r.TrustWritten = written[r.ARN.String()]
		d.roles[key] = r
	}

	return nil
}

// Warnings returns the risky settings, one line each, for the log at start.
func (d *Directory) Warnings() []string { return slices.Clone(d.warnings) }

// ToStored returns an ARN in the stored partition, which the keys of the directory's maps
// have, too. ARNs that differ only in the partition name the same resource.
func (d *Directory) ToStored(arn string) string { return identitypool.InPartition(arn, d.partition) }

// Role returns the role with that ARN, path included, in any partition; the role's ARN
// has the stored partition. The error wraps ErrNotFound if there is none.
func (d *Directory) Role(ctx context.Context, arn RoleARN) (Role, error) {
	arn = arn.In(d.partition)
	if r, ok := d.roles[arn.String()]; ok {
		return r, nil
	}
	return d.storedRole(ctx, arn)
}

// RoleOf is Role for an ARN as text. The error wraps ErrNotFound also for other texts.
func (d *Directory) RoleOf(ctx context.Context, text string) (Role, error) {
	arn, err := ParseRoleARN(text)
	if err != nil {
		return Role{}, fmt.Errorf("role %s: %w", text, ErrNotFound)
	}
	return d.Role(ctx, arn)
}

// Roles lists an account's roles of the settings by name.
func (d *Directory) Roles(_ context.Context, account identitypool.AccountID) ([]Role, error) {
	var list []Role
	for _, r := range d.roles {
		if r.Account == account {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b Role) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// OIDCProviderAccounts returns the accounts, in order, that have registered the
// OpenID Connect provider of a Logins key, which is its URL without the scheme. It
// has no cache, so it returns registrations of other nodes at once.
func (d *Directory) OIDCProviderAccounts(ctx context.Context, key string) ([]identitypool.AccountID, error) {
	var accounts []identitypool.AccountID
	for _, p := range d.providers {
		if _, name, _ := strings.Cut(p.URL, "://"); name == key {
			accounts = append(accounts, p.Account)
		}
	}

	if d.store != nil {
		stored, err := d.store.OIDCProviderAccounts(ctx, key)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, stored...)
	}
	slices.Sort(accounts)

	return slices.Compact(accounts), nil
}

// OIDCProvider returns the provider with that ARN, in any partition. The error wraps
// ErrNotFound if there is none.
func (d *Directory) OIDCProvider(ctx context.Context, arn string) (OIDCProvider, error) {
	arn = d.ToStored(arn)
	if p, ok := d.providers[arn]; ok {
		return p.withMore(), nil
	}
	return d.storedOIDCProvider(ctx, arn)
}
