package devseed

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
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
		apply.ReadOptions{Name: "demo", Region: region})
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
