package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// The sign-out that account B set before marks had accounts goes on counting for
// both accounts, in the upgraded database and in a restored backup.
func TestUpgradedSignOutsCountForAll(t *testing.T) {
	dir := t.TempDir()
	facts := wiretest.OldDatabase(t, dir)

	upgraded := wiretest.Must(
		store.Open(t.Context(), store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)}),
	)(t)
	defer upgraded.Close()

	restored := wiretest.Must(store.Open(t.Context(), store.Options{}))(t)
	defer restored.Close()

	wiretest.LoadOld(t, restored)

	for name, s := range map[string]*store.Store{"upgraded": upgraded, "restored": restored} {
		for _, account := range []string{facts["account_a"], facts["account_b"]} {
			marks, err := s.SignOuts(t.Context(), identitypool.AccountID(account), "accounts.google.com",
				"signed-out-by-b", nil, time.Time{})
			if err != nil || len(marks) != 1 || marks[0].Account != "" {
				t.Errorf("%s, account %s: %+v, %v", name, account, marks, err)
			}
		}
	}
}
