package devseed

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

const (
	demoRegion = "us-east-1"
	demoUUID   = "00000000-0000-4000-8000-000000000001"

	// DemoPool is the ID of the demo pool in us-east-1, the region of `poolhouse dev`.
	DemoPool = demoRegion + ":" + demoUUID
)

//go:embed demo.yaml
var demoText string

// ErrNoDemo means that a region cannot have the demo, whose policies are of the partition aws.
var ErrNoDemo = errors.New("the demo pool needs a region of the partition aws")

// DemoIn returns the ID of the demo pool in a region.
func DemoIn(region string) string { return region + ":" + demoUUID }

// Demo makes the demo pool with its roles and users, unless the pool exists. Roles and users that
// exist stay as they are. Error: ErrNoDemo.
func (s *Seeder) Demo(ctx context.Context, region string) error {
	if identitypool.Partition(region) != "aws" {
		return fmt.Errorf("%w: %s is none", ErrNoDemo, region)
	}
	there, err := apply.PoolExists(ctx, s.Client, DemoIn(region))
	if there || err != nil {
		return err
	}

	f, err := parse("demo.yaml", []byte(strings.ReplaceAll(demoText, DemoPool, DemoIn(region))),
		apply.ReadOptions{Name: "demo", Region: region, UserPools: true})
	if err != nil {
		return err
	}
	if _, err := s.resources(ctx, f, apply.Options{Keep: true}); err != nil {
		return err
	}

	return s.addUsers(f.users)
}

// addUsers adds users whose names are free.
func (s *Seeder) addUsers(users []devuser.User) error {
	var free []devuser.User
	for _, u := range users {
		if _, err := s.Users.Get(u.Name); errors.Is(err, devuser.ErrNotFound) {
			free = append(free, u)
		}
	}
	if len(free) == 0 {
		return nil
	}

	return s.Users.Put(free...)
}

// DemoFollows lets the demo pool trust the built-in issuer under its present name, if the pool trusts only
// that of the last start, whose URL is former. Anything else was its user's choice, and stays.
func (s *Seeder) DemoFollows(ctx context.Context, region, former string) error {
	_, formerKey, found := strings.Cut(former, "://")
	if !found || formerKey == s.LoginKey {
		return nil
	}
	there, err := apply.PoolExists(ctx, s.Client, DemoIn(region))
	if !there || err != nil {
		return err
	}

	id := map[string]any{"IdentityPoolId": DemoIn(region)}
	var pool, roles map[string]any
	if err := s.pools(ctx, "DescribeIdentityPool", id, &pool); err != nil {
		return err
	}
	if err := s.pools(ctx, "GetIdentityPoolRoles", id, &roles); err != nil {
		return err
	}

	formerARN := strings.TrimSuffix(s.ProviderARN, s.LoginKey) + formerKey
	providers, _ := pool["OpenIdConnectProviderARNs"].([]any)
	mappings, _ := roles["RoleMappings"].(map[string]any)
	mapping, mapped := mappings[formerKey]
	if !slices.Equal(providers, []any{formerARN}) || len(mappings) > 0 && (!mapped || len(mappings) > 1) {
		return nil
	}

	pool["OpenIdConnectProviderARNs"] = []string{s.ProviderARN}
	if err := s.pools(ctx, "UpdateIdentityPool", pool, nil); err != nil || !mapped {
		return err
	}
	roles["RoleMappings"] = map[string]any{s.LoginKey: mapping}

	return s.pools(ctx, "SetIdentityPoolRoles", roles, nil)
}

// pools calls an operation of the identity pools.
func (s *Seeder) pools(ctx context.Context, operation string, in, out any) error {
	return s.Client.JSON(ctx, "cognito-identity", "AWSCognitoIdentityService", operation, in, out)
}
