package iam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// ErrSettings means that a call tried to change a resource of the settings file.
var ErrSettings = errors.New("is defined in the settings file of this server: change it there")

// resourceLifetime is the lifetime of cached resources of the store. A change made on
// this node counts at once; one made on another node counts after this time at the
// latest.
const resourceLifetime = time.Second

// maxCachedResources bounds the cache of each kind of resource.
const maxCachedResources = 1024

// resourceCache keeps resources of the store for resourceLifetime. It does not
// remember that a resource was not found.
//
// cache: roles and providers
type resourceCache[V any] struct {
	entries *lru.Cache[string, cachedResource[V]]
	now     func() time.Time
	// generation counts changes made by this process. A read that began before
	// a change must not be kept after it.
	generation atomic.Uint64
}

type cachedResource[V any] struct {
	value V
	read  time.Time // when the store was asked
}

func newResourceCache[V any](now func() time.Time) *resourceCache[V] {
	entries, _ := lru.New[string, cachedResource[V]](maxCachedResources) // fails only for sizes below one
	return &resourceCache[V]{entries: entries, now: now}
}

// get returns the value under key, or that of read if there is none. read receives
// the expired value, if any, and may return it if it is still right.
func (c *resourceCache[V]) get(key string, read func(old *V) (V, error)) (V, error) {
	generation, now := c.generation.Load(), c.now()

	var old *V
	if e, ok := c.entries.Get(key); ok {
		// If the clock was set back, an entry must not live longer.
		if age := now.Sub(e.read); age >= 0 && age < resourceLifetime {
			return e.value, nil
		}
		old = &e.value
	}

	v, err := read(old)
	if err != nil {
		c.entries.Remove(key)
		return v, err
	}
	c.entries.Add(key, cachedResource[V]{value: v, read: now})
	if c.generation.Load() != generation {
		c.entries.Remove(key)
	}

	return v, nil
}

// forget drops the entries of an account, and keeps those of other accounts.
func (c *resourceCache[V]) forget(account identitypool.AccountID) {
	c.generation.Add(1)

	for _, arn := range c.entries.Keys() {
		if accountOfARN(arn) == account {
			c.entries.Remove(arn)
		}
	}
}

// caches of a Directory with a store.
type caches struct {
	roles *resourceCache[Role]
	oidc  *resourceCache[OIDCProvider]
	saml  *resourceCache[SAMLProvider]
}

func newCaches(now func() time.Time) caches {
	return caches{
		roles: newResourceCache[Role](now),
		oidc:  newResourceCache[OIDCProvider](now),
		saml:  newResourceCache[SAMLProvider](now),
	}
}

// changed drops an account's cached resources. It must run after every attempt to
// change some in the store, even a failed one, whose outcome may be unknown.
func (d *Directory) changed(account identitypool.AccountID) {
	d.cache.roles.forget(account)
	d.cache.oidc.forget(account)
	d.cache.saml.forget(account)
}

// storedRole returns a role that the IAM API made, compiled for decisions.
func (d *Directory) storedRole(ctx context.Context, arn RoleARN) (Role, error) {
	if !d.inStore(arn) {
		return Role{}, fmt.Errorf("role %s: %w", arn, ErrNotFound)
	}

	return d.cache.roles.get(arn.String(), func(*Role) (Role, error) {
		row, managed, err := d.store.RoleWithPolicies(ctx, arn.Account, arn.Name)
		if err != nil {
			return Role{}, fmt.Errorf("role %s: %w", arn, fromStore(err))
		}
		if d.RoleARN(row) != arn.String() { // another case or path
			return Role{}, fmt.Errorf("role %s: %w", arn, ErrNotFound)
		}
		return d.compile(row, managed)
	})
}

// inStore reports whether the store can have a role.
func (d *Directory) inStore(arn RoleARN) bool {
	return d.store != nil && !arn.IsZero() && arn.Partition == d.partition &&
		d.settingsRoles[resourceKey(arn.Account, arn.Name)].Name == ""
}

// RoleID returns the present unique ID of the role with that ARN, in any partition. It
// is never cached, as a session must not outlive its role by the lifetime of a
// cached role. The error wraps ErrNotFound if there is none.
func (d *Directory) RoleID(ctx context.Context, arn RoleARN) (string, error) {
	arn = arn.In(d.partition)
	if r, ok := d.roles[arn.String()]; ok {
		return r.ID, nil
	}
	if !d.inStore(arn) {
		return "", fmt.Errorf("role %s: %w", arn, ErrNotFound)
	}

	row, err := d.store.Role(ctx, arn.Account, arn.Name)
	if err == nil && d.RoleARN(row) != arn.String() { // another case or path
		err = ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("role %s: %w", arn, fromStore(err))
	}

	return row.ID, nil
}

// compile parses a role's policies for decisions. A permission policy that cannot be
// read is an error: without it, the role could do what it denies. A role with a managed
// policy of AWS that is no longer in the file may do nothing. Nobody can assume a
// role whose trust policy today's rules refuse.
func (d *Directory) compile(row store.Role, managed []store.ManagedPolicy) (Role, error) {
	r := Role{
		ARN:          NewRoleARN(d.partition, row.Account, row.Path, row.Name),
		Name:         row.Name,
		Path:         row.Path,
		ID:           row.ID,
		Account:      row.Account,
		TrustWritten: row.TrustWritten,
		MaxSession:   time.Duration(row.MaxSession) * time.Second,
		Tags:         row.Tags,
	}

	byARN := map[string]string{}
	for _, p := range managed {
		if v, ok := p.Version(p.Default); ok {
			byARN[d.PolicyARN(p)] = v.Document
		}
	}

	read := func(what, text string) (*policy.Document, error) {
		document, err := policy.Parse([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("role %s: %s: %w", r.ARN, what, err)
		}
		return document, nil
	}
	attached := func(arn string) (*policy.Document, error) {
		if isAWSPolicy(arn) {
			return d.awsDocument(arn), nil
		}
		text, ok := byARN[arn]
		if p, defined := d.settingsPolicy(arn); defined {
			text, ok = p.Versions[0].Document, true
		}
		if !ok {
			return nil, fmt.Errorf("role %s: its managed policy %s is missing", r.ARN, arn)
		}

		return read(arn, text)
	}

	r.Trust, r.TrustFault = readTrust(row.Trust)
	for _, name := range slices.Sorted(maps.Keys(row.Policies)) {
		document, err := read("policy "+name, row.Policies[name])
		if err != nil {
			return Role{}, err
		}
		r.Policies, r.PolicyNames = append(r.Policies, document), append(r.PolicyNames, name)
	}

	for _, arn := range row.Attached {
		document, err := attached(arn)
		if err != nil {
			return Role{}, err
		}
		r.Policies, r.PolicyNames = append(r.Policies, document), append(r.PolicyNames, arn)
	}

	if row.Boundary != "" {
		var err error
		r.BoundaryName = row.Boundary
		if r.Boundary, err = attached(row.Boundary); err != nil {
			return Role{}, err
		}
	}

	return r, nil
}

// storedOIDCProvider returns a provider that the IAM API made.
func (d *Directory) storedOIDCProvider(ctx context.Context, arn string) (OIDCProvider, error) {
	account, key, ok := d.parseARN(arn, oidcKind)
	if d.store == nil || !ok {
		return OIDCProvider{}, fmt.Errorf("OIDC provider %s: %w", arn, ErrNotFound)
	}

	return d.cache.oidc.get(arn, func(*OIDCProvider) (OIDCProvider, error) {
		row, err := d.store.OIDCProvider(ctx, account, key)
		if err != nil {
			return OIDCProvider{}, fmt.Errorf("OIDC provider %s: %w", arn, fromStore(err))
		}

		p := d.PlannedOIDCProvider(row.URL)
		p.ARN, p.Account, p.ClientIDs, p.Thumbprints = arn, account, row.ClientIDs, row.Thumbprints

		return p, nil
	})
}

// PlannedOIDCProvider returns the rules that a provider with this URL would have if the IAM API
// registered it.
func (d *Directory) PlannedOIDCProvider(url string) OIDCProvider {
	return OIDCProvider{
		URL:          url,
		Algorithms:   awsAlgorithms,
		AllowHTTP:    d.local,
		AllowPrivate: d.local,
	}
}

// awsAlgorithms are the algorithms that AWS accepts from every provider (STS API
// reference, AssumeRoleWithWebIdentity). The IAM API cannot change them.
var awsAlgorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// storedSAMLProvider returns a provider that the IAM API made.
func (d *Directory) storedSAMLProvider(ctx context.Context, arn string) (SAMLProvider, error) {
	account, name, ok := d.parseARN(arn, samlKind)
	if d.store == nil || !ok {
		return SAMLProvider{}, fmt.Errorf("SAML provider %s: %w", arn, ErrNotFound)
	}

	return d.cache.saml.get(arn, func(old *SAMLProvider) (SAMLProvider, error) {
		row, err := d.store.SAMLProvider(ctx, account, name)
		if err != nil {
			return SAMLProvider{}, fmt.Errorf("SAML provider %s: %w", arn, fromStore(err))
		}
		if old != nil && old.Document == row.Metadata { // to parse it again is expensive
			return *old, nil
		}

		metadata, err := saml.ParseMetadata([]byte(row.Metadata))
		if err != nil {
			return SAMLProvider{}, fmt.Errorf("SAML provider %s: %w", arn, err)
		}

		return SAMLProvider{
			ARN:      arn,
			Account:  account,
			Name:     name,
			Document: row.Metadata,
			Provider: &saml.Provider{
				Metadata:          metadata,
				Audiences:         d.samlNames,
				Recipients:        d.samlNames,
				PreviousEntityIDs: d.previousEntityIDs[arn],
				Link: explain.Link{
					Kind:   explain.LinkSAMLProvider,
					ID:     arn,
					Source: explain.SourceAPI,
				},
			},
		}, nil
	})
}

// settingsBoundary and a role's name make the name of the managed policy that stands
// for the role's boundary in the settings, where it has no name.
const settingsBoundary = "settings-boundary-"

// addSettingsBoundary adds the managed policy that shows a role's boundary, and
// returns its ARN; "" if the role has none.
func (d *Directory) addSettingsBoundary(r Role, document string) string {
	if document == "" {
		return ""
	}

	p := store.ManagedPolicy{
		Account:     r.Account,
		Name:        settingsBoundary + r.Name,
		Path:        "/",
		Description: "The permissions boundary of the role " + r.Name + " in the settings file of this server.",
		Versions:    []store.PolicyVersion{{Number: 1, Document: document}},
		Default:     1,
		Next:        2,
	}
	arn := d.PolicyARN(p)
	p.ID = uniqueID(policyIDPrefix, arn)
	d.settingsPolicies[resourceKey(p.Account, p.Name)] = p

	return arn
}

// settingsPolicy returns the managed policy of the settings with exactly that ARN.
func (d *Directory) settingsPolicy(arn string) (store.ManagedPolicy, bool) {
	account, resource, _ := d.parseARN(arn, "policy/")
	p, ok := d.settingsPolicies[resourceKey(account, resource)]
	return p, ok && d.PolicyARN(p) == arn
}

// parseARN parses arn:PARTITION:iam::ACCOUNT:KIND… for ARNs of this directory's
// partition.
func (d *Directory) parseARN(arn, kind string) (account identitypool.AccountID, name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:"+d.partition+":iam::")
	if !ok {
		return "", "", false
	}

	owner, resource, _ := strings.Cut(rest, ":")
	name, ok = strings.CutPrefix(resource, kind)
	return identitypool.AccountID(owner), name, ok && isAccount(owner) && name != ""
}

// fromStore wraps the store's errors in this package's.
func fromStore(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// Names of resources.

// RoleARN returns the ARN of a role.
func (d *Directory) RoleARN(r store.Role) string {
	return NewRoleARN(d.partition, r.Account, r.Path, r.Name).String()
}

// PolicyARN returns the ARN of a managed policy.
func (d *Directory) PolicyARN(p store.ManagedPolicy) string {
	return d.ARN(p.Account, "policy"+p.Path+p.Name)
}

// resourceKey returns the key of which an account can have one role, and one managed
// policy: names are unique regardless of case.
func resourceKey(account identitypool.AccountID, name string) string {
	return string(account) + "/" + strings.ToLower(name)
}

// merge returns the resources of the settings and of the store in the order of their
// keys, at most limit of them. Those of the settings hide the store's with the same
// key.
func merge[T any](settings, stored []T, key func(T) string, limit int) []T {
	names := map[string]bool{}
	for _, v := range settings {
		names[key(v)] = true
	}
	stored = slices.DeleteFunc(stored, func(v T) bool { return names[key(v)] })

	all := slices.Concat(settings, stored)
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })

	return all[:min(limit, len(all))]
}

// ARN returns the ARN of a resource of an account, such as "role/NAME".
func (d *Directory) ARN(account identitypool.AccountID, resource string) string {
	return "arn:" + d.partition + ":iam::" + string(account) + ":" + resource
}
