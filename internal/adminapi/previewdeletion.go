package adminapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

const (
	// mostNamed bounds each list of an answer, and countedLogins the number of logins.
	mostNamed     = 100
	countedLogins = 10_000
	// searchedRoles is how many roles of an account are looked at.
	searchedRoles = 5000

	enhancedSession = time.Hour      // of GetCredentialsForIdentity
	keySession      = 36 * time.Hour // the longest of GetSessionToken
)

var (
	deletionKindShape = awsapi.String{Enum: []string{"identity-pool", "identity", "role", "provider", "access-key"}}
	deletionIDShape   = awsapi.String{Min: 1, Max: 2048}
)

type previewDeletionInput struct {
	Kind *string
	Id   *string
}

func (in *previewDeletionInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("kind", in.Kind, &deletionKindShape, false)
	v.String("id", in.Id, &deletionIDShape, false)

	return v.Violations()
}

type previewDeletionOutput struct {
	Kind       string
	Id         string
	Identities *int64   // absent until the pool of an older version was counted
	Logins     int64    // at most countedLogins
	Pools      []string // IDs of those that name it
	Roles      []string // ARNs
	Providers  []string
	AccessKeys []string // IDs of those whose policies name it
	// LongestSession is how long credentials may live, in seconds, that were issued because of it.
	LongestSession int
	// Truncated says that there are more logins, pools, roles or keys than the answer has.
	Truncated bool
}

func (s *Service) previewDeletionNeeds(
	_ context.Context, c awsapi.Caller, in *previewDeletionInput,
) ([]awsapi.Access, error) {
	switch awsapi.Text(in.Kind) {
	case "identity-pool":
		return s.about(c, in.Id, nil, nil), nil
	case "identity":
		return s.about(c, nil, in.Id, nil), nil
	case "role":
		return s.about(c, nil, nil, in.Id), nil
	default:
		return s.about(c, nil, nil, nil), nil
	}
}

// deletion collects what a deletion concerns.
type deletion struct {
	service *Service
	caller  awsapi.Caller
	out     *previewDeletionOutput
}

// previewDeletion tells what uses a thing of the caller's account, and changes nothing.
func (s *Service) previewDeletion(
	ctx context.Context, c awsapi.Caller, in *previewDeletionInput,
) (*previewDeletionOutput, error) {
	if in.Kind == nil || in.Id == nil {
		return nil, missing("Kind and Id")
	}

	d := &deletion{service: s, caller: c, out: &previewDeletionOutput{
		Kind:       *in.Kind,
		Id:         *in.Id,
		Pools:      []string{},
		Roles:      []string{},
		Providers:  []string{},
		AccessKeys: []string{},
	}}
	kinds := map[string]func(context.Context, string) error{
		"identity-pool": d.pool,
		"identity":      d.identity,
		"role":          d.role,
		"provider":      d.provider,
		"access-key":    d.accessKey,
	}

	s.options.Fresh(ctx)
	err := kinds[*in.Kind](ctx, *in.Id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, awsapi.Refused("ResourceNotFoundException",
			deletionMissing.With("account", c.Account, "region", c.Region),
			"There is nothing of this kind with this ID in this account and region.")
	} else if err != nil {
		return nil, err
	}

	return d.out, nil
}

// list adds to one of the answer's lists, within its bound.
func (d *deletion) list(list *[]string, name string) {
	switch {
	case slices.Contains(*list, name):
	case len(*list) == mostNamed:
		d.out.Truncated = true
	default:
		*list = append(*list, name)
	}
}

func (d *deletion) session(longest time.Duration) {
	d.out.LongestSession = max(d.out.LongestSession, int(longest/time.Second))
}

func (d *deletion) pool(ctx context.Context, id string) error {
	pool, err := d.service.ownPool(ctx, d.caller, identitypool.PoolID(id))
	if err != nil {
		return err
	}
	n, known, err := d.service.options.Store.IdentityCount(ctx, pool.ID)
	if err != nil {
		return err
	}
	if known {
		d.out.Identities = &n
	}
	if d.out.Logins, err = d.service.options.Store.CountLogins(ctx, pool.ID, countedLogins+1); err != nil {
		return err
	}
	if d.out.Logins > countedLogins {
		d.out.Logins, d.out.Truncated = countedLogins, true
	}

	for _, name := range providersOf(pool) {
		d.list(&d.out.Providers, name)
	}
	d.session(enhancedSession)
	if err := d.roles(ctx, func(arn string, r store.Role) bool {
		users := forUsersOf(pool, arn, r)
		if users {
			d.classicSession(pool, r)
		}
		return users
	}); err != nil {
		return err
	}

	return d.keys(ctx, id)
}

func (d *deletion) identity(ctx context.Context, id string) error {
	identity, err := d.service.options.Store.Identity(ctx, identitypool.IdentityID(id))
	if err != nil {
		return err
	}
	pool, err := d.service.ownPool(ctx, d.caller, identity.PoolID)
	if err != nil {
		return err
	}

	d.out.Identities, d.out.Logins = new(int64(1)), int64(len(identity.Logins))
	d.list(&d.out.Pools, string(pool.ID))

	for _, l := range identity.Logins {
		d.list(&d.out.Providers, pool.ShownName(l.Provider))
	}
	d.session(enhancedSession)
	if err := d.roles(ctx, func(arn string, r store.Role) bool {
		if forUsersOf(pool, arn, r) {
			d.classicSession(pool, r)
		}
		return strings.Contains(r.Trust, id)
	}); err != nil {
		return err
	}

	return d.keys(ctx, id)
}

// forUsersOf reports whether a pool gives a role, or the role names the pool in its trust policy.
func forUsersOf(pool identitypool.Pool, arn string, r store.Role) bool {
	return strings.Contains(r.Trust, string(pool.ID)) ||
		slices.ContainsFunc(rolesOf(pool), func(role string) bool { return sameARN(role, arn) })
}

// classicSession counts how long an app may take a role by itself.
func (d *deletion) classicSession(pool identitypool.Pool, r store.Role) {
	if pool.ClassicFlow() {
		d.session(time.Duration(r.MaxSession) * time.Second)
	}
}

func (d *deletion) role(ctx context.Context, id string) error {
	if !isRoleOf(id, d.caller.Account) {
		return store.ErrNotFound
	}
	role, err := d.service.options.Directory.RoleOf(ctx, id)
	if err != nil {
		return err
	}

	d.session(role.MaxSession)
	if err := d.pools(ctx, func(p identitypool.Pool) bool {
		return slices.ContainsFunc(rolesOf(p), func(arn string) bool { return sameARN(arn, id) })
	}); err != nil {
		return err
	}
	if err := d.roles(ctx, func(arn string, r store.Role) bool {
		return !sameARN(arn, id) && strings.Contains(r.Trust, id)
	}); err != nil {
		return err
	}

	return d.keys(ctx, id)
}

func (d *deletion) provider(ctx context.Context, id string) error {
	account, kind, _, ok := identitypool.ParseProviderARN(id)
	if !ok || string(account) != d.caller.Account {
		return store.ErrNotFound
	}
	stored := d.service.options.Directory.ToStored(id)
	var err error
	if kind == identitypool.SAMLProvider {
		_, err = d.service.options.Directory.SAMLProvider(ctx, stored)
	} else {
		_, err = d.service.options.Directory.OIDCProvider(ctx, stored)
	}
	if err != nil {
		return err
	}

	if err := d.pools(ctx, func(p identitypool.Pool) bool {
		return slices.ContainsFunc(slices.Concat(p.OIDCProviderARNs, p.SAMLProviderARNs),
			func(arn string) bool { return sameARN(arn, id) })
	}); err != nil {
		return err
	}
	if len(d.out.Pools) > 0 {
		d.session(enhancedSession)
	}
	if err := d.roles(ctx, func(_ string, r store.Role) bool {
		named := strings.Contains(r.Trust, id) || strings.Contains(r.Trust, stored)
		if named {
			d.session(time.Duration(r.MaxSession) * time.Second)
		}
		return named
	}); err != nil {
		return err
	}

	return d.keys(ctx, id)
}

func (d *deletion) accessKey(ctx context.Context, id string) error {
	keys, err := d.service.options.Keys.List(ctx, identitypool.AccountID(d.caller.Account))
	if err != nil {
		return err
	}

	for _, key := range keys {
		if key.ID == id {
			d.session(keySession)
			return nil
		}
	}

	return store.ErrNotFound
}

// pools lists the pools of the caller's account and region that a function accepts, and adds up their identities.
func (d *deletion) pools(ctx context.Context, uses func(identitypool.Pool) bool) error {
	pools, err := d.service.options.Store.PoolSummaries(ctx, identitypool.AccountID(d.caller.Account), d.caller.Region,
		time.Time{}, searchedPools+1)
	if err != nil {
		return err
	}
	if len(pools) > searchedPools {
		pools, d.out.Truncated = pools[:searchedPools], true
	}

	identities, known := int64(0), true
	for _, p := range pools {
		if uses(p.Pool) {
			d.list(&d.out.Pools, string(p.Pool.ID))
			identities, known = identities+p.Identities, known && p.Known
		}
	}
	if known {
		d.out.Identities = &identities
	}

	return nil
}

// roles lists the roles of the caller's account that a function accepts.
func (d *deletion) roles(ctx context.Context, names func(arn string, r store.Role) bool) error {
	directory := d.service.options.Directory
	roles, err := directory.NamedRoles(ctx, identitypool.AccountID(d.caller.Account), "", "", searchedRoles+1)
	if err != nil {
		return err
	}
	if len(roles) > searchedRoles {
		roles, d.out.Truncated = roles[:searchedRoles], true
	}

	for _, r := range roles {
		if arn := directory.RoleARN(r); names(arn, r) {
			d.list(&d.out.Roles, arn)
		}
	}

	return nil
}

// keys lists the access keys of the caller's account whose policies name id.
func (d *deletion) keys(ctx context.Context, id string) error {
	keys, err := d.service.options.Keys.List(ctx, identitypool.AccountID(d.caller.Account))
	if err != nil {
		return fmt.Errorf("access keys: %w", err)
	}

	for _, key := range keys {
		if strings.Contains(key.Policy, id) {
			d.list(&d.out.AccessKeys, key.ID)
		}
	}

	return nil
}

// sameARN compares ARNs in any partition.
func sameARN(a, b string) bool {
	return identitypool.InPartition(a, "aws") == identitypool.InPartition(b, "aws")
}

// rolesOf returns the ARNs of the roles that a pool gives.
func rolesOf(pool identitypool.Pool) []string {
	var arns []string
	for _, arn := range pool.Roles {
		arns = append(arns, arn)
	}

	for _, mapping := range pool.RoleMappings {
		for _, rule := range mapping.Rules {
			arns = append(arns, rule.RoleARN)
		}
	}

	return arns
}
