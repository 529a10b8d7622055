package iam_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/envelope"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// TestAccessKeysInTheRealStore runs the life of an access key with the real
// store and sealer, seen by two processes of which one has a cold cache.
func TestAccessKeysInTheRealStore(t *testing.T) {
	ctx := t.Context()
	db, err := store.Open(ctx, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	sealer, err := envelope.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}

	now := time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC)
	open := func(s iam.Sealer) *iam.AccessKeys {
		t.Helper()
		keys, err := iam.NewAccessKeys(iam.AccessKeyOptions{Store: db, Sealer: s, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	here, there := open(sealer), open(sealer)

	// The longest policy that is accepted must also be storable.
	const frame = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:*",` +
		`"Resource":["*","arn:"]}]}`
	long := strings.Replace(frame, `arn:`, `arn:`+strings.Repeat("é", (10_240-len(frame))/2), 1)
	for _, policy := range []string{"", frame, long} {
		key, secret, err := here.Create(ctx, iam.NewAccessKey{
			Account: "123456789012", Description: "é", Policy: policy,
		})
		if err != nil {
			t.Fatal(err)
		}
		caller, got, err := there.Lookup(ctx, key.ID)
		if err != nil || got != secret || caller.AccessKeyID != key.ID {
			t.Fatalf("Lookup = %+v, %v", caller, err)
		}

		list, err := there.List(ctx, "123456789012")
		if err != nil || len(list) != 1 || list[0] != key {
			t.Errorf("List = %+v, %v, want %+v", list, err, key)
		}
		if err := here.SetDisabled(ctx, key.ID, true); err != nil {
			t.Fatal(err)
		}

		if _, _, err := here.Lookup(ctx, key.ID); !errors.Is(err, iam.ErrDisabled) {
			t.Errorf("disabled: %v", err)
		}
		if err := here.Delete(ctx, key.ID); err != nil {
			t.Fatal(err)
		}

		now = now.Add(iam.MaxCacheLifetime)
		if _, _, err := there.Lookup(ctx, key.ID); !errors.Is(err, iam.ErrNotFound) {
			t.Errorf("deleted, in the other process: %v", err)
		}
		if err := here.Delete(ctx, key.ID); !errors.Is(err, iam.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	}

	development := iam.NewAccessKey{Account: "000000000000"}
	for range 2 {
		if _, err := here.Import(ctx, "test", "test", development); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := here.Import(ctx, "test", "other", development); !errors.Is(err, iam.ErrConflict) {
		t.Errorf("another secret: %v, want ErrConflict", err)
	}

	stranger, err := envelope.New(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(stranger).Lookup(ctx, "test"); !errors.Is(err, envelope.ErrWrongKey) {
		t.Errorf("under another master key: %v, want ErrWrongKey", err)
	}
}
