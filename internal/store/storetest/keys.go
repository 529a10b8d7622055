package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

// Fault is how a statement goes wrong.
type Fault int

// The faults of a statement.
const (
	Fine  Fault = iota
	Fails       // an error at once
	Hangs       // no answer
)

func (f Fault) of(ctx context.Context) error {
	switch f {
	case Fails:
		return errors.New("the database refuses")
	case Hangs:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// Keys is the part of a store that keeps keys.
type Keys interface {
	Keys(ctx context.Context, purpose string) ([]store.Key, error)
	UpdateKeys(ctx context.Context, purpose string, change func([]store.Key) ([]store.Key, error)) ([]store.Key, error)
}

// FaultyKeys is a store of keys whose next reads, and all whose changes, have faults.
type FaultyKeys struct {
	Of Keys

	mu             sync.Mutex
	faults         []Fault // of the next reads
	changes        Fault
	reads, changed int
}

// Keys implements Keys.
func (f *FaultyKeys) Keys(ctx context.Context, purpose string) ([]store.Key, error) {
	f.mu.Lock()
	f.reads++
	next := Fine
	if len(f.faults) > 0 {
		next, f.faults = f.faults[0], f.faults[1:]
	}
	f.mu.Unlock()

	if err := next.of(ctx); err != nil {
		return nil, err
	}
	return f.Of.Keys(ctx, purpose)
}

// UpdateKeys implements Keys.
func (f *FaultyKeys) UpdateKeys(
	ctx context.Context, purpose string, change func([]store.Key) ([]store.Key, error),
) ([]store.Key, error) {
	f.mu.Lock()
	f.changed++
	fault := f.changes
	f.mu.Unlock()

	if err := fault.of(ctx); err != nil {
		return nil, err
	}
	return f.Of.UpdateKeys(ctx, purpose, change)
}

// Set sets the fault of all changes, and those of the next reads.
func (f *FaultyKeys) Set(changes Fault, reads ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes, f.faults = changes, reads
}

// Reads returns how often the keys were read.
func (f *FaultyKeys) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// Changed returns how often somebody tried to change the keys.
func (f *FaultyKeys) Changed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}
