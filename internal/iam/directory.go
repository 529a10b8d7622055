// Package iam holds what decides who may do what: roles, OIDC provider
// registrations, access keys, and the authorisation of callers against them.
//
// A Directory is built from the settings and checked as a whole, so that a
// server either starts with policies that mean what they say or not at all.
// AccessKeys live in the store. Authorizer puts both together for signed calls.
//
// Rules and limits follow the IAM API reference (2010-05-08) and the IAM User
// Guide. Start reading at NewDirectory and Authorizer.Authorize.
package iam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// The errors that callers tell apart with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("already exists")
	ErrDisabled = errors.New("the access key is disabled")
	ErrDenied   = errors.New("access denied")
)

// Config is the content of a Directory, as the settings give it.
type Config struct {
	Account       identitypool.AccountID // of providers that name none
	Partition     string                 // of provider ARNs; "" = aws
	Roles         []RoleConfig
	OIDCProviders []OIDCProviderConfig
	SAMLProviders []SAMLProviderConfig
}

// Directory answers for the roles, OIDC and SAML providers of the settings. It is
// immutable and safe for concurrent use.
type Directory struct {
	roles         map[string]Role
	providers     map[string]OIDCProvider
	samlProviders map[string]SAMLProvider
	warnings      []string
}

// NewDirectory checks c completely. Its error joins one *SettingError for each
// fault, naming the entry, the value and the fix.
func NewDirectory(c Config) (*Directory, error) {
	if c.Partition == "" {
		c.Partition = "aws"
	}
	d := &Directory{roles: map[string]Role{}, providers: map[string]OIDCProvider{}, samlProviders: map[string]SAMLProvider{}}
	var all faults
	names := map[string]string{} // account and folded name to the entry that has it
	for i, rc := range c.Roles {
		f := faults{setting: entry("roles", i)}
		r := newRole(rc, &f)
		// Role names are unique without regard to case, whatever their paths
		// (IAM API reference, CreateRole).
		key := string(r.Account) + "/" + strings.ToLower(r.Name)
		if first, taken := names[key]; taken && r.Name != "" {
			f.add(".arn", rc.ARN, "names the same role as "+first, "role names are unique in an account, whatever their case and path")
		}
		if _, taken := names[key]; !taken {
			names[key] = f.setting
		}
		d.roles[r.ARN] = r
		d.warnRole(r, f.setting)
		all.list = append(all.list, f.list...)
	}
	arns, counts := map[string]string{}, map[identitypool.AccountID]int{}
	for i, pc := range c.OIDCProviders {
		f := faults{setting: entry("oidc_providers", i)}
		pc.Account = cmp.Or(pc.Account, c.Account)
		p := newOIDCProvider(pc, c.Partition, &f)
		if first, taken := arns[p.ARN]; taken {
			f.add(".url", pc.URL, "is the same provider as "+first, "an account has one registration per host and path")
		}
		if _, taken := arns[p.ARN]; !taken {
			arns[p.ARN] = f.setting
		}
		if counts[p.Account]++; counts[p.Account] == maxOIDCProviders+1 {
			f.add("", "", fmt.Sprintf("account %s has more than %d OIDC providers", p.Account, maxOIDCProviders), "remove some")
		}
		d.providers[p.ARN] = p
		if pc.AllowHTTP {
			d.warnings = append(d.warnings, f.setting+" ("+pc.URL+"): allow_http lets whoever is on the network forge this provider's keys")
		}
		all.list = append(all.list, f.list...)
	}
	d.addSAMLProviders(c, &all)
	if err := all.err(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Directory) warnRole(r Role, setting string) {
	if r.Trust != nil && !policy.CognitoTrustNamesAMR(r.Trust) {
		d.warnings = append(d.warnings, setting+" ("+r.ARN+"): the trust policy does not ask for "+policy.CognitoAMR+
			", so a guest of the pool can assume the role through the classic flow")
	}
}

// Warnings lists what the settings allow but should not, one line each, for the
// log at start.
func (d *Directory) Warnings() []string { return slices.Clone(d.warnings) }

// Role returns the role with exactly that ARN, path included. The error wraps
// ErrNotFound.
func (d *Directory) Role(_ context.Context, arn string) (Role, error) {
	r, ok := d.roles[arn]
	if !ok {
		return Role{}, fmt.Errorf("role %s: %w", arn, ErrNotFound)
	}
	return r, nil
}

// Roles lists an account's roles by name.
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

// OIDCProvider returns the provider with exactly that ARN. The error wraps
// ErrNotFound.
func (d *Directory) OIDCProvider(_ context.Context, arn string) (OIDCProvider, error) {
	p, ok := d.providers[arn]
	if !ok {
		return OIDCProvider{}, fmt.Errorf("OIDC provider %s: %w", arn, ErrNotFound)
	}
	return p, nil
}

// OIDCProviders lists an account's providers by ARN.
func (d *Directory) OIDCProviders(_ context.Context, account identitypool.AccountID) ([]OIDCProvider, error) {
	var list []OIDCProvider
	for _, p := range d.providers {
		if p.Account == account {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b OIDCProvider) int { return cmp.Compare(a.ARN, b.ARN) })
	return list, nil
}
