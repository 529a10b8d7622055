package poolhousetest

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"sync"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
)

// DemoPool is the ID of the pool that Demo makes.
const DemoPool = devseed.DemoPool

// Option changes how Start runs a server.
type Option = func(*poolhouse.Config)

// Seed is an option for Start: the server begins with the pools, roles, users and identities of seeds, which
// are files or folders as `poolhouse dev --seed` takes them. A path is relative to the folder that the test is in when
// it calls Seed. The test fails if a seed has a fault; its message has the line.
func Seed(paths ...string) Option {
	paths = slices.Clone(paths)
	for n, path := range paths {
		if whole, err := filepath.Abs(path); err == nil { // a reset may come after a change of the folder
			paths[n] = whole
		}
	}

	return seeded(func(ctx context.Context, s *poolhouse.Server) error {
		files, err := devseed.Read(paths, readOptions(s))
		if err != nil {
			return err
		}
		return s.DevSeeder().Apply(ctx, files, io.Discard)
	})
}

// SeedText is Seed with the text of one seed, in YAML or JSON.
func SeedText(text string) Option {
	return seeded(func(ctx context.Context, s *poolhouse.Server) error {
		file, err := devseed.Parse("SeedText", []byte(text), readOptions(s))
		if err != nil {
			return err
		}
		return s.DevSeeder().Apply(ctx, []devseed.File{file}, io.Discard)
	})
}

// Demo is an option for Start: the server begins with the demo of `poolhouse dev`, which is the pool DemoPool,
// roles for its guests and users, and the users alice, bob and carol.
func Demo() Option {
	return seeded(func(ctx context.Context, s *poolhouse.Server) error {
		info, _ := s.DevInfo()
		return s.DevSeeder().Demo(ctx, info.Region)
	})
}

// fill fills a server, at its start and after each reset.
type fill func(context.Context, *poolhouse.Server) error

// fills has what the options of a Start under way fill its server with, a *[]fill for each *poolhouse.Config: a
// configuration itself has only what happens after a reset.
var fills sync.Map

// seeded returns an option that adds to what the options before it fill the server with. It does nothing outside
// of Start.
func seeded(seed fill) Option {
	return func(c *poolhouse.Config) {
		if all, ok := fills.Load(c); ok {
			list := all.(*[]fill)
			*list = append(*list, seed)
		}
	}
}

// configure applies options, and returns what fills the server at its start; nil = nothing. The configuration does the
// same after a reset, before what the options want then.
func configure(c *poolhouse.Config, options []Option) fill {
	var all []fill
	fills.Store(c, &all)
	defer fills.Delete(c)

	for _, change := range options {
		change(c)
	}

	if len(all) == 0 {
		return nil
	}

	start := func(ctx context.Context, s *poolhouse.Server) error {
		for _, seed := range all {
			if err := seed(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
	after := c.OnDevReset
	c.OnDevReset = func(ctx context.Context, s *poolhouse.Server, empty bool) error {
		if !empty {
			if err := start(ctx, s); err != nil {
				return err
			}
		}
		if after == nil {
			return nil
		}
		return after(ctx, s, empty)
	}

	return start
}

func readOptions(s *poolhouse.Server) apply.ReadOptions {
	info, _ := s.DevInfo()
	return apply.ReadOptions{
		Region:    info.Region,
		UserPools: true,
		Account:   func() (string, error) { return info.AccountID, nil },
	}
}
