package main

import (
	"context"
	"path/filepath"
	"strconv"
)

// pair is the real server with all that its requests need.
type pair struct {
	server  *process
	bare    *process
	many    *process // likewise, with a thousand issuers; nil in the main table
	about   *subjects
	samples map[string][]byte
}

// both starts the real server on a copy of the base deployment, and the bare
// one with samples of its answers.
func (b *bench) both(ctx context.Context, do func(*pair) error) error {
	d, err := b.base.copyTo(filepath.Join(b.dir, "main"))
	if err != nil {
		return err
	}

	return b.serving(ctx, d, func(server *process) (err error) {
		p := &pair{server: server, samples: map[string][]byte{}}
		progress("preparing %d users and %d guests", preparedUsers, preparedUsers)

		if p.about, err = b.newSubjects(ctx, d, server.url); err != nil {
			return err
		}

		for n, s := range scenarios {
			targets, err := s.targets(ctx, server.url, p.about)
			if err != nil {
				return err
			}
			sample, err := send(ctx, targets[0])
			if err != nil {
				return err
			}
			p.samples[strconv.Itoa(n)] = sample
		}
		if p.bare, err = b.startBare(ctx, p.samples); err != nil {
			return err
		}
		defer func() { _ = p.bare.stop() }() // it has no orderly end: the signal is its end

		return do(p)
	})
}

// serverOf is the server that a scenario is about.
func (p *pair) serverOf(s *scenario) *process {
	if s.against == oneIssuer {
		return p.many
	}
	return p.server
}
