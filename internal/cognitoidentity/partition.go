package cognitoidentity

import (
	"maps"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/provider"
)

// The ARNs of a pool have the partition of its region; ARNs of other partitions are
// refused. Providers are stored in the server's form for all regions, or in the form
// that the pool already has: logins are stored under that name, and clients may
// continue to send it.

var (
	rolePartition = Refusals.Add(explain.Reason{
		Code:     "role-partition",
		Check:    "role partition",
		Expected: "a role's ARN in {partition}, the partition of the pool's region",
		Got:      "{arn}",
		Fix:      "write {right}",
	})
	poolPartition = Refusals.Add(explain.Reason{
		Code:     "pool-partition",
		Check:    "pool partition",
		Expected: "a pool's ARN in {partition}, the partition of the call's region",
		Got:      "{arn}",
		Fix:      "write {right}",
	})
	userPoolHost = Refusals.Add(explain.Reason{
		Code:     "user-pool-host",
		Check:    "user pool host",
		Expected: "the name that user pools of the region {region} have",
		Got:      "{name}",
		Fix:      "write {right}: the issuer of the user pool's tokens, without https://",
	})
)

// checkPartition refuses a provider's ARN that is not of the partition of the pool's region.
func checkPartition(pool identitypool.Pool, field, arn string) error {
	return providerError(provider.CheckPartition(pool, field, arn), pool)
}

// mappingKeys returns role mappings by the names under which the pool has their providers, and
// by these names the keys that were given instead.
func (s *Service) mappingKeys(
	pool identitypool.Pool, in map[string]RoleMapping,
) (stored map[string]RoleMapping, given map[string]string, err error) {
	stored, given = make(map[string]RoleMapping, len(in)), map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if err := checkPartition(pool, "RoleMappings", key); err != nil {
			return nil, nil, err
		}

		name := pool.StoredName(key)
		if atAWS, isLocal := s.Providers.LocalName(key); isLocal {
			name, given[atAWS] = atAWS, key
			if _, twice := in[atAWS]; twice {
				return nil, nil, mappingRefused(pool, atAWS, mappingTwice.With("issuer", provider.ShownName(key)),
					"(%s) and (%s) are role mappings of one provider; give one.", atAWS, key)
			}
		}
		stored[name] = in[key]
	}

	return stored, given, nil
}

// wrongRole refuses a role's ARN of another partition than the pool's. link leads to the field of
// the pool that names it; none if the call does.
func wrongRole(pool identitypool.Pool, arn string, link explain.Link) error {
	partition := identitypool.Partition(pool.Region)
	right := identitypool.InPartition(arn, partition)
	why := rolePartition.With("partition", partition, "arn", arn, "right", right).Of(arn).
		At(link)
	return awsapi.Refused(notAuthorized, why, "Access to Role '%s' is forbidden. In the partition %s it is %s.",
		arn, partition, right)
}

// checkCustomRole refuses a CustomRoleArn of another partition. It is not stored, and
// clients may still have the ARN in the form that the server wrote before.
func (s *Service) checkCustomRole(pool identitypool.Pool, arn string) error {
	_, isRole := identitypool.RoleAccount(arn)
	if !isRole || pool.ShownName(arn) == arn || s.Providers.ToStored(arn) == arn || pool.Names(arn) {
		return nil
	}
	return wrongRole(pool, arn, explain.Link{})
}

func wrongPoolARN(region, arn, right string) error {
	partition := identitypool.Partition(region)
	why := poolPartition.With("partition", partition, "arn", arn, "right", right).Of(arn)
	return awsapi.Refused(invalidParameter, why,
		"'%s' is not the ARN of an identity pool. In the partition %s it is %s.", arn, partition, right)
}

// shownRoles returns the default roles of a pool with the ARNs that answers show.
func shownRoles(pool identitypool.Pool) map[string]string {
	shown := make(map[string]string, len(pool.Roles))
	for kind, arn := range pool.Roles {
		shown[kind] = pool.ShownName(arn)
	}
	return shown
}
