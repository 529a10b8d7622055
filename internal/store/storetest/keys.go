package storetest

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Fault is the way in which a statement goes wrong.
type Fault int

// The faults of a statement.
const (
	Fine  Fault = iota
	Fails       // an error at once
	Hangs       // no answer
	Slow        // the answer comes after a second
)

func (f Fault) of(ctx context.Context) error {
	switch f {
	case Fails:
		return errors.New("the database refuses")
	case Hangs:
		<-ctx.Done()
		return ctx.Err()
	case Slow:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}

	return nil
}

// Keys is the part of a store that keeps keys. K is store.Key: this package cannot
// import store, because the store's own tests import this package.
type Keys[K any] interface {
	Keys(ctx context.Context, purpose string) ([]K, error)
	UpdateKeys(ctx context.Context, purpose string, change func([]K) ([]K, error)) ([]K, error)
}

// FaultyKeys is a store of keys. Its next reads, and all its changes, have faults.
type FaultyKeys[K any] struct {
	Of Keys[K]

	mu             sync.Mutex
	faults         []Fault // of the next reads
	changes        Fault
	reads, changed int
}

// Keys implements Keys.
func (f *FaultyKeys[K]) Keys(ctx context.Context, purpose string) ([]K, error) {
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
func (f *FaultyKeys[K]) UpdateKeys(
	ctx context.Context, purpose string, change func([]K) ([]K, error),
) ([]K, error) {
	f.mu.Lock()
	f.changed++
	fault := f.changes
	f.mu.Unlock()

	if err := fault.of(ctx); err != nil {
		return nil, err
	}

	return f.Of.UpdateKeys(ctx, purpose, change)
}

// Set sets the fault of all changes, and the faults of the next reads.
func (f *FaultyKeys[K]) Set(changes Fault, reads ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.changes, f.faults = changes, reads
}

// Reads returns how often the keys were read.
func (f *FaultyKeys[K]) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.reads
}

// Changed returns how often somebody tried to change the keys.
func (f *FaultyKeys[K]) Changed() int {
	f.mu.Lock()
	defer f.mu.Unlock()

	return f.changed
}
