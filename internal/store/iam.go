package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// Role is a role that the IAM API made. Its name is unique in the account; case
// does not count.
type Role struct {
	Account     identitypool.AccountID `json:"-"`
	Created     time.Time              `json:"-"`
	Name        string                 `json:"name"`
	Path        string                 `json:"path"`
	ID          string                 `json:"id"`
	Description string                 `json:"description,omitzero"`
	Trust       string                 `json:"trust"`              // JSON policy document; see WriteTrust
	MaxSession  int                    `json:"maxSession"`         // seconds
	Boundary    string                 `json:"boundary,omitzero"`  // ARN of a managed policy; "" = none
	Tags        map[string]string      `json:"tags,omitempty"`     //
	Policies    map[string]string      `json:"policies,omitempty"` // inline policies: name to JSON document
	Attached    []string               `json:"attached,omitempty"` // ARNs of managed policies, sorted

	// TrustWritten is when Trust was last written, with another text or the same.
	// The store sets it.
	TrustWritten identitypool.Sequence `json:"trustWritten,omitzero"`
}

// writtenNow is TrustWritten until the store draws a number.
const writtenNow = -1

// WriteTrust replaces the trust policy. The policy counts as written anew even
// if the document stays the same.
func (r *Role) WriteTrust(document string) { r.Trust, r.TrustWritten = document, writtenNow }

// ManagedPolicy is a managed policy of an account. Its name is unique in the
// account; case does not count.
type ManagedPolicy struct {
	Account     identitypool.AccountID `json:"-"`
	Created     time.Time              `json:"-"`
	Name        string                 `json:"name"`
	Path        string                 `json:"path"`
	ID          string                 `json:"id"`
	Description string                 `json:"description,omitzero"`
	Updated     int64                  `json:"updated"` // epoch milliseconds
	Tags        map[string]string      `json:"tags,omitempty"`
	Versions    []PolicyVersion        `json:"versions"` // by number
	Default     int                    `json:"default"`  // number of the version in force
	Next        int                    `json:"next"`     // number of the next version
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	Number   int    `json:"number"`
	Document string `json:"document"`
	Created  int64  `json:"created"` // epoch milliseconds
}

// Version returns the version with that number.
func (p ManagedPolicy) Version(number int) (PolicyVersion, bool) {
	i := slices.IndexFunc(p.Versions, func(v PolicyVersion) bool { return v.Number == number })
	if i < 0 {
		return PolicyVersion{}, false
	}
	return p.Versions[i], true
}

// OIDCProvider is an OpenID Connect provider that the IAM API registered.
type OIDCProvider struct {
	Account     identitypool.AccountID `json:"-"`
	Created     time.Time              `json:"-"`
	URL         string                 `json:"url"` // with its scheme
	ClientIDs   []string               `json:"clientIDs,omitempty"`
	Thumbprints []string               `json:"thumbprints,omitempty"`
	Tags        map[string]string      `json:"tags,omitempty"`
}

// Key returns the URL without its scheme. It is unique in the account.
func (p OIDCProvider) Key() string {
	_, rest, _ := strings.Cut(p.URL, "://")
	return rest
}

// SAMLProvider is a SAML provider that the IAM API registered.
type SAMLProvider struct {
	Account  identitypool.AccountID `json:"-"`
	Created  time.Time              `json:"-"`
	Name     string                 `json:"name"`
	ID       string                 `json:"id"`
	Metadata string                 `json:"metadata"`
	Tags     map[string]string      `json:"tags,omitempty"`
}

// The kinds of IAM resource.
const (
	roleKind   = "role"
	policyKind = "policy"
	oidcKind   = "oidc-provider"
	samlKind   = "saml-provider"
)

func (r Role) header() header {
	return header{r.Account, roleKind, strings.ToLower(r.Name), r.Path, r.Created}
}
func (p ManagedPolicy) header() header {
	return header{p.Account, policyKind, strings.ToLower(p.Name), p.Path, p.Created}
}
func (p OIDCProvider) header() header { return header{p.Account, oidcKind, p.Key(), "", p.Created} }
func (p SAMLProvider) header() header { return header{p.Account, samlKind, p.Name, "", p.Created} }

func (r *Role) setHeader(h header)          { r.Account, r.Created = h.account, h.created }
func (p *ManagedPolicy) setHeader(h header) { p.Account, p.Created = h.account, h.created }
func (p *OIDCProvider) setHeader(h header)  { p.Account, p.Created = h.account, h.created }
func (p *SAMLProvider) setHeader(h header)  { p.Account, p.Created = h.account, h.created }

// CreateRole adds a role, created now. limit bounds the account's roles; 0 =
// none. Errors: ErrConflict, ErrLimit, ErrInvalid; ErrNotFound when it uses a
// managed policy that the account does not have.
func (s *Store) CreateRole(ctx context.Context, r Role, limit int) (Role, error) {
	return createResource(ctx, s, r, limit)
}

// Role returns a role by its name, in any case. Error: ErrNotFound.
func (s *Store) Role(ctx context.Context, account identitypool.AccountID, name string) (Role, error) {
	return findResource[Role](ctx, s, account, roleKind, strings.ToLower(name))
}

// RoleWithPolicies returns a role and, as of the same instant, the managed
// policies of the account that it uses. Error: ErrNotFound.
func (s *Store) RoleWithPolicies(
	ctx context.Context, account identitypool.AccountID, name string,
) (Role, []ManagedPolicy, error) {
	key := strings.ToLower(name)
	if !storable(string(account), maxID) || !storable(key, maxID) {
		return Role{}, nil, notFound("role")
	}

	// One statement sees one instant.
	rows, err := readAll(ctx, s, scanResource, `SELECT `+resourceColumns+` FROM iam_resources
			WHERE account = $1 AND kind = $3 AND resource_key = $2
		UNION ALL SELECT DISTINCT r.account, r.kind, r.resource_key, r.path, r.settings, r.created
			FROM iam_attachments AS a JOIN iam_resources AS r
				ON r.account = a.account AND r.kind = $4 AND r.resource_key = a.policy_key
			WHERE a.account = $1 AND a.role_key = $2`, string(account), key, roleKind, policyKind)
	if err != nil {
		return Role{}, nil, err
	}

	var role *Role
	var policies []ManagedPolicy
	for _, row := range rows {
		if row.kind == roleKind {
			r, err := resourceOf[Role](row)
			if err != nil {
				return Role{}, nil, err
			}
			role = &r
			continue
		}

		p, err := resourceOf[ManagedPolicy](row)
		if err != nil {
			return Role{}, nil, err
		}
		policies = append(policies, p)
	}

	if role == nil {
		return Role{}, nil, notFound("role")
	}

	return *role, policies, nil
}

// Roles returns at most limit roles of an account whose path begins with
// pathPrefix, ordered by lower-case name, from the first after the name after.
// Error: ErrInvalid.
func (s *Store) Roles(
	ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int,
) ([]Role, error) {
	return listResources[Role](ctx, s, account, roleKind, pathPrefix, strings.ToLower(after), limit)
}

// resourcePage is the number of rows that eachResource reads at a time.
const resourcePage = 200

// EachRole calls visit for every role of every account, in order of account and
// lower-case name. It stops at visit's first error and returns it. Roles that
// change meanwhile are seen before or after the change.
func (s *Store) EachRole(ctx context.Context, visit func(Role) error) error {
	return eachResource(ctx, s, roleKind, visit)
}

// EachManagedPolicy is EachRole for managed policies.
func (s *Store) EachManagedPolicy(ctx context.Context, visit func(ManagedPolicy) error) error {
	return eachResource(ctx, s, policyKind, visit)
}

// eachResource reads the resources of a kind page by page: visit may use the store.
func eachResource[T iamResource, P setter[T]](ctx context.Context, s *Store, kind string, visit func(T) error) error {
	var last header
	for {
		rows, err := readAll(ctx, s, scanResource, `SELECT `+resourceColumns+` FROM iam_resources
			WHERE kind = $1 AND (account > $2 OR account = $2 AND resource_key > $3)
			ORDER BY account, resource_key LIMIT $4`,
			kind, string(last.account), last.key, resourcePage)
		if err != nil {
			return err
		}

		for _, row := range rows {
			r, err := resourceOf[T, P](row)
			if err != nil {
				return err
			}
			if err := visit(r); err != nil {
				return err
			}
		}
		if len(rows) < resourcePage {
			return nil
		}
		last = rows[len(rows)-1].header
	}
}

// UpdateRole changes a role: it reads it, calls change and writes the result,
// and starts over if the account's resources were changed meanwhile. change
// must be pure; its error ends the update and is returned as is. change cannot
// set Account, Name, Path, ID and Created. Errors: ErrNotFound (wrapped with
// "policy" when a managed policy does not exist), ErrInvalid, ErrBusy.
func (s *Store) UpdateRole(
	ctx context.Context, account identitypool.AccountID, name string, change func(*Role) error,
) (Role, error) {
	return updateResource(ctx, s, account, roleKind, strings.ToLower(name), func(r *Role) error {
		before := *r
		err := change(r)
		r.Name, r.Path, r.ID = before.Name, before.Path, before.ID
		return err
	})
}

// DeleteRole removes a role if may returns nil; otherwise it returns may's error
// as is. Errors: ErrNotFound, ErrBusy.
func (s *Store) DeleteRole(
	ctx context.Context, account identitypool.AccountID, name string, may func(Role) error,
) error {
	return deleteResource(ctx, s, account, roleKind, strings.ToLower(name), may)
}

// CreatePolicy adds a managed policy, created now. Errors as CreateRole.
func (s *Store) CreatePolicy(ctx context.Context, p ManagedPolicy, limit int) (ManagedPolicy, error) {
	return createResource(ctx, s, p, limit)
}

// Policy returns a managed policy by its name, in any case. Error: ErrNotFound.
func (s *Store) Policy(ctx context.Context, account identitypool.AccountID, name string) (ManagedPolicy, error) {
	return findResource[ManagedPolicy](ctx, s, account, policyKind, strings.ToLower(name))
}

// Policies lists managed policies as Roles lists roles.
func (s *Store) Policies(
	ctx context.Context, account identitypool.AccountID, pathPrefix, after string, limit int,
) ([]ManagedPolicy, error) {
	return listResources[ManagedPolicy](ctx, s, account, policyKind, pathPrefix, strings.ToLower(after), limit)
}

// UpdatePolicy changes a managed policy as UpdateRole changes a role.
func (s *Store) UpdatePolicy(
	ctx context.Context, account identitypool.AccountID, name string, change func(*ManagedPolicy) error,
) (ManagedPolicy, error) {
	return updateResource(ctx, s, account, policyKind, strings.ToLower(name), func(p *ManagedPolicy) error {
		before := *p
		err := change(p)
		p.Name, p.Path, p.ID = before.Name, before.Path, before.ID
		return err
	})
}

// DeletePolicy removes a managed policy that no role uses, if may returns nil;
// otherwise it returns may's error as is. Errors: ErrNotFound, ErrConflict when
// a role uses it, ErrBusy.
func (s *Store) DeletePolicy(
	ctx context.Context, account identitypool.AccountID, name string, may func(ManagedPolicy) error,
) error {
	return deleteResource(ctx, s, account, policyKind, strings.ToLower(name), may)
}

// CreateOIDCProvider adds a provider, created now. Errors as CreateRole.
func (s *Store) CreateOIDCProvider(ctx context.Context, p OIDCProvider, limit int) (OIDCProvider, error) {
	return createResource(ctx, s, p, limit)
}

// OIDCProvider returns a provider by its Key. Error: ErrNotFound.
func (s *Store) OIDCProvider(ctx context.Context, account identitypool.AccountID, key string) (OIDCProvider, error) {
	return findResource[OIDCProvider](ctx, s, account, oidcKind, key)
}

// OIDCProviderAccounts returns the accounts, in order, that have a provider with
// that OIDCProvider.Key.
func (s *Store) OIDCProviderAccounts(ctx context.Context, key string) ([]identitypool.AccountID, error) {
	if !storable(key, maxID) {
		return nil, nil
	}
	return readAll(ctx, s, scanAccount, `SELECT account FROM iam_resources
		WHERE kind = $1 AND resource_key = $2 ORDER BY account`, oidcKind, key)
}

// OIDCProviders lists an account's providers by Key.
func (s *Store) OIDCProviders(ctx context.Context, account identitypool.AccountID) ([]OIDCProvider, error) {
	return listResources[OIDCProvider](ctx, s, account, oidcKind, "", "", maxListed)
}

// UpdateOIDCProvider changes a provider as UpdateRole changes a role.
func (s *Store) UpdateOIDCProvider(
	ctx context.Context, account identitypool.AccountID, key string, change func(*OIDCProvider) error,
) (OIDCProvider, error) {
	return updateResource(ctx, s, account, oidcKind, key, func(p *OIDCProvider) error {
		url := p.URL
		err := change(p)
		p.URL = url
		return err
	})
}

// DeleteOIDCProvider removes a provider. Errors: ErrNotFound, ErrBusy.
func (s *Store) DeleteOIDCProvider(ctx context.Context, account identitypool.AccountID, key string) error {
	return deleteResource(ctx, s, account, oidcKind, key, func(OIDCProvider) error { return nil })
}

// CreateSAMLProvider adds a provider, created now. Errors as CreateRole.
func (s *Store) CreateSAMLProvider(ctx context.Context, p SAMLProvider, limit int) (SAMLProvider, error) {
	return createResource(ctx, s, p, limit)
}

// SAMLProvider returns a provider by its name. Error: ErrNotFound.
func (s *Store) SAMLProvider(ctx context.Context, account identitypool.AccountID, name string) (SAMLProvider, error) {
	return findResource[SAMLProvider](ctx, s, account, samlKind, name)
}

// SAMLProviders lists an account's providers by name.
func (s *Store) SAMLProviders(ctx context.Context, account identitypool.AccountID) ([]SAMLProvider, error) {
	return listResources[SAMLProvider](ctx, s, account, samlKind, "", "", maxListed)
}

// UpdateSAMLProvider changes a provider as UpdateRole changes a role.
func (s *Store) UpdateSAMLProvider(
	ctx context.Context, account identitypool.AccountID, name string, change func(*SAMLProvider) error,
) (SAMLProvider, error) {
	return updateResource(ctx, s, account, samlKind, name, func(p *SAMLProvider) error {
		before := *p
		err := change(p)
		p.Name, p.ID = before.Name, before.ID
		return err
	})
}

// DeleteSAMLProvider removes a provider. Errors: ErrNotFound, ErrBusy.
func (s *Store) DeleteSAMLProvider(ctx context.Context, account identitypool.AccountID, name string) error {
	return deleteResource(ctx, s, account, samlKind, name, func(SAMLProvider) error { return nil })
}

// maxListed bounds lists that are not paged; the API keeps accounts far below it.
const maxListed = 10_000

// PolicyUsage is the way that a role uses a managed policy.
type PolicyUsage string

// The ways to use a managed policy.
const (
	AttachedUsage PolicyUsage = "attached"
	BoundaryUsage PolicyUsage = "boundary"
)

// PolicyUser is a role that uses a managed policy.
type PolicyUser struct {
	Usage PolicyUsage
	Role  Role
}

// PolicyUsers lists the roles that use the managed policy with that ARN, by
// lower-case name. Error: ErrInvalid.
func (s *Store) PolicyUsers(
	ctx context.Context, account identitypool.AccountID, arn string,
) ([]PolicyUser, error) {
	if err := checkText("policy ARN", arn, maxARN); err != nil {
		return nil, err
	}

	return readAll(ctx, s, func(row scanner) (u PolicyUser, err error) {
		var r resourceRow
		err = row.Scan(&u.Usage, &r.account, &r.kind, &r.key, &r.path, &r.settings, &r.createdMillis)
		if err != nil {
			return u, err
		}
		u.Role, err = resourceOf[Role](r)
		return u, err
	}, `SELECT a.usage, r.account, r.kind, r.resource_key, r.path, r.settings, r.created
		FROM iam_attachments AS a JOIN iam_resources AS r
			ON r.account = a.account AND r.kind = $3 AND r.resource_key = a.role_key
		WHERE a.account = $1 AND a.policy_arn = $2 ORDER BY a.role_key, a.usage`, string(account), arn, roleKind)
}

// PolicyUses counts the uses of each managed policy by the account's roles, by
// ARN and usage.
func (s *Store) PolicyUses(
	ctx context.Context, account identitypool.AccountID,
) (map[string]map[PolicyUsage]int, error) {
	var uses map[string]map[PolicyUsage]int
	err := s.read(ctx, func(q engine.Querier) error {
		uses = map[string]map[PolicyUsage]int{}

		return each(ctx, q, func(row scanner) error {
			var arn string
			var usage PolicyUsage
			var n int
			if err := row.Scan(&arn, &usage, &n); err != nil {
				return err
			}
			if uses[arn] == nil {
				uses[arn] = map[PolicyUsage]int{}
			}
			uses[arn][usage] = n

			return nil
		}, `SELECT policy_arn, usage, count(*) FROM iam_attachments
			WHERE account = $1 GROUP BY policy_arn, usage`, string(account))
	})
	if err != nil {
		return nil, err
	}

	return uses, nil
}

// maxARN is the longest ARN of a policy (IAM API reference, arnType).
const maxARN = 2048

// policyKeyOf returns the key of the account's managed policy with that ARN, or
// "" if the ARN names none. It does not compare the path.
func policyKeyOf(account identitypool.AccountID, arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[4] != string(account) {
		return ""
	}
	resource, ok := strings.CutPrefix(parts[5], "policy/")
	if !ok {
		return ""
	}

	return strings.ToLower(resource[strings.LastIndexByte(resource, '/')+1:])
}

// ErrPolicyNotFound means that a role was to use a managed policy that does not
// exist. It is an ErrNotFound.
var ErrPolicyNotFound = fmt.Errorf("managed policy: %w", ErrNotFound)
