package store

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// PoolSummary describes a pool for lists.
type PoolSummary struct {
	Pool identitypool.Pool // login providers with a secret have an empty value: it is sealed
	// Identities is how many identities the pool has; known is false until the pool of an older version was counted.
	Identities       int64
	Known            bool
	SignIns, Refused int64 // of the last day
}

// PoolSummaries returns all pools of an account and region, in the order of their IDs, at most limit. now is the time
// of the nodes that count; without it, nothing is told of the last day.
func (s *Store) PoolSummaries(
	ctx context.Context, account identitypool.AccountID, region string, now time.Time, limit int,
) ([]PoolSummary, error) {
	if !storable(string(account), maxID) || !storable(region, maxID) {
		return nil, nil
	}

	pools, err := readAll(ctx, s, scanSummary, summariesText, string(account), region, limit)
	if err != nil {
		return nil, err
	}
	if now.IsZero() {
		return pools, nil
	}
	used, err := s.usageOfDay(ctx, string(account), region, now)
	if err != nil {
		return nil, err
	}

	for n := range pools {
		u := used[pools[n].Pool.ID]
		pools[n].SignIns, pools[n].Refused = u.signIns, u.refused
	}

	return pools, nil
}

const summariesText = `SELECT p.pool_id, p.account, p.region, p.settings, p.created,
		COALESCE(c.identities, 0), COALESCE(c.counted, FALSE)
	FROM pools AS p LEFT JOIN pool_counts AS c ON c.pool_id = p.pool_id
	WHERE p.account = $1 AND p.region = $2 AND NOT p.deleting ORDER BY p.pool_id LIMIT $3`

func scanSummary(row scanner) (p PoolSummary, err error) {
	var r storedPool
	var settings string
	var created int64
	if err := row.Scan(&r.ID, &r.Account, &r.Region, &settings, &created, &p.Identities, &p.Known); err != nil {
		return p, err
	}
	r.Created = fromMillis(created)
	if err := r.decode(settings); err != nil {
		return p, err
	}
	r.nameSealed()
	p.Pool, p.Identities = r.Pool, max(p.Identities, 0)

	return p, nil
}

// nameSealed puts the login providers whose values are sealed among the others, without their values.
func (p *storedPool) nameSealed() {
	if p.SupportedLoginProviders == nil {
		p.SupportedLoginProviders = map[string]string{}
	}

	for provider := range p.SealedLoginProviders {
		p.SupportedLoginProviders[provider] = ""
	}
}
