package iam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// rows is an AccessKeyStore in memory, which two AccessKeys can share as two
// processes share a database.
type rows struct {
	mu     sync.Mutex
	keys   map[string]store.AccessKey
	reads  int
	broken error           // what every call answers, when set
	onRead func(id string) // called within AccessKey, before it reads
}

func newRows() *rows { return &rows{keys: map[string]store.AccessKey{}} }

func (r *rows) change(id string, f func(k *store.AccessKey)) error {
	r.mu.Lock()
	defer r.mu.Unlock()

	if r.broken != nil {
		return r.broken
	}
	k, ok := r.keys[id]
	if !ok {
		return fmt.Errorf("row: %w", store.ErrNotFound)
	}
	f(&k)
	r.keys[id] = k

	return nil
}

func (r *rows) CreateAccessKeyWithin(ctx context.Context, k store.AccessKey, limit int) error {
	if len(r.keys) >= limit {
		return store.ErrLimit
	}
	return r.CreateAccessKey(ctx, k)
}

func (r *rows) CreateAccessKey(_ context.Context, k store.AccessKey) error {
	r.mu.Lock()
	defer r.mu.Unlock()

	if _, ok := r.keys[k.ID]; ok {
		return fmt.Errorf("row: %w", store.ErrConflict)
	}
	r.keys[k.ID] = k
	return r.broken
}

func (r *rows) CreateFirstAccessKey(ctx context.Context, k store.AccessKey) (bool, error) {
	if list, err := r.AccessKeys(ctx, ""); err != nil || len(list) > 0 {
		return false, err
	}
	return true, r.CreateAccessKey(ctx, k)
}

func (r *rows) Initialise(ctx context.Context, k store.AccessKey) (identitypool.AccountID, bool, error) {
	made, err := r.CreateFirstAccessKey(ctx, k)
	return k.Account, made, err
}

func (r *rows) AccessKey(_ context.Context, id string) (found store.AccessKey, err error) {
	err = r.change(id, func(k *store.AccessKey) { found = *k })
	r.mu.Lock()
	r.reads++
	hook := r.onRead
	r.mu.Unlock()
	if hook != nil {
		hook(id)
	}

	return found, err
}

func (r *rows) AccessKeys(_ context.Context, account identitypool.AccountID) ([]store.AccessKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()

	var list []store.AccessKey
	for _, id := range slices.Sorted(maps.Keys(r.keys)) {
		if k := r.keys[id]; account == "" || k.Account == account {
			list = append(list, k)
		}
	}

	return list, r.broken
}

func (r *rows) SetAccessKeyDisabled(_ context.Context, id string, disabled bool) error {
	return r.change(id, func(k *store.AccessKey) { k.Disabled = disabled })
}

func (r *rows) DeleteAccessKey(_ context.Context, id string) error {
	if err := r.change(id, func(*store.AccessKey) {}); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()

	delete(r.keys, id)
	return nil
}

func (r *rows) SetAccessKeyDisabledOf(
	ctx context.Context, _ identitypool.AccountID, id string, disabled bool,
) error {
	return r.SetAccessKeyDisabled(ctx, id, disabled)
}

func (r *rows) DeleteAccessKeyOf(ctx context.Context, _ identitypool.AccountID, id string) error {
	return r.DeleteAccessKey(ctx, id)
}

// boundSealer seals nothing, but refuses what it sealed for another place, as
// the real one does.
type boundSealer struct{}

func (boundSealer) Seal(plain []byte, aad string) []byte {
	return append([]byte("sealed for "+aad+"\x00"), plain...)
}

func (boundSealer) Open(sealed []byte, aad string) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte("sealed for "+aad+"\x00"))
	if !ok {
		return nil, errors.New("sealed for another place")
	}
	return plain, nil
}
