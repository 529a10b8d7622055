package store

import (
	"context"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// faulty is a database engine that fails when a developer wants it to (Options.Fault).
type faulty struct {
	engine.Engine

	fault func(ctx context.Context, write bool) (after, err error)
}

func (f faulty) Read(ctx context.Context, fn func(engine.Querier) error) error {
	if _, err := f.fault(ctx, false); err != nil {
		return err
	}
	return f.Engine.Read(ctx, fn)
}

func (f faulty) Snapshot(ctx context.Context, limit time.Duration, fn func(engine.Querier) error) error {
	if _, err := f.fault(ctx, false); err != nil {
		return err
	}
	return f.Engine.Snapshot(ctx, limit, fn)
}

// Write writes nothing if the fault has an error, and all if it has one for afterwards.
func (f faulty) Write(ctx context.Context, limit time.Duration, fn func(*engine.Tx) error) error {
	after, err := f.fault(ctx, true)
	if err != nil {
		return err
	}
	if err := f.Engine.Write(ctx, limit, fn); err != nil {
		return err
	}

	return after
}
