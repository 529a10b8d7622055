package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// devSeeds fill a development server before it answers anybody.
type devSeeds struct {
	paths []string
	watch *devseed.Watch // nil = the files are read once
	read  apply.ReadOptions
	demo  bool
	quiet bool // the demo may be impossible: nobody asked for it
}

// newDevSeeds reads the flags about seeds. A new folder that dev chose itself begins with the demo,
// unless it has a seed.
func newDevSeeds(c *cobra.Command, s *settings) (*devSeeds, error) {
	var all devSeeds
	var err error
	if all.paths, err = c.Flags().GetStringArray("seed"); err != nil {
		return nil, err
	}
	if c.Flags().Changed("seed") && len(all.paths) == 0 || slices.Contains(all.paths, "") { // pflag drops a single ""
		return nil, errors.New(`--seed "": name a file or folder; is a variable empty?`)
	}
	if all.demo, err = c.Flags().GetBool("demo"); err != nil {
		return nil, err
	}
	watch, err := c.Flags().GetBool("watch")
	if err != nil {
		return nil, err
	}

	if watch && len(all.paths) == 0 {
		return nil, errors.New("--watch needs a file to watch: name one with --seed")
	}
	if watch {
		all.watch = devseed.NewWatch(all.paths)
	}
	all.read = apply.ReadOptions{
		Region:    cmp.Or(s.Region, poolhouse.DevRegion),
		UserPools: true,
		Account:   func() (string, error) { return cmp.Or(s.Account, poolhouse.DevAccount), nil },
	}
	if _, err := devseed.Read(all.paths, all.read); err != nil {
		return nil, err // before a folder is made, which would no longer be new
	}
	if !all.demo && len(all.paths) == 0 {
		chosen, err := filepath.Abs(devFolder)
		all.demo = err == nil && s.DataDir == chosen && isAbsent(chosen, poolhouse.DatabaseFile)
		all.quiet = true
	}

	return &all, nil
}

// plant brings the server to what the demo and the seeds have.
func (s *devSeeds) plant(ctx context.Context, server *poolhouse.Server, out io.Writer) error {
	info, _ := server.DevInfo()
	seeder := server.DevSeeder()

	if err := seeder.DemoFollows(ctx, info.Region, server.FormerDevIssuer()); err != nil {
		return fmt.Errorf("the demo: %w", err)
	}
	if s.demo {
		err := seeder.Demo(ctx, info.Region)
		if err != nil && !(s.quiet && errors.Is(err, devseed.ErrNoDemo)) {
			return fmt.Errorf("the demo: %w", err)
		}
	}

	return s.apply(ctx, seeder, out)
}

// replant is plant for a server that begins anew; empty leaves the demo and the files out.
func (s *devSeeds) replant(ctx context.Context, server *poolhouse.Server, empty bool, out io.Writer) error {
	if empty {
		return nil
	}
	return s.plant(ctx, server, out)
}

// apply reads the files and applies them.
func (s *devSeeds) apply(ctx context.Context, seeder *devseed.Seeder, out io.Writer) error {
	if len(s.paths) == 0 {
		return nil
	}
	files, err := devseed.Read(s.paths, s.read)
	if err != nil {
		return err
	}

	return seeder.Apply(ctx, files, out)
}

// watchDuring runs serve. Meanwhile, if that was asked for, it applies the files again when they
// change, and calls applied after that.
func (s *devSeeds) watchDuring(
	ctx context.Context, server *poolhouse.Server, out io.Writer, colour terminal.Palette,
	applied func() error, serve func(context.Context) error,
) error {
	if s.watch == nil {
		return serve(ctx)
	}

	tick := time.NewTicker(devseed.WatchInterval)
	defer tick.Stop()

	watching, end := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		s.watch.Run(watching, tick.C, func() {
			if err := s.apply(watching, server.DevSeeder(), out); err != nil && watching.Err() == nil {
				reportSeed(out, colour, err)
			}
			if err := applied(); err != nil && watching.Err() == nil {
				apply.Say(out, "%v", err)
			}
		})
	})

	err := serve(ctx)
	end()
	group.Wait()

	return err
}

// reportSeed tells on the terminal why changed files were not applied.
func reportSeed(out io.Writer, colour terminal.Palette, err error) {
	outcome := "The server runs on with what it had."
	if errors.Is(err, devseed.ErrPartly) {
		outcome = "The rest of the files was applied, up to there."
	}

	var b strings.Builder
	fmt.Fprintf(&b, "\n%sThe changed seed cannot be applied.%s\n", colour.Red, colour.Reset)

	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(&b, "  %s\n", printable(line))
	}
	fmt.Fprintf(&b, "%s\n", outcome)
	_, _ = io.WriteString(out, b.String())
}
